"""Pictures among the undocumented fields of a request, such as an end frame: read like a first frame, sent like one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from . import frames
from .errors import InvalidRequest
from .frames import BODY_LIMIT, Frame

__all__ = ["loaded", "sendable"]


def loaded(extra: Mapping[str, Any]) -> dict[str, Any]:
    """The fields, each that is a path read as a picture.

    Raises:
        InvalidRequest: it is none that can be sent; names the field `extra`.

    """
    return {name: _picture(name, value) if isinstance(value, os.PathLike) else value for name, value in extra.items()}


def sendable(extra: Mapping[str, Any], image: str) -> dict[str, Any]:
    """The fields as the service takes them: a picture as its URL or a data URI.

    Args:
        extra: the fields.
        image: the first frame that they go out with.

    Raises:
        InvalidRequest: a picture cannot be sent, or not together with the first frame.

    """
    fields = {name: value.wire if isinstance(value, Frame) else value for name, value in loaded(extra).items()}
    size = len(image) + sum(len(value) for value in fields.values() if isinstance(value, str))
    if size > BODY_LIMIT:
        raise InvalidRequest(
            f"extra: its pictures and the first frame have {size / 1e6:.0f} MB together, and {BODY_LIMIT / 1e6:.0f} MB can "
            "be sent. Choose smaller ones, or give a URL. Nothing was sent.",
            field="extra",
        )
    return fields


def _picture(name: str, path: os.PathLike[str]) -> Frame:
    try:
        return frames.load(path)
    except InvalidRequest as error:
        raise InvalidRequest(f"extra: {name}: {str(error).removeprefix('image: ')}", field="extra") from error
