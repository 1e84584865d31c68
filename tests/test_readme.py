"""The README does what it says: every block of it is run, and every command in a line of it is checked.

A fenced block names its language, and what that language means here is below, in RUNNERS: a block of any other kind, or one
that is only indented, fails. The blocks of Python and of magics are one notebook, each statement a cell, run in a kernel as
Run All does it. The service is a sandbox that goes by the clock, with a key, as it would be CometAPI: which clips it hands
out is nothing that the page speaks of.
"""

from __future__ import annotations

import ast
import http.server
import inspect
import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from PIL import Image
from traitlets.config.loader import PyFileConfigLoader

import mjvideo_nb as mj
from mjvideo_nb import config
from mjvideo_nb.cli.commands import parser
from mjvideo_nb.config import DEFAULT_BASE_URL, DEFAULT_PRICE
from mjvideo_nb.library import Library
from mjvideo_nb.library.line import UNCERTAIN_FOR
from mjvideo_nb.library.postgres import LAST_WORDS_PATIENCE, PATIENCE
from mjvideo_nb.library.presence import LEASE
from mjvideo_nb.limits import AT_ONCE
from mjvideo_nb.notebook.polling import ALONE
from mjvideo_nb.pace import REMOTE
from mjvideo_nb.retries import Retries
from mjvideo_nb.transport import DEFAULT_TIMEOUT
from tests.failures import each, tell
from tests.loopback import serving
from tests.tour.kernel import run_all

PROJECT = Path(__file__).parent.parent
README = (PROJECT / "README.md").read_text(encoding="utf-8")
PROJECT_FILE = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
EXAMPLE_ID = "1773314942177684"
"""The id that stands for a task in the README; here it is one that the sandbox has made."""
EXAMPLE_DATABASE = "postgresql+psycopg://me@db.example/videos"
"""The address that stands for a shared database; here it is one of the run's own server."""
KEY = "sk-marked-of-the-readme"
FENCE = re.compile(r"^```(.*)\n((?:(?!```).*\n)*)```$", re.MULTILINE)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")

TOO_LONG = {
    'pip install -e ".[demo]" && mjvideo-nb demo': "JupyterLab stays; tests/cli/test_demo.py runs it, CI installs the extra",
    'pip install -e ".[test]" && pytest': "this is what runs now; CI does both in a fresh environment",
}
"""Commands that are not run whole, and why; that what they name exists is checked."""


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    line: int
    language: str
    text: str

    @property
    def is_program(self):
        """Whether it is one for an interpreter of its own, which a kernel, whose loop runs, refuses."""
        return self.language == "python" and "asyncio.run(" in self.text

    @property
    def is_settings(self):
        """Whether it is a file of settings, which a JupyterHub reads."""
        return self.language == "python" and "get_config()" in self.text


def line_of(offset):
    return README.count("\n", 0, offset) + 1


BLOCKS = [Block(line_of(found.start()), *found.groups()) for found in FENCE.finditer(README)]
PROSE = FENCE.sub(lambda block: re.sub(r".", "-", block[0]), README)
"""What is in no block, each line in its place."""
COMMANDS = {
    command: f"README.md:{line}"
    for block in BLOCKS
    if block.language == "shell"
    for line, command in enumerate(block.text.splitlines(), block.line + 1)
}
"""Each with its place."""
LIBRARY_COMMANDS = [command for command in COMMANDS if command.startswith("mjvideo-nb library ")]
OTHER_COMMANDS = [command for command in COMMANDS if command not in {*TOO_LONG, *LIBRARY_COMMANDS}]
RENDER = next(command for command in OTHER_COMMANDS if command.startswith("mjvideo-nb render "))
RUNNERS = {
    "python": "test_the_whole_notebook_runs, test_the_program_runs, or test_the_settings_of_a_hub_are_read",
    "ipython": "test_the_whole_notebook_runs",
    "shell": "test_the_commands_do_what_they_say, test_the_commands_for_a_library_do_what_they_say, or TOO_LONG",
    "sql": "tests/library/test_roles.py",
    "nginx": "test_the_proxy_is_set_up_as_the_page_says",
    "text": "test_the_folder_holds_what_the_listing_says, or a drawing",
}


def cells():
    """What a user would type into one cell after the other, and where it is."""
    for block in BLOCKS:
        if block.language == "python" and not (block.is_program or block.is_settings):
            for statement in ast.parse(block.text).body:
                yield f"README.md:{block.line + statement.lineno}", ast.get_source_segment(block.text, statement)
        elif block.language == "ipython":
            for cell in block.text.strip().split("\n\n"):
                yield f"README.md:{block.line}", cell


