"""Commands as real processes, and the sandbox as the service they are sent to."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest

from mjvideo_nb.cli import commands
from tests.cli.command import Command

KEY = "sk-marked-9f3c-never-to-be-seen"
ONE_CLIP = ("--prompt", "steam rises --bs 1")  # where four are not the point
AN_HOUR = {"MJVIDEO_SANDBOX_SECONDS": "3600"}


def cache():
    """Where the embedded sandbox of this test keeps its store."""
    return Path(os.environ["XDG_CACHE_HOME"])


def an_hour_later():
    """The id of the task that is kept there, whose hour is over now."""
    (file,) = cache().rglob("task.json")
    task = json.loads(file.read_bytes())
    file.write_text(json.dumps(task | {"submitted": task["submitted"] - 3600_000}), encoding="utf-8")
    return file.parent.name


@pytest.fixture(scope="session", autouse=True)
def _interrupts_reach_commands():
    """Tests started in the background, or by `nohup`, ignore these signals, and a command would inherit that.

    A handler of one's own is not inherited: the command has the system's.
    """
    handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: lambda *_: None}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def start(tmp_path):
    """``start("render", ...)``: a running command, in the test's folder; ended with the test."""
    commands = []

    def start_command(*arguments, folder=tmp_path, **options):
        commands.append(Command(*arguments, folder=folder, **options))
        return commands[-1]

    yield start_command
    for command in commands:
        command.kill()


@pytest.fixture
def run(start):
    """``run("render", ...)``: a command that has ended; its ``status``, ``out`` and ``err``."""

    def run_command(*arguments, **options):
        command = start(*arguments, **options)
        status = command.end()
        return SimpleNamespace(status=status, out=command.out, err=command.err)

    return run_command


@pytest.fixture
def run_here(capsys, monkeypatch, tmp_path):
    """``run_here("render", ...)``: the same in this process, much sooner, where it is the words and the status that matter."""
    monkeypatch.chdir(tmp_path)

    def run_command(*arguments, env=None):
        for name, value in (env or {}).items():
            monkeypatch.setenv(name, value)
        try:
            status = commands.run([str(argument) for argument in arguments])
        except SystemExit as end:
            status = end.code
        said = capsys.readouterr()
        return SimpleNamespace(status=status, out=said.out, err=said.err)

    return run_command


@pytest.fixture
def lacking(monkeypatch):
    """``lacking("av", "PIL")``: for this process these modules are not installed."""
    find = importlib.util.find_spec

    def lack(*names):
        monkeypatch.setattr(
            importlib.util, "find_spec", lambda name, *package: None if name in names else find(name, *package)
        )

    return lack


@pytest.fixture
def service(sandbox):
    """The environment of a command whose service, with a key, is the sandbox of this test."""
    return {"COMETAPI_BASE_URL": sandbox.url, "COMETAPI_KEY": KEY}
