"""JupyterLab as the child of `mjvideo-nb demo`: run as a module with JupyterLab's own arguments.

It ends when its standard input does, and so whenever the process that started it ends, however that happens.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading

__all__ = ["TOKEN"]

TOKEN = "_MJVIDEO_DEMO_TOKEN"  # noqa: S105 - the variable's name
"""The environment variable that brings the token: everybody on the machine can read a command line."""


def _end_with_the_starter() -> None:
    # `os.read` and not `sys.stdin`, whose lock would trouble the interpreter's exit.
    while os.read(0, 4096):
        pass
    # Lab tidies up: it ends its kernels, and they end their sandbox.
    os.kill(os.getpid(), signal.SIGTERM)


def _main() -> None:
    threading.Thread(target=_end_with_the_starter, name="end-with-the-starter", daemon=True).start()
    # An argument wins over whatever the user's own configuration of Jupyter says.
    sys.argv.append(f"--IdentityProvider.token={os.environ.pop(TOKEN)}")
    runpy.run_module("jupyterlab", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main()
