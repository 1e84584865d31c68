"""`mjvideo-nb doctor`: what this machine has, and what would serve a notebook here. Never shows the key."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from mjvideo_nb import __version__, config
from mjvideo_nb.errors import InvalidRequest
from mjvideo_nb.sandbox.process import missing

from . import exits
from .terminal import printable

__all__ = ["add_to"]

PACKAGES = ("httpx", "ipywidgets", "anywidget", "ipykernel", "jupyterlab", "notebook", "keyring", "av", "pillow")
WRONG = "wrong: "


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "doctor",
        help="say what is installed, where the key comes from, what would serve",
        description="Says what is installed, where the key comes from (never the key itself), and what would serve.",
        epilog="exit status:\n  0    something serves, and every setting does\n  1    nothing serves, or a setting is wrong\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=_run)


def _run(_options: argparse.Namespace) -> int:
    absent = missing()
    rows = {
        "mjvideo-nb": __version__,
        "python": f"{platform.python_version()} on {platform.system()}",
        **{name: _version(name) for name in PACKAGES},
        "key": _told(_key_source),
        "base URL": _told(_base_url),
        "library": str(config.library()),
        "price": _told(lambda: f"{config.price()} USD a call"),
        "sandbox": f'lacks {", ".join(absent)}: pip install "mjvideo-nb[sandbox]"' if absent else "installed",
        "serves": _told(lambda: _serves(absent)),
    }
    sys.stdout.write("".join(f"{name:<12} {printable(value)}\n" for name, value in rows.items()))
    serves = not absent or rows["serves"] == THE_SERVICE
    return exits.OK if serves and not any(value.startswith(WRONG) for value in rows.values()) else exits.TROUBLE


def _told(setting: Callable[[], str]) -> str:
    """A setting, or what is wrong with it: one that does not do must not hide the others."""
    try:
        return setting()
    except InvalidRequest as error:
        return f"{WRONG}{error}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _key_source() -> str:
    if config.api_key() is None:
        return "none"
    return "from COMETAPI_KEY" if os.environ.get("COMETAPI_KEY") else "from the system's key store"


def _base_url() -> str:
    return config.base_url() + (" (from COMETAPI_BASE_URL)" if os.environ.get("COMETAPI_BASE_URL") else "")


THE_SERVICE = "the service at the base URL"


def _serves(absent: list[str]) -> str:
    if config.sandbox_forced():
        return (
            "nothing: MJVIDEO_SANDBOX is set, and it is not installed"
            if absent
            else "the sandbox (MJVIDEO_SANDBOX is set)"
        )
    if config.api_key():
        return THE_SERVICE
    return "nothing yet: set COMETAPI_KEY, or install the sandbox" if absent else "the sandbox (no key)"
