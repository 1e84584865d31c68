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


def section(doc, name):
    """What a section of a docstring says, without its indent; "" where there is none."""
    parts = SECTION.split(inspect.cleandoc(doc))
    found = dict(zip(parts[1::2], parts[2::2], strict=True))
    return inspect.cleandoc(found.get(name, ""))


def entries(text):
    """The names that a section explains: "a, b: what they are", further lines indented."""
    return [name for names in re.findall(r"^([\w*][\w*, ]*): ", text, re.MULTILINE) for name in names.split(", ")]


def parameters(thing):
    return [each.name for each in inspect.signature(thing).parameters.values() if each.name != "self"]


@pytest.mark.parametrize("name", THINGS)
def test_the_first_line_alone_says_what_it_is_for(name):
    first, _, rest = inspect.getdoc(THINGS[name]).partition("\n")
    assert first.endswith((".", ":"))
    assert len(first) <= LONGEST
    assert not rest or rest.startswith("\n"), "the first sentence goes on in the second line"


@pytest.mark.parametrize("name", CALLED)
def test_every_parameter_is_explained_and_no_other(name):
    thing = CALLED[name]
    doc = inspect.getdoc(thing)
    explained = entries(section(doc, "Args"))
    if explained:
        assert explained == parameters(thing)
    else:
        for parameter in parameters(thing):
            assert parameter.startswith("_") or f"`{parameter}`" in doc, parameter


@pytest.mark.parametrize("name", NAMES)
def test_a_function_says_what_comes_back(name):
    if inspect.isfunction(CALLED.get(name)):
        assert section(inspect.getdoc(CALLED[name]), "Returns")


@pytest.mark.parametrize("name", THINGS)
def test_sections_are_those_that_are_known_in_their_order(name):
    found = SECTION.findall(inspect.getdoc(THINGS[name]))
    assert found == [known for known in SECTIONS if known in found]


@pytest.mark.parametrize("name", THINGS)
def test_the_errors_that_are_named_exist(name):
    for error in entries(section(inspect.getdoc(THINGS[name]), "Raises")):
        assert issubclass(ERRORS[error], Exception | KeyboardInterrupt), error


@pytest.mark.parametrize("name", [name for name in mj.__all__ if inspect.isclass(getattr(mj, name))])
def test_the_attributes_of_an_error_exist(name):
    kind = getattr(mj, name)
    if issubclass(kind, mj.MJVideoError):
        for attribute in entries(section(kind.__doc__, "Attributes")):
            assert hasattr(kind("words"), attribute)


@pytest.mark.parametrize("name", [*NAMES, "Client.submit", "Client.wait", "Job.extend", "Job.wait", "Task.extend"])
def test_a_question_mark_and_shift_tab_show_a_signature_that_can_be_read(name, capsys):
    """Defaults as they are typed, and nothing that only this package's own modules know."""
    shell = InteractiveShell()
    shell.history_manager.enabled = False
    shell.user_ns["mj"] = mj
    shell.run_line_magic("pinfo", f"mj.{name}")
    told = COLOUR.sub("", capsys.readouterr().out)
    tip = COLOUR.sub("", shell.object_inspect_mime(f"mj.{name}")["text/plain"])  # what a kernel answers to Shift-Tab
    assert tip.strip() == told.strip()
    thing = THINGS[name]
    assert inspect.getdoc(thing).partition("\n")[0] in told
    if name in CALLED:
        signature = told.partition("Docstring:")[0]
        assert "ignature:" in signature
        assert set(re.findall(r"<[^>]*>", signature)) <= {"<factory>"}
        aliases = {"Waits", "OnRetry", "Update", "Trouble"}
        assert not aliases & set(re.findall(r"\w+", signature))
