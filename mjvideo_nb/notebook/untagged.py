"""A clip without the words in it: a prompt in its tags must not reach a page that shows it blind."""

from __future__ import annotations

import struct
from collections.abc import Iterator

__all__ = ["untagged"]

WORDS = {b"udta", b"meta", b"uuid"}
"""Boxes of an MP4 that hold tags and other words, and nothing that a player needs."""
AROUND = {b"moov", b"trak"}
"""Boxes in which these may stand."""


def untagged(data: bytes) -> bytes:
    """The same MP4 with its tags blanked out. Its length stays, so that the index in it still holds.

    Other files come back as they are.
    """
    if data[4:8] != b"ftyp":
        return data
    blank = bytearray(data)
    for begins, ends in _words(data, 0, len(data)):
        blank[begins + 4 : begins + 8] = b"free"
        blank[begins + 8 : ends] = bytes(ends - begins - 8)
    return bytes(blank)


def _words(data: bytes, at: int, end: int) -> Iterator[tuple[int, int]]:
    """Where the boxes with words are."""
    while at + 8 <= end:
        length, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if length == 1 and at + 16 <= end:
            (length,) = struct.unpack_from(">Q", data, at + 8)
            head = 16
        ends = end if length == 0 else at + length
        if ends < at + head or ends > end:
            return
        if kind in WORDS and head == 8 and length:
            yield at, ends
        elif kind in AROUND:
            yield from _words(data, at + head, ends)
        at = ends
