"""`mjvideo-nb demo`: the tour in a folder of the user's own, open in JupyterLab, against the sandbox."""

from __future__ import annotations

import argparse
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from mjvideo_nb.errors import InvalidRequest, MJVideoError
from mjvideo_nb.sandbox.process import missing

from . import exits, lab
from .arguments import LAST_PORT, check_port, is_free, make_folder, port
from .terminal import no_more_interrupts, say

__all__ = ["add_to", "copy_tour"]

EPILOG = """\
examples:
  mjvideo-nb demo
  mjvideo-nb demo lesson --port 8890 --no-browser

exit status:
  0    it was stopped, or JupyterLab was shut down
  1    JupyterLab did not start, or broke down
  2    the folder or the port does not do, or its extra is not installed
"""
FIRST = "01_first_video.ipynb"
DEFAULT_PORT = 8888
PORTS_TRIED = 50
SETTINGS = Path(__file__).with_name("jupyter")
START_PATIENCE = 120.0
"""Seconds; a first start on a slow disk compiles a lot of Python."""
STOP_PATIENCE = 10.0
LOOK = 0.1
TAIL = 2000
"""Characters of Lab's log that an error quotes."""


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "demo",
        help="open the tour in JupyterLab, without a key and without cost",
        description="Copies the tour to a folder that you can keep, starts JupyterLab on it and opens its first notebook\n"
        "in the browser. The sandbox on this machine makes the clips: no key is used, nothing is charged.\n"
        "Ctrl-C stops everything.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument(
        "folder",
        nargs="?",
        default="mjvideo-demo",
        help="where the tour is copied to (default: mjvideo-demo); a file that is there already stays as it is",
    )
    command.add_argument(
        "--port", type=port, default=0, help=f"JupyterLab's port (default: the first free one from {DEFAULT_PORT})"
    )
    command.add_argument("--no-browser", action="store_true", help="open no browser, only print the address")
    command.set_defaults(run=_run)


def copy_tour(folder: str) -> Path:
    """Copy the tour to a folder; a file that is there already stays as it is.

    Returns:
        The first notebook, its path in full.

    Raises:
        InvalidRequest: the folder cannot be written.

    """
    target = make_folder(folder, "folder").resolve()
    for source in sorted(_tour().iterdir()):
        copy = target / source.name
        if source.is_file() and not copy.exists():
            try:
                # Renamed when it is whole: what an interrupt left half copied would stay for ever.
                part = shutil.copyfile(source, copy.with_name(f"{copy.name}.part"))
                part.replace(copy)
            except OSError as error:
                raise InvalidRequest(f"folder: the tour cannot be copied to {folder} ({error}).") from error
    return target / FIRST


def _tour() -> Path:
    """The tour travels inside the wheel; in a checkout it stands beside the package."""
    package = Path(__file__).parent.parent
    inside = package / "_tour"
    return inside if inside.is_dir() else package.parent / "notebooks"


def _run(options: argparse.Namespace) -> int:
    absent = missing() + ([] if importlib.util.find_spec("jupyterlab") else ["jupyterlab"])
    if absent:
        say(f'mjvideo-nb: The demo lacks {", ".join(absent)}. Install its extra: pip install "mjvideo-nb[demo]"')
        return exits.USAGE
    number = _port(options.port)
    notebook = copy_tour(options.folder)
    with _signals_as_interrupts():
        try:
            say(f"The tour is in {notebook.parent}, to try, change and keep. JupyterLab is starting ...")
            _serve(notebook, number, browser=not options.no_browser)
        except KeyboardInterrupt:
            say("\nStopped: JupyterLab, its kernels and the sandbox.")
        else:
            say("JupyterLab was shut down.")
    return exits.OK


def _serve(notebook: Path, number: int, *, browser: bool) -> None:
    """Run JupyterLab until somebody shuts it down; whatever happens, it is gone in the end."""
    token = secrets.token_hex(16)
    with tempfile.TemporaryFile() as log:
        server = _start(notebook, number, token, log, browser=browser)
        try:
            _wait_until_it_answers(server, number, log)
            say("\nA browser opens; if it does not, open this address:" if browser else "\nOpen this address:")
            sys.stdout.write(f"    http://127.0.0.1:{number}/lab/tree/{quote(notebook.name)}?token={token}\n")
            sys.stdout.flush()
            say(
                "\nThen run the cells from the top. The sandbox on this machine makes the clips: no key is used, nothing "
                "is charged.\nCtrl-C here stops everything."
            )
            if server.wait() != 0:
                raise _ended(server, log)
        except KeyboardInterrupt:
            no_more_interrupts()
            raise
        finally:
            _stop(server)


def _start(notebook: Path, number: int, token: str, log: IO[bytes], *, browser: bool) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "MJVIDEO_SANDBOX": "1",
        lab.TOKEN: token,
        # This interpreter's kernel before one of the same name elsewhere on the machine, which may lack this package.
        "JUPYTER_PREFER_ENV_PATH": "1",
        # A setting of JupyterLab, where its user has none: no question about news over the lesson.
        "JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, (str(SETTINGS), os.environ.get("JUPYTER_CONFIG_PATH")))),
    }
    # No key in there: a demo in front of a class must not be able to pay.
    environment.pop("COMETAPI_KEY", None)
    command = [
        # -P: a file named like a module in the user's folder must not be taken for it.
        *(sys.executable, "-P", "-m", lab.__name__, str(notebook)),
        *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={number}", "--ServerApp.port_retries=0"),
        *("--ServerApp.base_url=/", "--ServerApp.certfile=", f"--ServerApp.root_dir={notebook.parent}"),
        # No news, and no question where Ctrl-C reaches Lab as well.
        *("--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate", "-y"),
        *([] if browser else ["--no-browser"]),
        *(["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
    ]
    return subprocess.Popen(
        command,
        cwd=notebook.parent,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        # Ctrl-C reaches us alone, and we end the server without its question in the terminal.
        start_new_session=True,
    )


def _wait_until_it_answers(server: subprocess.Popen[bytes], number: int, log: IO[bytes]) -> None:
    # Past any proxy of the machine: loopback is not for it.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + START_PATIENCE
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise _ended(server, log)
        try:
            with opener.open(f"http://127.0.0.1:{number}/api", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(LOOK)
    raise MJVideoError(f"JupyterLab did not answer within {START_PATIENCE:.0f} s. It said: {_tail(log)}")


def _ended(server: subprocess.Popen[bytes], log: IO[bytes]) -> MJVideoError:
    return MJVideoError(f"JupyterLab ended with status {server.returncode}. It said: {_tail(log)}")


def _tail(log: IO[bytes]) -> str:
    log.seek(0)
    return log.read().decode("utf-8", "replace").strip()[-TAIL:] or "(nothing)"


def _stop(server: subprocess.Popen[bytes]) -> None:
    """End the server; it ends its kernels, and they end their sandbox."""
    if server.stdin is not None:
        server.stdin.close()
    try:
        server.wait(STOP_PATIENCE)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


@contextmanager
def _signals_as_interrupts() -> Iterator[None]:
    """The polite ways to end a process mean the same as Ctrl-C, unless whoever started it wants them ignored."""
    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in (getattr(signal, name) for name in names)}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _port(wanted: int) -> int:
    if wanted:
        check_port(wanted)
        return wanted
    for number in range(DEFAULT_PORT, min(DEFAULT_PORT + PORTS_TRIED, LAST_PORT)):
        if is_free(number):
            return number
    raise InvalidRequest(
        f"--port: none is free from {DEFAULT_PORT} to {DEFAULT_PORT + PORTS_TRIED - 1}; name one.", field="port"
    )
