"""Docstrings as `?` and Shift-Tab show them: whole, of the signature beside them, and with errors that exist."""

from __future__ import annotations

import builtins
import enum
import inspect
import re

import pytest
from IPython.core.interactiveshell import InteractiveShell

import mjvideo_nb as mj
from mjvideo_nb.library import Entry
from mjvideo_nb.limits import Limits
from mjvideo_nb.notebook.blind import Ranking
from mjvideo_nb.notebook.compare import Comparison
from mjvideo_nb.notebook.form import Studio
from mjvideo_nb.notebook.history import History
from mjvideo_nb.notebook.session import Session
from mjvideo_nb.notebook.standings import Ranked, Standings
from mjvideo_nb.notebook.state import State, Step
from mjvideo_nb.notebook.sweep import Sweep
from tests.failures import each

NAMES = [*mj.__all__, "open"]
HANDED_BACK = [
    *(Studio, History, Sweep, Comparison, Ranking, Standings, Ranked),
    *(State, Step, Entry, Limits, Session),
]
"""What the public names give back, and what is set on them."""
LONGEST = 120
SECTION = re.compile(r"^(\w+):$", re.MULTILINE)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
SECTIONS = ["Args", "Attributes", "Returns", "Raises"]
ERRORS = {name: getattr(mj, name) for name in mj.__all__} | vars(builtins)


def members(kind):
    """The methods and properties of a class that are ours and meant for others."""
    own = {name: value for owner in kind.__mro__[::-1] for name, value in vars(owner).items() if _is_ours(owner)}
    for name, value in own.items():
        if not name.startswith("_") and inspect.isfunction(value):
            yield f"{kind.__name__}.{name}", value
        elif not name.startswith("_") and isinstance(value, property):
            yield f"{kind.__name__}.{name}", value.fget


def _is_ours(owner):
    return owner.__module__.startswith("mjvideo_nb")


def everything():
    things = {name: getattr(mj, name) for name in NAMES} | {kind.__name__: kind for kind in HANDED_BACK}
    yield from things.items()
    for thing in things.values():
        if inspect.isclass(thing):
            yield from members(thing)


THINGS = dict(everything())
CALLED = {
    name: thing
    for name, thing in THINGS.items()
    if not (inspect.isclass(thing) and issubclass(thing, Exception | enum.Enum))
}
"""All that is called by whoever reads it; errors are caught, and words are used."""


def documented(thing):
    """Its docstring; "" where there is none, which the test of the first line tells."""
    return inspect.getdoc(thing) or ""


def section(doc, name):
    """What a section of a docstring says, without its indent; "" where there is none."""
    parts = SECTION.split(inspect.cleandoc(doc))
    found = dict(zip(parts[1::2], parts[2::2], strict=True))
    return inspect.cleandoc(found.get(name, ""))


def entries(text):
    """The names that a section explains: "a, b: what they are", further lines indented."""
    return [name for names in re.findall(r"^([\w*][\w*, ]*): ", text, re.MULTILINE) for name in names.split(", ")]


def parameters(thing):
    return [name for name in inspect.signature(thing).parameters if name != "self"]


@each(THINGS)
def test_the_first_line_alone_says_what_it_is_for(thing):
    first, _, rest = documented(thing).partition("\n")
    if not first.endswith((".", ":")):
        yield f"its first line is {first!r}; let it be a sentence that ends in a full stop or a colon"
    if len(first) > LONGEST:
        yield f"its first line has {len(first)} characters; make that {LONGEST} at most"
    if rest and not rest.startswith("\n"):
        yield "its first sentence goes on in the second line; make it fit one, with an empty line after it"


@each(CALLED)
def test_every_parameter_is_explained_and_no_other(thing):
    explained = entries(section(documented(thing), "Args"))
    if not explained:
        for parameter in parameters(thing):
            if not parameter.startswith("_") and f"`{parameter}`" not in documented(thing):
                yield f"nothing explains `{parameter}`; name it in the text, or all of them under Args"
    elif explained != parameters(thing):
        yield f"Args explains {', '.join(explained)}; it takes {', '.join(parameters(thing))}: explain these, in this order"


@each({name: CALLED[name] for name in NAMES if inspect.isfunction(CALLED.get(name))})
def test_a_function_says_what_comes_back(thing):
    if not section(documented(thing), "Returns"):
        yield "nothing says what comes back; say it under Returns"


@each(THINGS)
def test_sections_are_those_that_are_known_in_their_order(thing):
    found = SECTION.findall(documented(thing))
    if found != [known for known in SECTIONS if known in found]:
        yield f"its sections are {', '.join(found)}; let each be one of {', '.join(SECTIONS)}, once and in this order"


@each(THINGS)
def test_the_errors_that_are_named_exist(thing):
    for error in entries(section(documented(thing), "Raises")):
        kind = ERRORS.get(error)
        if not (inspect.isclass(kind) and issubclass(kind, Exception | KeyboardInterrupt)):
            yield f"{error} is no error of this package or of Python; name the one that is raised"


@each({name: kind for name, kind in THINGS.items() if inspect.isclass(kind) and issubclass(kind, mj.MJVideoError)})
def test_the_attributes_of_an_error_exist(kind):
    for attribute in entries(section(kind.__doc__, "Attributes")):
        if not hasattr(kind("words"), attribute):
            yield f"it has no `{attribute}`; set it in __init__, or take it out of Attributes"


@pytest.fixture
def shell():
    shell = InteractiveShell()
    shell.history_manager.enabled = False
    shell.user_ns["mj"] = mj
    return shell


@each([*NAMES, "Client.submit", "Client.wait", "Job.extend", "Job.wait", "Task.extend"])
def test_a_question_mark_and_shift_tab_show_a_signature_that_can_be_read(name, shell, capsys):
    """Defaults as they are typed, and nothing that only this package's own modules know."""
    shell.run_line_magic("pinfo", f"mj.{name}")
    told = COLOUR.sub("", capsys.readouterr().out)
    tip = COLOUR.sub("", shell.object_inspect_mime(f"mj.{name}")["text/plain"])  # what a kernel answers to Shift-Tab
    if tip.strip() != told.strip():
        yield f"Shift-Tab shows {tip.strip()!r}, and `?` {told.strip()!r}; they have to be the same"
    if documented(THINGS[name]).partition("\n")[0] not in told:
        yield "`?` does not show the first line of its docstring; leave no other docstring in its way"
    if name in CALLED:
        signature = told.partition("Docstring:")[0]
        if "ignature:" not in signature:
            yield "`?` shows no signature; give it one that inspect.signature can read"
        if unread := set(re.findall(r"<[^>]*>", signature)) - {"<factory>"}:
            yield f"its signature shows {', '.join(sorted(unread))}; give defaults a repr that can be typed"
        if aliases := {"Waits", "OnRetry", "Update", "Trouble"} & set(re.findall(r"\w+", signature)):
            yield f"its signature shows {', '.join(sorted(aliases))}, known in here only; write out what they stand for"
