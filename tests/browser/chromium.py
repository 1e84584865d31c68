"""Find a Chromium that runs here, or install one: ``python tests/browser/chromium.py`` prints its path.

No browser is a failure with a remedy, never a skip: these tests are the only ones that see what a user sees.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Playwright

OVERRIDE = "MJVIDEO_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL_SECONDS = 280  # below the time limit of one test, so that the remedy is read and not a time-out
REMEDY = f"""No Chromium that runs was found, and none could be installed. Install one of these and run again:
  Debian:         apt-get update && apt-get install --no-install-recommends chromium    (as root)
  anywhere else:  {Path(sys.executable).name} -m playwright install --with-deps chromium
or name one that is installed:
  export {OVERRIDE}=/path/to/chromium"""

ARGUMENTS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)


class NoChromiumError(RuntimeError):
    """No browser here, and none to be had. The message says how to install one."""


def find() -> str | None:
    """The path of a Chromium that starts, or None. A browser named in ``MJVIDEO_CHROMIUM`` is taken or refused."""
    if named := os.environ.get(OVERRIDE):
        path = shutil.which(named)
        if path is None or not runs(path):
            raise NoChromiumError(f"{OVERRIDE} names {named}, which is not a browser that runs. Correct or unset it.")
        return path
    candidates = [path for name in NAMES if (path := shutil.which(name))]
    return next((path for path in itertools.chain(candidates, _playwrights_own()) if runs(path)), None)


def find_or_install() -> str:
    """The path of a Chromium, installed now if there was none. Raises `NoChromiumError` with the remedy."""
    deadline = time.monotonic() + INSTALL_SECONDS
    notes = []
    if path := find():
        return path
    for steps in _ways_to_install():
        note = _carry_out(steps, deadline)
        if path := find():
            return path
        notes.append(note)
    raise NoChromiumError("\n".join([REMEDY, "What was tried:", *notes]))


def runs(path: str) -> bool:
    """Whether the browser starts at all: Ubuntu's ``chromium-browser``, for one, may be a mere note about snap."""
    try:
        done = subprocess.run(
            [path, "--version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.strip() != b""


@contextlib.contextmanager
def running() -> Iterator[Browser]:
    """A browser for the tests of a folder. Not for longer: while Playwright is started, its event loop counts as running in
    this thread, and every async test after it would be refused.
    """
    from playwright.sync_api import sync_playwright

    executable = find_or_install()
    with sync_playwright() as playwright, contextlib.closing(launch(playwright, executable)) as browser:
        yield browser


def launch(playwright: Playwright, executable: str) -> Browser:
    """Start the browser, with its sandbox wherever it can have one.

    Root cannot, and neither can a container that forbids user namespaces. Doing without is safe here: the only
    pages opened are those of our own server on loopback.
    """
    from playwright.sync_api import Error

    root = hasattr(os, "geteuid") and os.geteuid() == 0
    try:
        return playwright.chromium.launch(
            executable_path=executable, args=list(ARGUMENTS), chromium_sandbox=not root, timeout=60_000
        )
    except Error as error:
        if root or "sandbox" not in error.message.lower():
            raise
        return playwright.chromium.launch(executable_path=executable, args=list(ARGUMENTS), timeout=60_000)


def _playwrights_own() -> Iterator[str]:
    """The browser that ``playwright install`` downloads, if it is there. Last, and asked for only then."""
    with contextlib.suppress(ImportError):
        # In a process of its own: the sync interface cannot be started where an event loop runs already.
        code = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"
        done = subprocess.run(
            [sys.executable, "-c", code],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        path = done.stdout.strip()
        if done.returncode == 0 and Path(path).is_file():
            yield path


def _ways_to_install() -> Iterator[list[list[str]]]:
    """Each way as a list of commands."""
    if shutil.which("apt-get") and (prefix := _root_prefix()) is not None:
        apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-o", "Dpkg::Use-Pty=0"]
        yield [[*apt, "update"], [*apt, "install", "-y", "--no-install-recommends", "chromium"]]
    yield [[sys.executable, "-m", "playwright", "install", "chromium"]]


def _root_prefix() -> list[str] | None:
    """What makes a command run as root: nothing, a ``sudo`` that asks for no password, or None where neither will do."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, timeout=30, check=False).returncode == 0:
        return [sudo, "-n"]
    return None


def _carry_out(steps: list[list[str]], deadline: float) -> str:
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
    return f"  {line}: ended well, but the browser does not start"


def main() -> int:
    """Print the path of a Chromium; the exit code is 1 where there is none."""
    try:
        print(find_or_install())
    except NoChromiumError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