NEEDS_NO_SERVER = list(itertools.takewhile(lambda cell: "s3://" not in cell[1], cells()))
"""All above the first storage; what comes below is asked of it, or of a database."""


@pytest.fixture
def folder(tmp_path):
    """What is there before the first line: a picture."""
    with Image.open(PROJECT / "notebooks" / "coffee.jpg") as photo:
        photo.resize((300, 200)).save(tmp_path / "tulip.jpg")
    return tmp_path


@pytest.fixture
def account():
    """Where CometAPI tells what an account has left."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps({"total_quota": 12.5}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with serving(Handler) as url:
        yield url


@pytest.fixture(scope="module")
def environment(sandboxes):
    """Of every process here: the sandbox is the service, and nothing is paid."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COMETAPI_", "MJVIDEO_"))}
    with sandboxes.sandbox(render=False) as sandbox:
        yield kept | {"COMETAPI_KEY": KEY, "COMETAPI_BASE_URL": sandbox.url, "PYTHONPATH": str(PROJECT)}


def ran_by_python(*words, folder, environment):
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def ran(command, folder, environment):
    _, *words = shlex.split(command)
    return ran_by_python("-m", "mjvideo_nb.cli", *words, folder=folder, environment=environment)


def wrong_end(done):
    """How a process ended that should have ended well, with its last words."""
    if done.returncode:
        yield f"it ended with {done.returncode}: {' '.join([*done.stderr.splitlines(), *done.stdout.splitlines()][-1:])}"


def named(blocks):
    return {f"README.md:{block.line}": block for block in blocks}


@each(named(BLOCKS))
def test_every_block_is_of_a_kind_that_is_run(block):
    if block.language not in RUNNERS:
        yield f"no test runs a block of {block.language!r}; name its language, or have one run it and add it to RUNNERS"


@each({f"README.md:{line}": text for line, text in enumerate(PROSE.splitlines(), 1)})
def test_no_block_is_without_a_fence(text):
    if re.match(r"(?: {4,}|\t)(?![-*|\d])", text):
        yield "a block that is only indented; put a fence around it that names its language"
    if "```" in text:
        yield "a fence that begins no block, or ends none; write it as ``` alone at the beginning of a line, and close it"


def test_every_kind_that_is_run_is_there():
    assert {block.language for block in BLOCKS} == set(RUNNERS)


def test_the_commands_do_what_they_say(folder, environment):
    task_id = EXAMPLE_ID
    wrong = []
    for command in OTHER_COMMANDS:
        if not command.startswith("mjvideo-nb "):
            wrong.append(
                f"{COMMANDS[command]}: {command}: no test runs it; have one do so, or give the reason in TOO_LONG"
            )
            continue
        done = ran(command.replace(EXAMPLE_ID, task_id), folder, environment)
        wrong += [f"{COMMANDS[command]}: {command}: {line}" for line in _wrong_with_clips(done, folder)]
        if task_id == EXAMPLE_ID and done.stdout:
            task_id = done.stdout.split()[-1]
    tell(wrong)


def _wrong_with_clips(done, folder):
    yield from wrong_end(done)
    *paths, last = done.stdout.splitlines() or [""]
    if len(paths) != 4:
        yield f"it wrote {len(paths)} clips, not four"
    for path in paths:
        if not ((folder / path).is_file() and (folder / path).stat().st_size > 1000):
            yield f"{path} is no clip"
    if not last.startswith("task "):
        yield f"its last line names no task: {last!r}"


def test_the_commands_for_a_library_do_what_they_say(tmp_path, environment, shared_database):
    library = Library(tmp_path / "mjvideo")
    entry = library.ledger.add(mj.VideoRequest(image="https://x.example/a.jpg"), service="https://x.example", price=0.6)
    library.ledger.refused(entry.id, mj.Refused("no"))
    library.close()
    told = ""
    wrong = []
    for command in LIBRARY_COMMANDS:
        done = ran(command.replace(EXAMPLE_DATABASE, shared_database), tmp_path, environment)
        wrong += [f"{COMMANDS[command]}: {command}: {line}" for line in wrong_end(done)]
        told += done.stdout
    tell(wrong)
    assert told.count("1 job with 0 clips") == 2
    assert (tmp_path / "moved-back" / "library.sqlite").exists()
    assert re.search(r"alice +0\.00 of +20\.00 USD", told)


