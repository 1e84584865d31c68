"""Taking secrets out of whatever comes back, and out of what the HTTP libraries log.

At DEBUG they log the headers of every answer, and a service may repeat a key there (in a redirect, in an error).
"""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from .config import Secret

__all__ = ["REDACTED", "Redaction"]

REDACTED = "[secret]"
SHORTEST_SECRET = 8
"""Characters; a shorter value may be part of any word."""
HTTP = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy", "httpcore.socks")
STORAGES = ("botocore.auth", "botocore.endpoint", "gcsfs", "s3fs")
LOGGERS = (*HTTP, *STORAGES)


class Redaction:
    """Knows the secrets of one service.

    Args:
        secrets: the key, and headers that are like one.

    """

    def __init__(self, secrets: Iterable[Secret]) -> None:
        self._secrets = tuple(secrets)
        _watch_logs_for(self)

    def text(self, text: str) -> str:
        """The text without them."""
        for echo in self._echoes():
            text = text.replace(echo, REDACTED)
        return text

    def content(self, content: bytes) -> bytes:
        """The bytes of a body without them."""
        for echo in self._echoes():
            content = content.replace(echo.encode(), REDACTED.encode())
        return content

    def _echoes(self) -> list[str]:
        """Each secret as a body or a header may repeat it: as it is, in JSON, in a URL; of `Bearer x` also `x` alone."""
        words = {word for s in self._secrets for word in (s.reveal(), *s.reveal().split())}
        words = {word for word in words if len(word) >= SHORTEST_SECRET}
        found = {form for word in words for form in (word, word.replace("/", r"\/"), quote(word), quote(word, safe=""))}
        # The longest first: a secret that is part of another would leave the rest of it.
        return sorted(found, key=len, reverse=True)


class _LogFilter(logging.Filter):
    """Takes the secrets of all services out of what is logged."""

    def filter(self, record: logging.LogRecord) -> bool:
        with _guard:
            known = list(_known)
        said = record.getMessage()
        kept = said
        for redaction in known:
            kept = redaction.text(kept)
        if kept != said:
            record.msg, record.args = kept, ()
        return True


_known: weakref.WeakSet[Redaction] = weakref.WeakSet()
_guard = threading.RLock()
_filter = _LogFilter()


def _watch_logs_for(redaction: Redaction) -> None:
    with _guard:
        _known.add(redaction)
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_filter)  # once, however often it is added
