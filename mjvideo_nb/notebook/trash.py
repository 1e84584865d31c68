"""The trash of the history: what goes into it, comes out again, and is deleted for good. On a shared account, each their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mjvideo_nb.errors import InvalidRequest
from mjvideo_nb.library import Entry, Query
from mjvideo_nb.library.entries import OPEN

from .said import only_for

if TYPE_CHECKING:
    from mjvideo_nb.library import Library

    from .session import Session

__all__ = ["Trash"]


class Trash:
    """What a person may do with the trash of a library.

    Args:
        session: whose library.

    """

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def _library(self) -> Library:
        return self._session.library

    def throw(self, ids: Sequence[str]) -> dict[str, Any]:
        """Put jobs into the trash: which of them have `gone`, how many were `kept` as under way or as `theirs`.

        Raises:
            InvalidRequest: none of them has; says why.

        """
        entries = self._entries(ids)
        theirs = [entry for entry in entries if self._library.is_of_another(entry)]
        gone = [entry.id for entry in entries if entry not in theirs and entry.state not in OPEN]
        self._library.shelf.trash(gone)
        if not gone and theirs:
            raise only_for(theirs[0].person, "delete it")
        if not gone:
            raise InvalidRequest(
                "This is still under way and may have been paid for: it can be deleted once it has ended.", field="id"
            )
        return {"gone": gone, "kept": len(entries) - len(gone) - len(theirs), "theirs": len(theirs)}

    def restore(self, ids: Sequence[str]) -> dict[str, Any]:
        """Take jobs out of it, but those of others: which were `restored`.

        Raises:
            InvalidRequest: all are of others.

        """
        entries = self._entries(ids)
        ours = [entry.id for entry in entries if not self._library.is_of_another(entry)]
        if entries and not ours:
            raise only_for(entries[0].person, "take it out of the trash")
        self._library.shelf.restore(ours)
        return {"restored": ours}

    def count(self) -> int:
        """How many jobs emptying it would delete."""
        mine = self._mine
        return self._library.shelf.search(mine, limit=0)[1] if mine else 0

    def weigh(self) -> str:
        """What is lost for good with it, in words."""
        thrown = self._thrown()
        videos = _count(len(thrown), "video")
        files = _count(sum(1 for entry in thrown for clip in entry.clips if clip.path), "file")
        if self._library.is_shared:
            return (
                f"Delete {videos} of yours for good, with {files} on this machine? What others have put into the trash stays. "
                "This cannot be undone; what yours cost stays counted."
            )
        return f"Delete {videos} with {files} for good? This cannot be undone; what they cost stays counted."

    def empty(self) -> dict[str, Any]:
        """Delete it for good, but what is others'.

        Raises:
            OSError: files could not be deleted; names some.

        """
        thrown = self._thrown()
        left = self._library.shelf.empty_trash(self._library.whose) if thrown else []
        for entry in thrown:
            self._session.jobs.forget(entry.id)
        if left:
            names = ", ".join(str(path) for path in left[:3])
            raise OSError(f"The trash is empty, but {_count(len(left), 'file')} could not be deleted: {names}")
        return {}

    @property
    def _mine(self) -> Query | None:
        """What may be deleted for good; nothing where somebody without a name cannot be told from others."""
        if self._library.is_shared and not self._library.person:
            return None
        return Query(trashed=True, person=self._library.whose)

    def _thrown(self) -> list[Entry]:
        mine = self._mine
        return self._library.shelf.search(mine, limit=self.count())[0] if mine else []

    def _entries(self, ids: Sequence[str]) -> list[Entry]:
        found = [self._library.shelf.get(name) for name in ids]
        if None in found:
            raise InvalidRequest("This job is not in the library any more.", field="id")
        return [entry for entry in found if entry]


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