def test_the_settings_of_a_hub_are_read(tmp_path, monkeypatch):
    """By the loader that a hub has; what it sets is read by a kernel."""
    (block,) = (block for block in BLOCKS if block.is_settings)
    (tmp_path / "jupyterhub_config.py").write_text(block.text, encoding="utf-8")
    monkeypatch.setenv("COMETAPI_KEY", KEY)
    monkeypatch.setenv("MJ_SPEND_PASSWORD", "word")
    given = PyFileConfigLoader("jupyterhub_config.py", str(tmp_path)).load_config().Spawner.environment
    assert given["COMETAPI_KEY"] == KEY
    assert config.database(given["MJVIDEO_DATABASE"])
    read = parser().format_help()
    tell(
        f"README.md:{block.line}: it sets {name}, which no kernel reads; mjvideo-nb --help lists those that are"
        for name in given
        if name not in read and not name.startswith("PG")
    )


def test_the_proxy_is_set_up_as_the_page_says():
    """Its lines are whole, it goes to the service, says who it is as a kernel does, and sends nothing twice."""
    (block,) = (block for block in BLOCKS if block.language == "nginx")
    lines = [line.partition("#")[0].strip() for line in block.text.splitlines()]
    assert block.text.count("{") == block.text.count("}")
    said = [tuple(shlex.split(line.rstrip(";"))) for line in lines if line.endswith(";")]
    host = DEFAULT_BASE_URL.partition("://")[2]
    needed = {
        ("proxy_pass", DEFAULT_BASE_URL),
        ("proxy_set_header", "Host", host),
        ("proxy_set_header", "Authorization", "Bearer sk-the-real-key"),
        ("proxy_ssl_verify", "on"),
        ("proxy_next_upstream", "off"),
    }
    wrong = [
        f"README.md:{number}: {line!r} is no whole line; end it with ; or a brace"
        for number, line in enumerate(lines, block.line + 1)
        if not line.endswith((";", "{", "}"))
    ]
    wrong += [
        f"README.md:{block.line}: it lacks {' '.join(words)!r}; say so in it" for words in sorted(needed - {*said})
    ]
    tell(wrong)
    (patience,) = (words[1] for words in said if words[0] == "proxy_read_timeout")
    assert float(patience.rstrip("s")) > DEFAULT_TIMEOUT.read


@each([*TOO_LONG])
def test_what_a_long_command_names_exists(command):
    if command not in COMMANDS:
        yield "it is no command of README.md; take it out of TOO_LONG"
    yield from wrong_names(command)


NAMED = """
import os
from mjvideo_nb import account
account.DEFAULT_BASE_URL = os.environ["COMETAPI_BASE_URL"]
account.balance.__kwdefaults__["url"] = os.environ["TEST_ACCOUNT"]
"""
"""The first cell: the sandbox is CometAPI, and what it says of accounts is said at an address of the test."""


def test_the_notebook_runs_as_far_as_it_needs_no_server(folder, environment, account):
    tell(_wrong_with_notebook(NEEDS_NO_SERVER, folder, environment | {"TEST_ACCOUNT": account}))


def test_the_whole_notebook_runs(folder, environment, account, s3, shared_database):
    env = environment | {
        "TEST_ACCOUNT": account,
        "AWS_ENDPOINT_URL": s3.url,
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
    }
    tell(_wrong_with_notebook(list(cells()), folder, env, database=shared_database))


def _wrong_with_notebook(asked, folder, env, *, database=""):
    """Run these cells, and look at what they show, what they make, and what lies in the library."""
    earlier = ran(RENDER, folder, env)
    tell(f"{COMMANDS[RENDER]}: {RENDER}: {line}" for line in wrong_end(earlier))
    task_id = earlier.stdout.split()[-1]
    shutil.copy(next(folder.glob("clips/*/0.mp4")), folder / "clips" / "old.mp4")
    notebook = nbformat.v4.new_notebook()
    for source in [NAMED, *(source for _, source in asked)]:
        told = source.replace(EXAMPLE_ID, task_id).replace(EXAMPLE_DATABASE, database)
        notebook.cells.append(nbformat.v4.new_code_cell(told))
    nbformat.write(notebook, folder / "readme.ipynb")
    first, *others = run_all(folder / "readme.ipynb", env=env)[0]
    for line in _wrong_with_cell(first, NAMED):
        yield f"the first cell: {line}"
    for (where, source), cell in zip(asked, others, strict=True):
        for line in _wrong_with_cell(cell, source):
            yield f"{where}: {source}: {line}"
    typed = "\n".join(source for _, source in asked)
    for made in ("show.html", "sheet.png", "clip.webp", "reel.mp4"):
        if made in typed and not ((folder / made).is_file() and (folder / made).stat().st_size > 1000):
            yield f"{made}: it was not made, or is all but empty"
    if len(list((folder / "best").glob("*.mp4"))) != 4:
        yield "best: there are not four clips in it"
    yield from _wrong_with_listing(folder / "mjvideo")


