"""`mjvideo-nb doctor`: what this machine has, and what would serve a notebook here. Never shows the key."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from mjvideo_nb import __version__, config
from mjvideo_nb.sandbox.process import missing

from . import exits

__all__ = ["add_to"]

PACKAGES = ("httpx", "ipywidgets", "anywidget", "ipykernel", "jupyterlab", "notebook", "av", "pillow")


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser("doctor", help="say what is installed, where the key comes from, what would serve")
    command.set_defaults(run=_run)


def _run(_options: argparse.Namespace) -> int:
    absent = missing()
    rows = {
        "mjvideo-nb": __version__,
        "python": f"{platform.python_version()} on {platform.system()}",
        **{name: _version(name) for name in PACKAGES},
        "key": _key_source(),
        "base URL": config.base_url(),
        "library": str(config.library()),
        "price": f"{config.price()} USD a call",
        "sandbox": f'lacks {", ".join(absent)}: pip install "mjvideo-nb[sandbox]"' if absent else "installed",
        "serves": _serves(absent),
    }
    sys.stdout.write("".join(f"{name:<12} {value}\n" for name, value in rows.items()))
    return exits.OK if config.api_key() or not absent else exits.TROUBLE


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _key_source() -> str:
    if config.api_key() is None:
        return "none"
    return "from COMETAPI_KEY" if os.environ.get("COMETAPI_KEY") else "from the system's key store"


def _serves(absent: list[str]) -> str:
    if config.sandbox_forced():
        return "the sandbox (MJVIDEO_SANDBOX is set)"
    if config.api_key():
        return "the service at the base URL"
    return "nothing yet: set COMETAPI_KEY, or install the sandbox" if absent else "the sandbox (no key)"
