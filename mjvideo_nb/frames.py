"""A first frame out of anything: path, URL, data URI, bytes, PIL image, NumPy array.

The service takes a public URL or a base64 data URI. It publishes no limit of size; gateways of the family are known to
stop at 10-30 MB of body, so what would be larger is shrunk first. Pillow does that where it is installed; without it a
picture that needs work is refused with the remedy, and every other one goes out as it is.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import importlib.util
import io
import os
import re
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from .errors import InvalidRequest

__all__ = ["Frame", "load"]

BODY_LIMIT = 10_000_000
"""Bytes of request body that every known gateway accepts."""
DATA_LIMIT = (BODY_LIMIT - 50_000) // 4 * 3
"""Bytes of picture that fit in it as base64, leaving room for the other fields."""
FILE_LIMIT = 200_000_000
LONG_SIDE = 2048
"""Pixels; well above the 1248 of the largest clip, so shrinking to it loses nothing that is seen."""

ORIENTATION = 0x0112
"""The EXIF tag: 1 is upright, 2-8 say how to turn or mirror; some programs write other numbers, which say nothing."""

PILLOW = "or install Pillow (pip install pillow)"
UNNAMED = "the picture"
FORMATS = "a JPEG, PNG or WebP picture"
CONVERT = "Convert it, or choose another."
AGAIN = "Save it again, or choose another."
OTHER_FORMATS = {
    b"gif8": "a GIF",
    b"ii*\0": "a TIFF",
    b"mm\0*": "a TIFF",
    b"%pdf": "a PDF",
    b"<svg": "an SVG",
    b"<?xml": "an XML or SVG file",
    b"<!doctype html": "a web page",
    b"<html": "a web page",
}
BARE_BASE64 = {"/9j/": "jpeg", "iVBORw0KGgo": "png", "UklGR": "webp"}
"""How the formats begin in base64, and their media types."""


@dataclass(frozen=True)
class Frame:
    """A first frame, ready to be sent.

    Args:
        url: its public URL, or "".
        data: its bytes where there is no URL.
        media_type: such as `"image/jpeg"`; "" for a URL.
        name: what to call it on a card: the file's name, or a word.
        size: width and height in pixels, where they are known.
        note: what was done to it, such as `"shrunk from 8000 × 6000"`, or "".

    """

    url: str = ""
    data: bytes = b""
    media_type: str = ""
    name: str = UNNAMED
    size: tuple[int, int] | None = None
    note: str = ""

    def __repr__(self) -> str:
        return f"Frame(name={self.name!r}, size={self.size}, {self.url or f'{len(self.data)} bytes'})"

    @property
    def wire(self) -> str:
        """As the service takes it: the URL, or a data URI."""
        return self.url or f"data:{self.media_type};base64,{base64.b64encode(self.data).decode('ascii')}"

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes (of the URL, where that is all there is): the same frame, the same digest."""
        return hashlib.sha256(self.data or self.url.encode()).hexdigest()


def load(source: Any) -> Frame:
    """The first frame in `source`, checked, upright and small enough to send.

    Args:
        source: a path (`str` or any `os.PathLike`), an http(s) URL, a data URI, bytes, a PIL image, a NumPy array (H×W×3 or ×4,
            uint8), or a `Frame`.

    Returns:
        The frame. A URL is passed on as it is and not fetched.

    Raises:
        InvalidRequest: there is no such file, it is no JPEG, PNG or WebP, it is damaged, it is too large and Pillow is
            not there to shrink it. Names the field `image`.

    """
    if isinstance(source, Frame):
        return source
    if isinstance(source, str):
        return _from_text(source.strip())
    if isinstance(source, bytes | bytearray | memoryview):
        return _prepared(bytes(source), UNNAMED)
    if isinstance(source, os.PathLike):
        path = Path(os.fsdecode(source))
        return _prepared(_read(path), path.name)
    if _is_pillow(source):
        return _from_image(source, Path(getattr(source, "filename", "") or UNNAMED).name)
    if hasattr(source, "__array_interface__"):
        return _from_image(_from_array(source), "the array")
    hint = "; one picture at a time" if isinstance(source, list | tuple) else ""
    hint = "; give what its .read() returns" if hasattr(source, "read") else hint
    raise _bad(f"a path, URL, data URI, bytes, PIL image or NumPy array, not {type(source).__name__}{hint}.")


def _from_text(text: str) -> Frame:
    """The frame that a data URI, a URL or a path names."""
    if not text:
        raise _bad("choose a first frame (a path, URL, bytes or image).")
    if text[:5].lower() == "data:":
        return _prepared(_from_data_uri(text), UNNAMED)
    if "://" in text[:12]:
        return _from_url(text)
    bare = next((kind for head, kind in BARE_BASE64.items() if text.startswith(head)), "")
    if bare and len(text) > 200:
        raise _bad(f"base64 text needs its head; write data:image/{bare};base64, in front of it.")
    path = Path(text)
    return _prepared(_read(path), path.name)


