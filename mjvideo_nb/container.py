"""Whether a file is a whole video: what its first bytes are, and whether its container is all there.

MP4 and QuickTime are checked box by box, WebM by the length of its segment. Nothing is decoded.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

__all__ = ["flaw", "is_whole_mp4", "stranger"]

MP4_BEGINS = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"})
EBML = b"\x1a\x45\xdf\xa3"
SEGMENT = b"\x18\x53\x80\x67"
PAGES = ((b"<!doctype html", "a web page"), (b"<html", "a web page"), (b"<", "XML"), (b"{", "JSON"), (b"[", "JSON"))


def stranger(head: bytes) -> str:
    """Why what begins with these bytes (8 or more) is no video, or `""`.

    They are not quoted: an error page of the service may begin with the key that was sent.
    """
    if head[4:8] in MP4_BEGINS or head.startswith(EBML):
        return ""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    kind = next((words for begins, words in PAGES if text.startswith(begins)), "something else")
    return f"it is not a video but {kind}"


def flaw(file: BinaryIO) -> str:
    """Why this file is no whole video, or `""` if it is one."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(16)
    if not size:
        return "it is empty"
    why = stranger(head)
    if why:
        return "it is cut short" if len(head) < 8 else why
    return _webm_flaw(file, size) if head.startswith(EBML) else _mp4_flaw(file, size)


def is_whole_mp4(path: Path) -> str:
    """The same of a file by its path."""
    with path.open("rb") as file:
        return flaw(file)


def _mp4_flaw(file: BinaryIO, size: int) -> str:
    """Its boxes fill it, its index is there, and so are its pictures."""
    boxes: set[bytes] = set()
    at = 0
    while at < size:
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return "it is cut short"
        length, kind = struct.unpack(">I4s", head[:8])
        if length == 1 and len(head) == 16:
            (length,) = struct.unpack(">Q", head[8:])
        elif length == 0:
            length = size - at
        if length < 8 or at + length > size:
            return "it is cut short"
        boxes.add(kind)
        at += length
    if b"moov" not in boxes:
        return "it has no index (moov)"
    return "" if b"mdat" in boxes else "it holds no pictures (mdat)"


def _webm_flaw(file: BinaryIO, size: int) -> str:
    """Its segment is there and as long as it says; a live recording does not say."""
    file.seek(len(EBML))
    length = _ebml_length(file) or 0
    at = file.seek(length, os.SEEK_CUR)
    if at >= size:
        return "it is cut short"
    if file.read(len(SEGMENT)) != SEGMENT:
        return "it holds no pictures (segment)"
    said = _ebml_length(file)
    left = size - file.tell()
    return "it is cut short" if left <= 0 or (said is not None and said > left) else ""


def _ebml_length(file: BinaryIO) -> int | None:
    """A length as EBML writes it: the leading zeros say how many bytes follow. All ones: not known."""
    first = file.read(1)
    if not first or not first[0]:
        return 0
    more = 8 - first[0].bit_length()
    value = int.from_bytes(bytes([first[0] & (0x7F >> more)]) + file.read(more), "big")
    return None if value == (1 << 7 * (more + 1)) - 1 else value
