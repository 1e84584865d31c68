"""What people say of a job: stars, tags, a note, and whether it is in the trash. And who may say what."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from mjvideo_nb.errors import InvalidRequest

if TYPE_CHECKING:
    from mjvideo_nb.library import Entry

    from .session import Session
    from .state import State

__all__ = ["Said", "only_for"]


def only_for(person: str, what: str) -> InvalidRequest:
    """What is answered to somebody else than the `person` who asked for a job; `what` is theirs to do."""
    return InvalidRequest(
        f"{person or 'Somebody else'} has asked for this video, and alone can {what}. You can look at it, give it stars, "
        "compare and extend it.",
        field="id",
    )


class Said:
    """The part of a job that is about what its people say of it. Stars are everybody's; the rest is for who asked for it."""

    entry_id: str
    _session: Session
    _guard: threading.RLock
    _state: State

    if TYPE_CHECKING:

        @property
        def entry(self) -> Entry:
            """As a job has it."""

        def resume(self) -> Any:
            """As a job has it."""

        def _change(self, **changes: Any) -> None: ...

    def rate(self, index: int, stars: int | None) -> None:
        """Give the clip `index` 1 to 5 `stars`, or take them away with None.

        Raises:
            InvalidRequest: there is no such clip, or no such number of stars.

        """
        self._session.library.shelf.rate(self.entry_id, index, stars)
        with self._guard:
            others = {at: given for at, given in self._state.ratings.items() if at != index}
            self._change(ratings=others if stars is None else {**others, index: stars})

    def tag(self, *words: str) -> None:
        """Give this job these `words` as its tags, instead of those it had, to find it by in `history`.

        Raises:
            InvalidRequest: a word is none, or somebody else has asked for this video.

        """
        self._check_ours("change its tags")
        self._session.library.shelf.tag(self.entry_id, words)

    def note(self, text: str) -> None:
        """Write a `text` beside it, to find it by in `history`.

        Raises:
            InvalidRequest: somebody else has asked for this video.

        """
        self._check_ours("change its note")
        self._session.library.shelf.note(self.entry_id, text)

    def delete(self) -> None:
        """Put it into the trash, with all its clips; `restore` takes it out again.

        Raises:
            InvalidRequest: it is still under way, and may have been paid for; or somebody else has asked for it.

        """
        self._check_ours("delete it")
        self._session.library.shelf.trash([self.entry_id])
        if self.entry.trashed is None:
            raise InvalidRequest("This is still under way and may have been paid for: delete it once it has ended.")
        self._change(trashed=True)

    def restore(self) -> None:
        """Take it out of the trash; an `InvalidRequest` if that was emptied meanwhile, or somebody else has asked for it."""
        self._check_ours("take it out of the trash")
        self._session.library.shelf.restore([self.entry_id])
        self.learn(self.entry)
        if self._state.elsewhere:
            self.resume()  # what was in the trash was not brought to this machine

    def learn(self, entry: Entry) -> None:
        """Take over what its people have said of it elsewhere, from an `entry` that was read anyhow."""
        if (entry.ratings, entry.trashed is not None) != (self._state.ratings, self._state.trashed):
            self._change(ratings=entry.ratings, trashed=entry.trashed is not None)

    def _check_ours(self, what: str) -> None:
        if self._state.made_by:
            raise only_for(self._state.made_by, what)