def _bad(message: str) -> InvalidRequest:
    return InvalidRequest(f"image: {message}", field="image")


def _has_pillow() -> bool:
    return importlib.util.find_spec("PIL") is not None


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _read(path: Path) -> bytes:
    shown = _short(str(path))
    data, problem = b"", ""
    try:
        path = path.expanduser()
        about = path.stat()
        if stat.S_ISDIR(about.st_mode):
            problem = f"{shown} is a folder; name a picture in it."
        elif not stat.S_ISREG(about.st_mode):
            problem = f"{shown} is not a file but a device or a pipe; name a picture."
        elif about.st_size > FILE_LIMIT:
            problem = f"{shown} has {_megabytes(about.st_size)}; shrink it to {_megabytes(FILE_LIMIT)} or less."
        else:
            data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        looked = "" if path.is_absolute() else f" (looked in {_short(str(Path.cwd()))})"
        problem = f"there is no file {shown!r}{looked}; check the path."
    except RuntimeError:
        problem = f"the home folder in {shown!r} is not known; write the path in full."
    except OSError as error:
        problem = f"{shown!r} cannot be read: {error.strerror}; check the path and its permissions."
    except ValueError as error:  # a null character in the path
        problem = f"{shown!r} cannot be read: {error}; check the path."
    if problem:
        raise _bad(problem)
    return data


def _short(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:80]}…{text[-80:]}"


def _from_url(text: str) -> Frame:
    try:
        parts = urlsplit(text)
        _ = parts.port  # which is read, and found wrong, only when it is asked for
    except ValueError:
        parts = urlsplit("")
    if parts.scheme == "file":
        raise _bad("give the path of a local file without file://.")
    if parts.username or parts.password:
        raise _bad("the URL holds a user name or password, which the service would see; give one without.")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise _bad(f"{_short(text)!r} is no http(s) URL; give one, or the path of a file.")
    if re.search(r"\s", text):
        raise _bad(f"{_short(text)!r} is no http(s) URL: write a space in it as %20.")
    return Frame(url=text, name=Path(parts.path).name or parts.hostname)


def _from_data_uri(text: str) -> bytes:
    head, comma, body = text[5:].partition(",")
    if not comma:
        raise _bad("the data URI has no comma; it looks like data:image/png;base64,....")
    try:
        if head.lower().endswith(";base64"):
            return base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _bad(f"the data URI is not valid base64 ({error}); was it cut?") from error
    return unquote_to_bytes(body)


