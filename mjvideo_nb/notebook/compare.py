"""Clips of any origin on one stage, in step: `compare`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from mjvideo_nb.errors import InvalidRequest

from .card import card, download_name, notebook_path
from .picks import Pick, labelled
from .record import Told
from .showing import Record, small_posters
from .stage import Stage
from .state import Phase, State

if TYPE_CHECKING:
    from mjvideo_nb.library import Library

    from .session import Session

__all__ = ["MOST_COMPARED", "Comparison", "comparison"]

MOST_COMPARED = 16
"""Clips on one stage: more can hardly be watched, or decoded at once."""


class Comparison(Stage):
    """Any clips on one stage, with a record of what they were."""

    def __init__(self, session: Session, picks: Sequence[Pick], title: str) -> None:
        library = session.library
        super().__init__(
            card=_card(library, picks, title),
            on_extend=_nothing,
            on_choice=_nothing,
            read_clip=lambda number: picks[number].read(),
            on_rate=lambda number, stars: _rate(session, picks[number], stars),
        )
        paths = {number: one.path for number, one in enumerate(picks)}
        self._record = Record(
            f"mj-{uuid4().hex}", self, lambda: [Told(self.card, posters=small_posters(library, paths))]
        )

    def _ipython_display_(self) -> None:
        self._record.show()


def comparison(session: Session, picks: Sequence[Pick], *, title: str = "") -> Comparison:
    """A stage with these clips.

    Args:
        session: whose library has their stars and stills, of those that are in it.
        picks: 1 to 16 clips.
        title: above them; by default how many there are.

    Raises:
        InvalidRequest: there are none, or too many.

    """
    if not picks or len(picks) > MOST_COMPARED:
        raise InvalidRequest(
            f"what: 1 to {MOST_COMPARED} clips at once, and these are {len(picks)}. Choose "
            f"{'fewer' if picks else 'some'}.",
            field="what",
        )
    shown = labelled(picks)
    return Comparison(session, shown, title or f"{len(shown)} clips side by side")


def _card(library: Library, picks: Sequence[Pick], title: str) -> dict[str, Any]:
    whole = card(State(None, title=title, phase=Phase.DONE), sandbox=any(one.sandbox for one in picks), price="")
    clips = [
        {
            "index": number,
            "label": one.label,
            "path": notebook_path(one.path),
            "url": one.url or None,
            "name": _name(one),
            **_stars(library, one),
        }
        for number, one in enumerate(picks)
    ]
    return whole | {"headline": f"{len(picks)} clips", "note": "", "clips": clips, "can_extend": False}


def _stars(library: Library, one: Pick) -> dict[str, Any]:
    """The stars of a clip; a clip that is not in the library can have none."""
    entry = library.shelf.get(one.entry_id) if one.entry_id else None
    return {"rating": entry.ratings.get(one.index)} if entry and one.index is not None else {"can_rate": False}


def _rate(session: Session, one: Pick, stars: int | None) -> None:
    if not one.entry_id or one.index is None:
        raise InvalidRequest("This clip is not in the library and cannot have stars.", field="index")
    session.jobs.rate(one.entry_id, one.index, stars)


def _name(one: Pick) -> str:
    prompt = one.request.prompt if one.request else ""
    return one.name or download_name(prompt, one.task_id or "clip", one.index or 0)


def _nothing(*_: object) -> None:
    """Nothing can be extended or settled here."""
