"""First frames from the web: http and https only, bounded in size and time."""

import http.client
import urllib.error
import urllib.request
from typing import IO
from urllib.parse import urlsplit

LARGEST = 30 * 1024 * 1024
TIMEOUT = 15.0
"""Seconds without a byte."""


class LinkError(Exception):
    """The link does not lead to a picture of acceptable size."""


class _WebOnly(urllib.request.HTTPRedirectHandler):
    def redirect_request(  # noqa: PLR0917 - the signature of the standard library
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        _check(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def fetch(link: str) -> bytes:
    """Read what `link` leads to, at most `LARGEST` bytes. Blocks: for a thread."""
    _check(link)
    request = urllib.request.Request(link, headers={"User-Agent": "mjvideo-sandbox"})  # noqa: S310 - checked above
    try:
        with urllib.request.build_opener(_WebOnly).open(request, timeout=TIMEOUT) as answer:
            picture: bytes = answer.read(LARGEST + 1)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise LinkError(str(error)) from error
    if len(picture) > LARGEST:
        raise LinkError(f"larger than {LARGEST // 1024 // 1024} MB")
    return picture


def _check(link: str) -> None:
    try:
        parts = urlsplit(link)
    except ValueError as error:
        raise LinkError(str(error)) from error
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise LinkError("not a http or https link")
