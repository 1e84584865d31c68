"""What a client tells about a request on its way, for whoever writes it down: before it leaves, and what came of it."""

from __future__ import annotations

from typing import Protocol

from .errors import MJVideoError
from .models import Task

__all__ = ["Journal"]


class Journal(Protocol):
    """Writes down one request. The client goes on when it has been written."""

    async def sending(self) -> None:
        """A submit is about to leave; whatever this raises stops it."""

    async def turned_away(self, error: MJVideoError) -> None:
        """The submit was surely not accepted."""

    async def uncertain(self, error: MJVideoError) -> None:
        """The submit may have been accepted and billed."""

    async def accepted(self, task: Task) -> None:
        """The service has it."""
