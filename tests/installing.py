"""Find a program that the tests need, or install it by whatever the machine offers, or say how to."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

INSTALL_SECONDS = 280  # below the time limit of one test, so that the remedy is read and not a time-out


class NotInstalledError(RuntimeError):
    """It is not here, and not to be had. The message says how to install it."""


class Way(NamedTuple):
    """One way to install something: whose it is, and its commands in order."""

    tool: str
    commands: list[list[str]]


def find_or_install(
    find: Callable[[], str | None],
    ways: Iterable[Way],
    *,
    name: str,
    refusal: type[NotInstalledError],
    remedy: str,
    unfound: str,
) -> str:
    """What `find` finds, at once or after one of the ways to install it.

    An installation is announced on stderr under its `name`, and so is how long it took. Of several processes one installs,
    and the others wait for it. Raises the refusal with the remedy and what was tried; `unfound` says what is wrong if a way
    ended well.
    """
    if path := find():
        return path
    deadline = time.monotonic() + INSTALL_SECONDS
    notes = []
    try:
        with FileLock(_lock(), timeout=INSTALL_SECONDS):
            if path := find():  # another process has installed it meanwhile
                return path
            for way in ways:
                began = time.monotonic()
                _say(f"No {name} found: installing it with {way.tool}; about a minute.")
                note = _carry_out(way.commands, deadline, unfound)
                path = find()
                took = f"{time.monotonic() - began:.0f} s"
                if path:
                    _say(f"{name} is installed: {took}.")
                    return path
                _say(f"{name} could not be installed with {way.tool}: {took}.")
                notes.append(note)
    except Timeout:
        notes.append(f"  waiting for another process that installs: not done after {INSTALL_SECONDS} s")
    raise refusal("\n".join([remedy, "What was tried:", *notes]))


def apt_get() -> list[str] | None:
    """The start of an ``apt-get`` command that asks nothing; None where there is none, or none for this user."""
    if shutil.which("apt-get") is None or (prefix := root_prefix()) is None:
        return None
    return [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-o", "Dpkg::Use-Pty=0"]


def root_prefix() -> list[str] | None:
    """What makes a command run as root: nothing, a ``sudo`` that asks for no password, or None where neither will do."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, timeout=30, check=False).returncode == 0:
        return [sudo, "-n"]
    return None


def runs(path: str) -> bool:
    """Whether the program starts at all: Ubuntu's ``chromium-browser``, for one, may be a mere note about snap."""
    try:
        done = subprocess.run(
            [path, "--version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.strip() != b""


def report(find_or_install: Callable[[], str]) -> int:
    """Print what is found; the exit code is 1 where there is none."""
    try:
        print(find_or_install())
    except NotInstalledError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _lock() -> Path:
    """One for all that is installed: two ``apt-get`` at once get in each other's way. Another user could not open it."""
    user = os.getuid() if hasattr(os, "getuid") else "windows"
    return Path(tempfile.gettempdir()) / f"mjvideo-tests-installing-{user}.lock"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _carry_out(steps: list[list[str]], deadline: float, unfound: str) -> str:
    """Run the commands until one fails; returns what was done and, of a failure, the last lines it wrote."""
    for step in steps:
        line = " ".join(step)
        try:
            done = subprocess.run(
                step,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=max(1.0, deadline - time.monotonic()),
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"  {line}: {error}"
        if done.returncode != 0:
            tail = "\n".join(f"    {text}" for text in done.stdout.strip().splitlines()[-5:])
            return f"  {line}: exit code {done.returncode}\n{tail}"
    return f"  {line}: ended well, but {unfound}"
