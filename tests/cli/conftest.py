"""Commands as real processes, and the sandbox as the service they are sent to."""

from __future__ import annotations

import signal
from types import SimpleNamespace

import pytest

from tests.cli.command import Command

KEY = "sk-marked-9f3c-never-to-be-seen"
FAST = {"CLI_TEST_SECONDS": "1"}
ONE_CLIP = ("--prompt", "steam rises --bs 1")  # where four are not the point


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
def service(sandbox):
    """The environment of a command whose service, with a key, is the sandbox of the test run."""
    return {"COMETAPI_BASE_URL": sandbox.url, "COMETAPI_KEY": KEY}
