"""What can become of a request: an answer, or one of the two ways to have none. Was it sent?

Apart from `transport`, so that the client can be named, and its errors met, before an HTTP library is loaded.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

__all__ = ["Astray", "Lost", "NotSent", "Stream"]


class NotSent(Exception):
    """Nothing reached the service: the name did not resolve, the connection was refused or timed out."""


class Astray(NotSent):
    """An address that leads nowhere, and would again: no URL, no scheme we speak, redirects without an end.

    Also one whose certificate nobody vouches for: there is no setting that trusts it all the same. A private authority's
    certificate is made known by the environment (`SSL_CERT_FILE`), for this as for other programs.
    """


class Lost(Exception):
    """The connection or the answer was lost after the request had begun to leave."""


@dataclass(frozen=True)
class Stream:
    """An answer whose body is read piece by piece."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]
    url: str
