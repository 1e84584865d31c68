"""The README does what it says: every block of it is run, and every command in a line of it is checked.

A fenced block names its language, and what that language means here is below, in RUNNERS: a block of any other kind, or one
that is only indented, fails. The blocks of Python and of magics are one notebook, each statement a cell, run in a kernel as
Run All does it. The service is the sandbox of the test run, with a key, as it would be CometAPI.
"""

from __future__ import annotations

import ast
import http.server
import inspect
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
from tests.loopback import serving
from tests.s3 import S3Process
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


BLOCKS = [Block(README[: found.start()].count("\n") + 1, *found.groups()) for found in FENCE.finditer(README)]
PROSE = FENCE.sub("", README)
COMMANDS = [line for block in BLOCKS if block.language == "shell" for line in block.text.splitlines()]
LIBRARY_COMMANDS = [command for command in COMMANDS if command.startswith("mjvideo-nb library ")]
RUNNERS = {
    "python": "test_the_notebook_runs, test_the_program_runs, or test_the_settings_of_a_hub_are_read",
    "ipython": "test_the_notebook_runs",
    "shell": "test_the_commands_do_what_they_say, test_the_commands_for_a_library_do_what_they_say, or TOO_LONG",
    "sql": "tests/library/test_roles.py",
    "nginx": "test_the_proxy_is_set_up_as_the_page_says",
    "text": "test_the_folder_holds_what_the_listing_says, or a drawing",
}


def cells():
    """What a user would type into one cell after the other."""
    for block in BLOCKS:
        if block.language == "python" and not (block.is_program or block.is_settings):
            for statement in ast.parse(block.text).body:
                yield block, ast.get_source_segment(block.text, statement)
        elif block.language == "ipython":
            for cell in block.text.strip().split("\n\n"):
                yield block, cell


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What is there before the first line: a picture, and a clip of earlier days."""
    folder = tmp_path_factory.mktemp("readme")
    with Image.open(PROJECT / "notebooks" / "coffee.jpg") as photo:
        photo.resize((300, 200)).save(folder / "tulip.jpg")
    return folder


@pytest.fixture(scope="module")
def s3():
    """A storage for the copies."""
    with S3Process.start() as server:
        yield server


@pytest.fixture(scope="module")
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
def environment(sandbox):
    """Of every process here: the sandbox is the service, and nothing is paid."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COMETAPI_", "MJVIDEO_"))}
    return kept | {"COMETAPI_KEY": KEY, "COMETAPI_BASE_URL": sandbox.url, "PYTHONPATH": str(PROJECT)}


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


@pytest.fixture(scope="module")
def rendered(folder, environment):
    """What the commands came to, in their order, the first task's id in the place of the README's."""
    ended = []
    task_id = EXAMPLE_ID
    for command in COMMANDS:
        if command in TOO_LONG or command in LIBRARY_COMMANDS:
            continue
        program, *words = shlex.split(command.replace(EXAMPLE_ID, task_id))
        assert program == "mjvideo-nb"
        done = ran_by_python("-m", "mjvideo_nb.cli", *words, folder=folder, environment=environment)
        ended.append((command, done))
        if task_id == EXAMPLE_ID and done.stdout:
            task_id = done.stdout.split()[-1]
    return task_id, ended


def test_every_block_is_of_a_kind_that_is_run():
    assert [block for block in BLOCKS if block.language not in RUNNERS] == []
    assert {block.language for block in BLOCKS} == set(RUNNERS)
    assert README.count("```") == 2 * len(BLOCKS)
    assert re.findall(r"^(?: {4,}|\t)(?![-*|\d]).*$", PROSE, re.MULTILINE) == [], "a block that is only indented"


def test_the_commands_do_what_they_say(rendered, folder):
    for command, done in rendered[1]:
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        *paths, last = done.stdout.splitlines()
        assert len(paths) == 4
        assert all((folder / path).stat().st_size > 1000 for path in paths)
        assert last.startswith("task ")


def test_the_commands_for_a_library_do_what_they_say(tmp_path, environment, shared_database):
    library = Library(tmp_path / "mjvideo")
    entry = library.ledger.add(mj.VideoRequest(image="https://x.example/a.jpg"), service="https://x.example", price=0.6)
    library.ledger.refused(entry.id, mj.Refused("no"))
    library.close()
    told = ""
    for command in LIBRARY_COMMANDS:
        _, *words = shlex.split(command.replace(EXAMPLE_DATABASE, shared_database))
        done = ran_by_python("-m", "mjvideo_nb.cli", *words, folder=tmp_path, environment=environment)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        told += done.stdout
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
    assert all(name in parser().format_help() for name in given if not name.startswith("PG"))


