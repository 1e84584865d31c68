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
import re
import struct
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

PILLOW = "Install Pillow and try again: pip install pillow"
FORMATS = "a JPEG, PNG or WebP picture"
OTHER_FORMATS = {
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"%PDF": "PDF",
    b"<svg": "SVG",
    b"<!DO": "web page",
    b"<htm": "web page",
}


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
    name: str = "image"
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
        source: a path (`str` or `Path`), an http(s) URL, a data URI, bytes, a PIL image, a NumPy array (H×W×3 or ×4,
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
        text = source.strip()
        if not text:
            raise _bad("choose a first frame (a path, URL, bytes or image).")
        if text[:5].lower() == "data:":
            return _prepared(_from_data_uri(text), "image")
        if "://" in text[:12]:
            return _from_url(text)
        source = Path(text)
    if isinstance(source, Path):
        return _prepared(_read(source), source.name)
    if isinstance(source, bytes | bytearray | memoryview):
        return _prepared(bytes(source), "image")
    if _is_pillow(source):
        return _prepared(_png(source), Path(getattr(source, "filename", "") or "image").name)
    if hasattr(source, "__array_interface__"):
        return _prepared(_png(_from_array(source)), "array")
    raise _bad(f"a path, URL, data URI, bytes, PIL image or NumPy array, not {type(source).__name__}.")


def _bad(message: str) -> InvalidRequest:
    return InvalidRequest(f"image: {message}", field="image")


def _has_pillow() -> bool:
    return importlib.util.find_spec("PIL") is not None


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _read(path: Path) -> bytes:
    path = path.expanduser()
    try:
        if path.is_dir():
            raise _bad(f"{path} is a folder; name a picture in it.")
        size = path.stat().st_size
        if size > FILE_LIMIT:
            raise _bad(f"{path} has {_megabytes(size)}; shrink it to {_megabytes(FILE_LIMIT)} or less.")
        return path.read_bytes()
    except FileNotFoundError:
        raise _bad(f"there is no file {str(path)!r} (looked in {Path.cwd()}); check the path.") from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise _bad(f"{str(path)!r} cannot be read: {error}.") from error


def _from_url(text: str) -> Frame:
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme == "file":
        raise _bad("give the path of a local file without file://.")
    if parts.scheme not in {"http", "https"} or not parts.hostname or re.search(r"\s", text):
        raise _bad(f"{text[:80]!r} is no http(s) URL.")
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
        raise _bad(f"{name} is empty.")
    kind = next((kind for magic, kind in OTHER_FORMATS.items() if data.startswith(magic)), "")
    if data[4:8] == b"ftyp":
        kind = "HEIC, AVIF or video file"
    said = f"it is a {kind}" if kind else f"it begins with {data[:12]!r}"
    raise _bad(f"{name} is not {FORMATS}: {said}. Convert it, or choose another.")


def _prepared(data: bytes, name: str) -> Frame:
    """The bytes as they are where nothing needs doing, else upright and within the limit."""
    media_type = _media_type(data, name)
    if not _has_pillow():
        if len(data) > DATA_LIMIT:
            raise _bad(
                f"{name} has {_megabytes(len(data))}, and about {_megabytes(DATA_LIMIT)} can be sent. "
                f"Give a smaller one, or a public URL. {PILLOW}, and it is shrunk by itself."
            )
        if _stored_orientation(data) != 1:
            raise _bad(f"{name} is stored on its side, with a note to turn it. {PILLOW}, and it is turned by itself.")
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
            if tag == 0x0112:
                return int(value) if 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1


def _with_pillow(data: bytes, media_type: str, name: str) -> Frame:
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            turned = ImageOps.exif_transpose(image)
    except Image.DecompressionBombError as error:
        raise _bad(f"{name} has too many pixels to open safely; shrink it first.") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, struct.error) as error:
        raise _bad(f"{name} is damaged or cut short: {error}. Save it again, or choose another.") from error
    upright = turned.size == image.size and image.getexif().get(0x0112, 1) == 1
    if upright and len(data) <= DATA_LIMIT:
        return Frame(data=data, media_type=media_type, name=name, size=image.size)
    if upright:
        note = f"shrunk from {image.width} × {image.height}"
        turned.thumbnail((LONG_SIDE, LONG_SIDE), Image.Resampling.LANCZOS)
    else:
        note = "turned upright"
    buffer = _jpeg(turned)
    if len(buffer) > DATA_LIMIT:
        turned.thumbnail((LONG_SIDE, LONG_SIDE), Image.Resampling.LANCZOS)
        buffer = _jpeg(turned)
    return Frame(data=buffer, media_type="image/jpeg", name=name, size=turned.size, note=note)


def _jpeg(image: Any) -> bytes:
    """As JPEG, on white where it was transparent: a clip has no transparency either."""
    from PIL import Image

    if image.has_transparency_data:
        image = image.convert("RGBA")
        ground = Image.new("RGB", image.size, "white")
        ground.paste(image, mask=image.getchannel("A"))
        image = ground
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=93)
    return buffer.getvalue()


def _is_pillow(source: Any) -> bool:
    if not _has_pillow():
        return False
    from PIL import Image

    return isinstance(source, Image.Image)


def _png(image: Any) -> bytes:
    buffer = io.BytesIO()
    mode = image.mode if image.mode in {"RGB", "RGBA", "L", "LA", "P", "1"} else "RGB"
    image.convert(mode).save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def _from_array(array: Any) -> Any:
    shape, dtype = tuple(array.shape), str(array.dtype)
    if len(shape) != 3 or shape[2] not in {3, 4} or 0 in shape:
        raise _bad(f"an array of height × width × 3 or 4, not {' × '.join(map(str, shape))}.")
    if dtype != "uint8":
        raise _bad(f"an array of uint8 (0-255), not {dtype}; for 0-1 floats: (array * 255).astype('uint8').")
    if not _has_pillow():
        raise _bad(f"a NumPy array needs Pillow to become a picture. {PILLOW}")
    from PIL import Image

    return Image.fromarray(array)
