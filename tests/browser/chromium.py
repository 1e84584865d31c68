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
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":  # as a script it knows its own folder only
    sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.installing import NotInstalledError, Way, apt_get, report, runs
from tests.installing import find_or_install as found_or_installed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Playwright

OVERRIDE = "MJVIDEO_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
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


class NoChromiumError(NotInstalledError):
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
    return found_or_installed(
        find,
        _ways_to_install(),
        name="Chromium",
        refusal=NoChromiumError,
        remedy=REMEDY,
        unfound="the browser does not start",
    )


def ensure() -> str:
    """`find_or_install` before any test runs, where what it says about an installation is seen and not captured.

    The processes that are started after this take the browser without another search.
    """
    path = find_or_install()
    os.environ[OVERRIDE] = path
    return path


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


def _ways_to_install() -> Iterator[Way]:
    if apt := apt_get():
        yield Way("apt-get", [[*apt, "update"], [*apt, "install", "-y", "--no-install-recommends", "chromium"]])
    yield Way("playwright", [[sys.executable, "-m", "playwright", "install", "chromium"]])


if __name__ == "__main__":
    sys.exit(report(find_or_install))