def test_the_proxy_is_set_up_as_the_page_says():
    """Its lines are whole, it goes to the service, says who it is as a kernel does, and sends nothing twice."""
    (block,) = (block for block in BLOCKS if block.language == "nginx")
    lines = [line.partition("#")[0].strip() for line in block.text.splitlines()]
    assert all(line.endswith((";", "{", "}")) for line in lines)
    assert block.text.count("{") == block.text.count("}")
    said = [tuple(shlex.split(line.rstrip(";"))) for line in lines if line.endswith(";")]
    host = DEFAULT_BASE_URL.partition("://")[2]
    assert {
        ("proxy_pass", DEFAULT_BASE_URL),
        ("proxy_set_header", "Host", host),
        ("proxy_set_header", "Authorization", "Bearer sk-the-real-key"),
        ("proxy_ssl_verify", "on"),
        ("proxy_next_upstream", "off"),
    } <= set(said)
    (patience,) = (words[1] for words in said if words[0] == "proxy_read_timeout")
    assert float(patience.rstrip("s")) > DEFAULT_TIMEOUT.read


@pytest.mark.parametrize("command", TOO_LONG)
def test_what_a_long_command_names_exists(command):
    assert command in COMMANDS
    check(command)


NAMED = """
import os
from mjvideo_nb import account
account.DEFAULT_BASE_URL = os.environ["COMETAPI_BASE_URL"]
account.balance.__kwdefaults__["url"] = os.environ["TEST_ACCOUNT"]
"""
"""The first cell: the sandbox is CometAPI, and what it says of accounts is said at an address of the test."""


def test_the_notebook_runs(rendered, folder, environment, account, s3, shared_database):
    task_id, _ = rendered
    shutil.copy(next(folder.glob("clips/*/0.mp4")), folder / "clips" / "old.mp4")
    asked = list(cells())

    def told(source):
        return source.replace(EXAMPLE_ID, task_id).replace(EXAMPLE_DATABASE, shared_database)

    notebook = nbformat.v4.new_notebook()
    for source in [NAMED, *(told(source) for _, source in asked)]:
        notebook.cells.append(nbformat.v4.new_code_cell(source))
    nbformat.write(notebook, folder / "readme.ipynb")
    env = environment | {
        "TEST_ACCOUNT": account,
        "AWS_ENDPOINT_URL": s3.url,
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
    }
    ran, _ = run_all(folder / "readme.ipynb", env=env)
    for (block, source), cell in zip(asked, ran[1:], strict=True):
        assert cell.status == "ok", f"line {block.line}: {source}\n{cell.text}"
        assert not [kind for kind in cell.kinds if kind.startswith("stderr")], cell.text
        shows = re.match(r"mj\.(?!connect)|job$|%%|longer\.", source)
        assert cell.kinds or not shows, f"line {block.line} shows nothing: {source}"
    for made in ("show.html", "sheet.png", "clip.webp", "reel.mp4"):
        assert (folder / made).stat().st_size > 1000
    assert len(list((folder / "best").glob("*.mp4"))) == 4
    check_listing(folder)


def check_listing(folder):
    """The folder holds what the listing says, and nothing that it does not."""
    (listing,) = (block.text for block in BLOCKS if block.text.startswith("mjvideo/\n"))
    patterns = {
        re.sub(r"<[^>]*>", "*", word).rstrip("/")
        for line in listing.splitlines()[1:]
        for word in re.split(r"\s{3,}", line.strip())[0].split(" ")
        if re.search(r"\S", word)
    } - {"id>", "<task"}
    patterns = {"clips/*/*.mp4" if name.startswith("clips") or name.endswith("mp4") else name for name in patterns}
    home = folder / "mjvideo"
    for pattern in patterns:
        assert list(home.glob(pattern)), pattern
    named = {pattern.partition("/")[0] for pattern in patterns}
    assert {path.name for path in home.iterdir()} <= named


