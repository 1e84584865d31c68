"""Values as they are typed, checked before anything is started."""

from __future__ import annotations

import argparse
import math
import os
import socket
from pathlib import Path

from mjvideo_nb.errors import InvalidRequest

__all__ = ["check_port", "is_free", "make_folder", "port", "seconds"]

LAST_PORT = 65535


def seconds(text: str) -> float:
    """A time, for `argparse`."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"a number of seconds, 0 or more, not {text!r}")
    return value


def port(text: str) -> int:
    """A port, for `argparse`; 0 stands for any that is free."""
    if not (text.isascii() and text.isdigit() and int(text) <= LAST_PORT):
        raise argparse.ArgumentTypeError(f"a number from 0 to {LAST_PORT}, not {text!r}")
    return int(text)


def check_port(number: int) -> None:
    """Be sure that a server can listen there.

    Raises:
        InvalidRequest: it is taken, or not for this user.

    """
    if not is_free(number):
        raise InvalidRequest(
            f"--port: {number} is taken or not allowed; give another, or leave it out for a free one.", field="port"
        )


def is_free(number: int) -> bool:
    """Whether a server can listen on this port of 127.0.0.1."""
    with socket.socket() as probe:
        if os.name == "posix":
            # The last connections of a server that has ended do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError:
            return False
    return True


def make_folder(text: str, option: str) -> Path:
    """The folder, there and writable.

    Args:
        text: as it was typed.
        option: which option or argument it is for, to name it.

    Raises:
        InvalidRequest: it cannot be made, or not be written to.

    """
    folder = Path(text).expanduser()
    field = option.lstrip("-")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidRequest(
            f"{option}: the folder {text} cannot be made ({reason}); name another.", field=field
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InvalidRequest(f"{option}: the folder {text} cannot be written to; name another.", field=field)
    return folder
