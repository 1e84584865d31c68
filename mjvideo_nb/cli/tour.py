"""`mjvideo-nb demo`: the tour in a folder of the user's own, open in JupyterLab, against the sandbox."""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from mjvideo_nb.errors import InvalidRequest, SandboxUnavailable
from mjvideo_nb.sandbox.process import missing

from . import exits

__all__ = ["add_to", "copy_tour"]

FIRST = "01_first_video.ipynb"
DEFAULT_PORT = 8888
PORTS_TRIED = 50
STOP_PATIENCE = 10.0


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser("demo", help="open the tour in JupyterLab, without a key and without cost")
    command.add_argument("folder", nargs="?", default="mjvideo-demo", help="where the tour is copied to (mjvideo-demo)")
    command.add_argument(
        "--port", type=int, help=f"JupyterLab's port (default: the first free one from {DEFAULT_PORT})"
    )
    command.add_argument("--no-browser", action="store_true", help="only print the address")
    command.set_defaults(run=_run)


def copy_tour(folder: Path) -> Path:
    """Copy the tour to a folder; what the user has changed there stays.

    Returns:
        The first notebook.

    Raises:
        InvalidRequest: the folder cannot be written.

    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for source in sorted(_tour().iterdir()):
            target = folder / source.name
            if source.is_file() and not target.exists():
                shutil.copyfile(source, target)
    except OSError as error:
        raise InvalidRequest(f"folder: the tour cannot be copied to {folder} ({error}).", field="folder") from error
    return folder / FIRST


def _tour() -> Path:
    """The tour travels inside the wheel; in a checkout it stands beside the package."""
    package = Path(__file__).parent.parent
    inside = package / "_tour"
    return inside if inside.is_dir() else package.parent / "notebooks"


def _run(options: argparse.Namespace) -> int:
    absent = missing() + ([] if importlib.util.find_spec("jupyterlab") else ["jupyterlab"])
    if absent:
        raise SandboxUnavailable(f'The demo needs {", ".join(absent)}: pip install "mjvideo-nb[demo]"')
    port = _port(options.port)
    notebook = copy_tour(Path(options.folder))
    sys.stderr.write(
        f"The tour is in {notebook.parent.resolve()}; the sandbox renders, nothing is charged. Ctrl-C stops everything.\n"
    )
    environment = {**os.environ, "MJVIDEO_SANDBOX": "1"}
    # No key in there: a demo in front of a class must not be able to pay.
    environment.pop("COMETAPI_KEY", None)
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        notebook.name,
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--notebook-dir={notebook.parent.resolve()}",
        *(["--no-browser"] if options.no_browser else []),
        *(["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
    ]
    # A session of its own: Ctrl-C reaches us alone, and we end the server without its question in the terminal.
    server = subprocess.Popen(command, env=environment, start_new_session=True)
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return server.wait()
    except KeyboardInterrupt:
        return exits.OK
    finally:
        signal.signal(signal.SIGTERM, previous)
        _stop(server)


def _stop(server: subprocess.Popen[bytes]) -> None:
    """End the server; it ends its kernels, and they end their sandbox."""
    if server.poll() is not None:
        return
    server.terminate()
    try:
        server.wait(STOP_PATIENCE)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _port(wanted: int | None) -> int:
    if wanted is not None:
        if not _is_free(wanted):
            raise InvalidRequest(
                f"port: {wanted} is taken or not allowed; give another, or none for the first free one.", field="port"
            )
        return wanted
    for port in range(DEFAULT_PORT, DEFAULT_PORT + PORTS_TRIED):
        if _is_free(port):
            return port
    raise InvalidRequest("port: none is free from 8888 to 8937; name one with --port.", field="port")


def _is_free(port: int) -> bool:
    try:
        with socket.socket() as probe:
            if os.name == "posix":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except (OSError, OverflowError):
        return False
    return True