@pytest.mark.parametrize(
    "block", [block for block in BLOCKS if block.is_program], ids=lambda block: f"line {block.line}"
)
def test_the_program_runs(block, folder, environment, tmp_path):
    shutil.copy(folder / "tulip.jpg", tmp_path)
    (tmp_path / "program.py").write_text(block.text, encoding="utf-8")
    done = ran_by_python("-W", "error", "program.py", folder=tmp_path, environment=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "status='SUCCESS'" in done.stdout
    assert len(list(tmp_path.glob("clips/*/*.mp4"))) == 4


# In a line


def pieces(text):
    """The code in a text, but not the marks that are only drawn in code's letters."""
    return [found for found in INLINE.findall(text) if re.search(r"[A-Za-z]{2}", found)]


@pytest.mark.parametrize("code", sorted(set(pieces(PROSE))))
def test_what_a_line_names_exists(code):
    check(code)


def check(code):
    """That what this piece of code names is there: commands with their options, files, extras, variables, calls."""
    for command in code.split(" && "):
        if "'" not in command:  # an apostrophe, and no command
            _check_words([word for word in shlex.split(command) if not word.startswith("PYTHONPATH=")])
    for variable in re.findall(r"\b(?:COMETAPI|MJVIDEO)_[A-Z_]+", code):
        assert variable in parser().format_help() or variable in BROWSER_VARIABLES
    for call in _calls(code):
        _check_call(call)
    for name in re.findall(r"\bmj\.(\w+)", code):
        assert name in {*mj.__all__, "open"}


def _check_words(words):
    match words:
        case ["mjvideo-nb", *options]:
            _check_command(options)
        case ["pip", "install", *options]:
            for extra in re.findall(r"\[(\w+)\]", options[-1]):
                assert extra in PROJECT_FILE["project"]["optional-dependencies"]
        case ["python", "-m", module, *options]:
            _check_script(PROJECT / f"{module.replace('.', '/')}.py", options)
        case ["python", script, *options]:
            _check_script(PROJECT / script, options)
        case ["nox", "-s", session]:
            assert f"def {session}(" in (PROJECT / "noxfile.py").read_text(encoding="utf-8")
        case ["ruff" | "mypy" | "lint-imports" | "pytest", *_]:
            assert shutil.which(words[0])
        case [name] if re.fullmatch(r"[\w./-]+\.(?:py|md|jpg)|\.ci/run|notebooks/", name):
            assert any((PROJECT / place / name).exists() for place in PLACES), name


PLACES = ("", "notebooks")
BROWSER_VARIABLES = set(
    re.findall(
        r"\bMJVIDEO_[A-Z]+",
        "".join(path.read_text(encoding="utf-8") for path in (PROJECT / "tests/browser").glob("*.py")),
    )
)


def _check_command(options):
    if options[-1:] == ["--help"] or not options:
        with pytest.raises(SystemExit) as caught:
            parser().parse_args([*options, "--help"])
        assert caught.value.code == 0
    else:
        assert parser().parse_args(options).run


def _check_script(script, options):
    assert script.is_file()
    for option in options:
        assert not option.startswith("--") or f'"{option}"' in script.read_text(encoding="utf-8")


def _calls(code):
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return []  # not Python
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]


OWNERS = {"mj": mj, "job": mj.Job, "client": mj.Client}


def _check_call(call):
    owner = OWNERS.get(getattr(call.func.value, "id", None))
    if owner is None or any(isinstance(value, ast.Starred) for value in call.args):
        return
    function = getattr(owner, call.func.attr)
    given = [] if owner is mj else [None]
    inspect.signature(function).bind(*given, *call.args, **{each.arg: each.value for each in call.keywords})


# What it repeats


def test_its_figures_are_those_of_the_code():
    for said in (
        f"every {REMOTE.shortest:.0f} to {REMOTE.longest:.0f} s, more often towards the end",
        f"`at_once={AT_ONCE}`",
        f"cost about {DEFAULT_PRICE:.2f} USD",
        {120.0: "tried again by itself for two minutes"}[Retries.deadline],
        f"gives its place up {LEASE:.0f} s later",
        {600.0: "keeps its place for ten minutes"}[UNCERTAIN_FOR],
        f"waited for, {PATIENCE:.0f} s for most things and {LAST_WORDS_PATIENCE:.0f} s for what became of a paid request",
        f"After {ALONE:.0f} s each kernel follows",
        {5: "five unless whoever looks after the account says fewer"}[AT_ONCE],
    ):
        assert said in README


def messages():
    """What the table of troubles quotes, piece by piece where something stands between."""
    section = README.partition("\n## Troubleshooting\n")[2].partition("\n## ")[0]
    for row in re.findall(r"^\| (.*?) \|", section, re.MULTILINE):
        for quoted in re.findall(r"\*([^*]+)\*", row):
            yield from (piece.strip() for piece in quoted.split("…") if piece.strip())


@pytest.mark.parametrize("message", list(messages()))
def test_the_messages_it_quotes_are_said(message):
    files = [path for path in (PROJECT / "mjvideo_nb").rglob("*") if path.suffix in {".py", ".js"}]
    literal = re.compile(r"[\"']\s*\n\s*f?[\"']")  # one text on two lines
    assert any(message in literal.sub("", path.read_text(encoding="utf-8")) for path in files)