def _media_type(data: bytes, name: str) -> str:
    """The format by its first bytes; a file's name proves nothing."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if not data:
        raise _bad(f"{name} is empty; choose another.")
    head = data[:256].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    kind = next((kind for magic, kind in OTHER_FORMATS.items() if head.startswith(magic)), "")
    if data[:2] == b"BM" and data[6:10] == bytes(4):
        kind = "a BMP"
    if data[4:8] == b"ftyp":
        kind = "a HEIC, AVIF or video file"
    raise _bad(f"{name} is not {FORMATS}: it {f'is {kind}' if kind else f'begins with {data[:12]!r}'}. {CONVERT}")


def _prepared(data: bytes, name: str) -> Frame:
    """The bytes as they are where nothing needs doing, else upright and within the limit."""
    media_type = _media_type(data, name)
    if not _has_pillow():
        if len(data) > DATA_LIMIT:
            raise _bad(
                f"{name} has {_megabytes(len(data))}, and about {_megabytes(DATA_LIMIT)} can be sent. "
                f"Give a smaller one or a public URL, {PILLOW}, and it is shrunk by itself."
            )
        if _stored_orientation(data) != 1:
            raise _bad(f"{name} is stored on its side. Turn it and save it anew, {PILLOW}, and it is turned by itself.")
        return Frame(data=data, media_type=media_type, name=name)
    return _with_pillow(data, media_type, name)


def _stored_orientation(data: bytes) -> int:
    """The EXIF orientation, 1 (upright) to 8, read without a library."""
    found = re.search(rb"(?:Exif\0\0|eXIf|EXIF....)(II\*\0|MM\0\*)", data[: 1 << 18] + data[-(1 << 16) :], re.DOTALL)
    if not found:
        return 1
    tiff = found.string[found.start(1) :]
    order = "<" if tiff[:2] == b"II" else ">"
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, start)
        for entry in range(count):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, start + 2 + 12 * entry)
            if tag == ORIENTATION:
                return int(value) if 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1


def _with_pillow(data: bytes, media_type: str, name: str) -> Frame:
    from PIL import Image

    with _told_as_ours(name), Image.open(io.BytesIO(data)) as image:
        upright = _upright(image)
    if upright is image and len(data) <= DATA_LIMIT:
        return Frame(data=data, media_type=media_type, name=name, size=image.size)
    return _as_jpeg(upright, name, turned=upright is not image)


def _from_image(image: Any, name: str) -> Frame:
    if 0 in image.size:
        raise _bad(f"{name} has no pixels ({image.width} × {image.height}); choose another.")
    with _told_as_ours(name):
        upright = _upright(image)
    buffer = io.BytesIO()
    picture = _plain(upright)
    picture.save(buffer, "PNG", compress_level=3, icc_profile=picture.info.get("icc_profile"))
    if buffer.tell() > DATA_LIMIT:
        return _as_jpeg(upright, name, turned=upright is not image)
    note = "" if upright is image else "turned upright"
    return Frame(data=buffer.getvalue(), media_type="image/png", name=name, size=upright.size, note=note)


@contextmanager
def _told_as_ours(name: str) -> Iterator[None]:
    """What Pillow raises for a picture that it cannot decode."""
    from PIL import Image, UnidentifiedImageError

    try:
        yield
    except UnidentifiedImageError as error:  # whose own words are the address of a buffer
        raise _bad(f"{name} is damaged or cut short: only its first bytes are a picture's. {AGAIN}") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _bad(f"{name} has too many pixels to open safely; shrink it first.") from error
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        raise _bad(f"{name} is damaged or cut short: {error}. {AGAIN}") from error
    except AssertionError as error:  # what a closed image fails with
        raise _bad(f"{name} cannot be read any more: the image was closed. Open it again, or give its path.") from error


def _upright(image: Any) -> Any:
    """The image itself where it stands upright, else a turned copy."""
    from PIL import ImageOps

    image.load()
    try:
        turn = image.getexif().get(ORIENTATION, 1)
    except (SyntaxError, ValueError, struct.error):
        turn = 1  # EXIF that cannot be read says nothing; the pixels are whole
    return ImageOps.exif_transpose(image) if turn in range(2, 9) else image


def _plain(image: Any) -> Any:
    """In 8 bits and a mode that PNG has. Its colour profile stays only where it still describes the colours."""
    if image.mode in {"RGB", "RGBA", "L", "LA", "P", "1"}:
        return image
    if image.mode.startswith("I"):  # 16 bits: brought into range, or all but the darkest would be white
        return image.convert("I").point(lambda value: value / 256).convert("L")
    image = image.convert("RGB")
    image.info.pop("icc_profile", None)
    return image


def _as_jpeg(image: Any, name: str, *, turned: bool) -> Frame:
    """Small enough to send: at its own size where only turning was needed, else shrunk."""
    note = ["turned upright"] if turned else []
    picture = _on_white(_plain(image))
    data = _jpeg(picture) if turned else b""
    if not data or len(data) > DATA_LIMIT:
        picture.thumbnail((LONG_SIDE, LONG_SIDE))
        data = _jpeg(picture)
        smaller = picture.size != image.size
        note.append(f"shrunk from {image.width} × {image.height}" if smaller else "saved as JPEG")
    return Frame(data=data, media_type="image/jpeg", name=name, size=picture.size, note=", ".join(note))


def _on_white(image: Any) -> Any:
    """A copy in RGB, on white where it was transparent: a clip has no transparency either."""
    from PIL import Image

    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    ground = Image.new("RGB", image.size, "white")
    ground.paste(image, mask=image.getchannel("A"))
    ground.info.update(image.info)
    return ground


def _jpeg(image: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=93, icc_profile=image.info.get("icc_profile"))
    return buffer.getvalue()


def _is_pillow(source: Any) -> bool:
    if not _has_pillow():
        return False
    from PIL import Image

    return isinstance(source, Image.Image)


def _from_array(array: Any) -> Any:
    shape, dtype = tuple(array.shape), str(array.dtype)
    if len(shape) != 3 or shape[2] not in {3, 4} or 0 in shape:
        found = " × ".join(map(str, shape)) or "a single number"
        raise _bad(f"an array of height × width × 3 or 4, not {found}.")
    if dtype != "uint8":
        raise _bad(f"an array of uint8 (0-255), not {dtype}; for 0-1 floats: (array * 255).astype('uint8').")
    if not _has_pillow():
        raise _bad(f"an array needs Pillow to become a picture. Save it as a file, {PILLOW} and try again.")
    from PIL import Image

    return Image.fromarray(array)