def _wrong_with_cell(cell, source):
    if cell.status != "ok":
        yield f"it ended with {cell.status!r}: {' '.join(cell.kinds)}"
    yield from (f"it wrote to {kind}" for kind in cell.kinds if kind.startswith("stderr"))
    shows = re.match(r"mj\.(?!connect)|job$|%%|longer\.", source)
    if shows and not cell.kinds:
        yield "it shows nothing"


def _wrong_with_listing(home):
    """Whether the folder holds what the listing says, and nothing that it does not."""
    (listing,) = (block for block in BLOCKS if block.text.startswith("mjvideo/\n"))
    patterns = {
        re.sub(r"<[^>]*>", "*", word).rstrip("/")
        for line in listing.text.splitlines()[1:]
        for word in re.split(r"\s{3,}", line.strip())[0].split(" ")
        if re.search(r"\S", word)
    } - {"id>", "<task"}
    patterns = {"clips/*/*.mp4" if name.startswith("clips") or name.endswith("mp4") else name for name in patterns}
    named = {pattern.partition("/")[0] for pattern in patterns}
    for pattern in sorted(patterns):
        if not list(home.glob(pattern)):
            yield f"README.md:{listing.line}: it lists {pattern}, which is not there"
    for path in sorted(home.glob("*")):
        if path.name not in named:
            yield f"README.md:{listing.line}: it does not list {path.name}, which is there"


@pytest.mark.parametrize(
    "block", [block for block in BLOCKS if block.is_program], ids=lambda block: f"line {block.line}"
)
def test_the_program_runs(block, folder, environment):
    (folder / "program.py").write_text(block.text, encoding="utf-8")
    done = ran_by_python("-W", "error", "program.py", folder=folder, environment=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "status='SUCCESS'" in done.stdout
    assert len(list(folder.glob("clips/*/*.mp4"))) == 4


# In a line


def pieces():
    """The code in the lines, but not the marks that are only drawn in code's letters; each with its places."""
    places = {}
    for found in INLINE.finditer(PROSE):
        if re.search(r"[A-Za-z]{2}", found[1]):
            places.setdefault(found[1], []).append(line_of(found.start()))
    return {f"README.md:{','.join(map(str, lines))}: `{code}`": code for code, lines in places.items()}


@each(pieces())
def test_what_a_line_names_exists(code):
    yield from wrong_names(code)


def wrong_names(code):
    """What this piece of code names and is not there: commands with their options, files, extras, variables, calls."""
    for command in code.split(" && "):
        if "'" not in command:  # an apostrophe, and no command
            yield from _wrong_words([word for word in shlex.split(command) if not word.startswith("PYTHONPATH=")])
    for variable in re.findall(r"\b(?:COMETAPI|MJVIDEO)_[A-Z_]+", code):
        if variable not in parser().format_help() and variable not in BROWSER_VARIABLES:
            yield f"nothing reads {variable}; mjvideo-nb --help lists the variables"
    for call in _calls(code):
        yield from _wrong_call(call)
    for name in re.findall(r"\bmj\.(\w+)", code):
        if name not in {*mj.__all__, "open"}:
            yield f"mj has no public {name}; mj.__all__ lists the names"


def _wrong_words(words):
    match words:
        case ["mjvideo-nb", *options]:
            yield from _wrong_command(options)
        case ["pip", "install", *options]:
            for extra in set(re.findall(r"\[(\w+)\]", options[-1])) - {
                *PROJECT_FILE["project"]["optional-dependencies"]
            }:
                yield f"there is no extra {extra}; pyproject.toml lists them"
        case ["python", "-m", module, *options]:
            yield from _wrong_script(f"{module.replace('.', '/')}.py", options)
        case ["python", script, *options]:
            yield from _wrong_script(script, options)
        case _:
            yield from _wrong_name(words)


def _wrong_name(words):
    match words:
        case ["nox", "-s", session]:
            if f"def {session}(" not in (PROJECT / "noxfile.py").read_text(encoding="utf-8"):
                yield f"there is no session {session}; nox -l lists them"
        case ["ruff" | "mypy" | "lint-imports" | "pytest", *_]:
            if not shutil.which(words[0]):
                yield f"{words[0]} is not on the PATH; install the extra `test`, and activate its environment"
        case [name] if re.fullmatch(r"[\w./-]+\.(?:py|md|jpg)|\.ci/run|notebooks/", name):
            if not any((PROJECT / place / name).exists() for place in PLACES):
                yield f"there is no {name}; name it from the top of the tree, or from notebooks/"


PLACES = ("", "notebooks")
BROWSER_VARIABLES = set(
    re.findall(
        r"\bMJVIDEO_[A-Z]+",
        "".join(path.read_text(encoding="utf-8") for path in (PROJECT / "tests/browser").glob("*.py")),
    )
)


def _wrong_command(options):
    helps = not options or options[-1] == "--help"
    try:
        understood = parser().parse_args([*options, "--help"] if helps else options).run and not helps
    except SystemExit as ended:
        understood = helps and ended.code == 0
    if not understood:
        yield "the command line does not take it; mjvideo-nb --help shows what it takes"


def _wrong_script(script, options):
    if not (PROJECT / script).is_file():
        yield f"there is no {script}; name it from the top of the tree"
        return
    for option in options:
        if option.startswith("--") and f'"{option}"' not in (PROJECT / script).read_text(encoding="utf-8"):
            yield f"{script} has no option {option}; its --help lists them"


def _calls(code):
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return []  # not Python
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]


