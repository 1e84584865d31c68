"""What the command line says about itself."""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sysconfig
from importlib.metadata import version
from pathlib import Path

import pytest

import mjvideo_nb
from mjvideo_nb import errors
from mjvideo_nb.cli import exits
from mjvideo_nb.cli.commands import parser

PACKAGE = Path(mjvideo_nb.__file__).parent
VARIABLE = r"\b(?:COMETAPI|MJVIDEO)_[A-Z_]+"


def commands_of(command, above=""):
    """Every command by its name, those that a command has of its own behind its name."""
    for action in command._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, one in action.choices.items():
                yield f"{above}{name}", one
                yield from commands_of(one, f"{above}{name} ")


COMMANDS = dict(commands_of(parser()))


def test_without_a_command_it_says_what_there_is(run):
    ended = run()
    assert ended.status == 2
    assert ended.out == ""
    for name in ("render", "fetch", "sandbox", "demo", "library", "doctor"):
        assert f"\n    {name} " in ended.err
    assert "To begin, without a key and without cost: mjvideo-nb demo." in ended.err


def test_the_console_script_tells_its_version():
    script = Path(sysconfig.get_path("scripts"), "mjvideo-nb")
    ended = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert ended.stdout == f"mjvideo-nb {version('mjvideo-nb')}\n"


def test_an_unknown_command_is_named(run_here):
    ended = run_here("rendr")
    assert ended.status == 2
    assert "'rendr'" in ended.err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_explained(name):
    command = COMMANDS[name]
    assert command.description
    for action in command._actions:
        assert action.help, action
        assert action.help != argparse.SUPPRESS
        if action.default and isinstance(action.default, str | int | float) and action.default is not argparse.SUPPRESS:
            assert "default" in action.help, action


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_each_help_has_examples_that_parse_and_its_exit_statuses(run_here, name):
    ended = run_here(*name.split(), "--help", env={"COLUMNS": "100"})
    assert ended.status == 0
    assert all(len(line) <= 120 for line in ended.out.splitlines())
    assert "\nexit status:\n  0    " in ended.out
    if name in {"render", "fetch"}:
        assert exits.TABLE in ended.out
    examples = re.findall(r"^  mjvideo-nb (.*?)(?:  .*)?$", ended.out.partition("\nexamples:\n")[2], re.MULTILINE)
    assert examples
    for example in examples:
        words = shlex.split(example)
        assert words[: len(name.split())] == name.split()
        assert parser().parse_args(words).run


def test_every_environment_variable_is_in_the_help():
    files = [path for path in PACKAGE.rglob("*") if path.suffix in {".py", ".js"}]
    used = {name for path in files for name in re.findall(VARIABLE, path.read_text(encoding="utf-8"))}
    assert {"COMETAPI_KEY", "MJVIDEO_LIBRARY"} <= used
    told = parser().format_help()
    assert used == set(re.findall(VARIABLE, told))


def test_every_error_has_an_exit_status_that_the_help_explains():
    documented = {int(line.split()[0]) for line in exits.TABLE.splitlines()[1:]}
    kinds = [getattr(errors, name) for name in errors.__all__]
    assert {exits.status_of(kind("")) for kind in kinds} | {exits.OK, exits.INTERRUPTED} == documented