OWNERS = {"mj": mj, "job": mj.Job, "client": mj.Client}


def _wrong_call(call):
    owner = OWNERS.get(getattr(call.func.value, "id", None))
    if owner is None or any(isinstance(value, ast.Starred) for value in call.args):
        return
    given = [] if owner is mj else [None]
    try:
        function = getattr(owner, call.func.attr)
        inspect.signature(function).bind(*given, *call.args, **{each.arg: each.value for each in call.keywords})
    except (AttributeError, TypeError) as error:
        yield f"{ast.unparse(call)} cannot be called: {error}; write it as its signature has it"


# What it repeats


@each(
    [
        f"every {REMOTE.shortest:.0f} to {REMOTE.longest:.0f} s, more often towards the end",
        f"`at_once={AT_ONCE}`",
        f"cost about {DEFAULT_PRICE:.2f} USD",
        {120.0: "tried again by itself for two minutes"}.get(Retries.deadline, f"{Retries.deadline} s, in words"),
        f"gives its place up {LEASE:.0f} s later",
        {600.0: "keeps its place for ten minutes"}.get(UNCERTAIN_FOR, f"{UNCERTAIN_FOR} s, in words"),
        f"waited for, {PATIENCE:.0f} s for most things and {LAST_WORDS_PATIENCE:.0f} s for what became of a paid request",
        f"After {ALONE:.0f} s each kernel follows",
        {5: "five unless whoever looks after the account says fewer"}.get(AT_ONCE, f"{AT_ONCE}, in words"),
    ]
)
def test_its_figures_are_those_of_the_code(said):
    if said not in README:
        yield "the code says so and README.md does not; write it there"


def messages():
    """What the table of troubles quotes, piece by piece where something stands between; each with its place."""
    section = README.partition("\n## Troubleshooting\n")[2].partition("\n## ")[0]
    began = README.index(section)
    for row in re.finditer(r"^\| (.*?) \|", section, re.MULTILINE):
        for quoted in re.findall(r"\*([^*]+)\*", row[1]):
            for piece in filter(None, map(str.strip, quoted.split("…"))):
                yield f"README.md:{line_of(began + row.start())}: {piece!r}", piece


@pytest.fixture(scope="module")
def texts():
    """All that the package may say."""
    files = [path for path in (PROJECT / "mjvideo_nb").rglob("*") if path.suffix in {".py", ".js"}]
    literal = re.compile(r"[\"']\s*\n\s*f?[\"']")  # one text on two lines
    return [literal.sub("", path.read_text(encoding="utf-8")) for path in files]


@each(dict(messages()))
def test_the_messages_it_quotes_are_said(message, texts):
    if not any(message in text for text in texts):
        yield "nothing in the package says so; quote what is said"
