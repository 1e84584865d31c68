"""Clips of any origin on one stage, in step: `compare`."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import ipywidgets

from mjvideo_nb.errors import InvalidRequest

from .bringing import is_elsewhere
from .card import card, download_name, notebook_path
from .in_marimo import InMarimo
from .picks import Pick, labelled
from .record import Told
from .showing import Record, small_posters
from .stage import Stage
from .state import Phase, State
from .view import JobView

if TYPE_CHECKING:
    from .job import Job
    from .session import Session

__all__ = ["MOST_COMPARED", "Comparison", "comparison"]

MOST_COMPARED = 16
"""Clips on one stage: more can hardly be watched, or decoded at once."""


class Comparison(InMarimo, ipywidgets.VBox):
    """Any clips on one stage, below it the cards of what was extended from there, and a record of what they were.

    Args:
        session: whose library has their stars and stills, of those that are in it.
        picks: the clips, each with its label.
        title: above them.

    """

    def __init__(self, session: Session, picks: Sequence[Pick], title: str) -> None:
        self._session = session
        self._picks = list(picks)
        self._title = title
        self._guard = threading.RLock()
        self._coming = self._on_their_way()
        self.stage = Stage(
            card=self._card(),
            on_extend=self._extend,
            on_choice=_nothing,
            read_clip=lambda number: self._picks[number].read(),
            on_rate=self._rate,
        )
        super().__init__([self.stage])
        self.add_class("mj-view")
        self._record = Record(f"mj-{uuid4().hex}", self, self._told)
        self.observe(self._record.refresh, "children")
        for job in self._coming:
            job.listen(self._arrived)
            self._arrived()  # it may have come between its first card and the listening

    def close(self) -> None:
        """Let go of it; the clips that are still brought here come all the same."""
        for job in self._coming:
            job.unlisten(self._arrived)
        super().close()

    def _on_their_way(self) -> list[Job]:
        """The jobs whose clips another machine has made: to be shown is what brings them here."""
        library, found = self._session.library, {}
        for one in self._picks:
            entry = library.shelf.get(one.entry_id) if one.entry_id and one.path is None else None
            if entry and is_elsewhere(library, entry):
                found[entry.id] = self._session.jobs.get(entry.id)
        return list(found.values())

    def _arrived(self) -> None:
        """Show the clips of those that have come, and say what becomes of the others."""
        here = {(job.entry_id, clip.index): clip.path for job in self._coming for clip in job.clips}
        with self._guard:
            self._picks = [
                replace(one, path=one.path or here.get((one.entry_id, one.index or 0))) for one in self._picks
            ]
            told = zip(self.stage.card["clips"], self._picks, strict=True)
            clips = [{**clip, "path": notebook_path(one.path)} for clip, one in told]
            self.stage.show({**self.stage.card, "clips": clips, "note": self._note()})
        self._record.refresh()

    def _ipython_display_(self) -> None:
        self._record.show()

    def _told(self) -> Iterator[Told | JobView]:
        paths = {number: one.path for number, one in enumerate(self._picks)}
        yield Told(self.stage.card, posters=small_posters(self._session.library, paths))
        yield from (view for view in self.children if isinstance(view, JobView))

    def _card(self) -> dict[str, Any]:
        picks = self._picks
        is_sandbox = any(one.sandbox for one in picks)
        whole = card(State(None, title=self._title, phase=Phase.DONE), sandbox=is_sandbox, price="")
        clips = [self._clip(number, one) for number, one in enumerate(picks)]
        return whole | {"headline": f"{len(picks)} clips", "note": self._note(), "clips": clips}

    def _note(self) -> str:
        """What becomes of the clips that are not here, each said once."""
        return "\n".join({job.state.remark: None for job in self._coming if job.state.remark})

    def _clip(self, number: int, one: Pick) -> dict[str, Any]:
        told: dict[str, Any] = {
            "index": number,
            "label": one.label,
            "path": notebook_path(one.path),
            "url": one.url or None,
            "name": _name(one),
            "prompt": one.request.prompt if one.request else "",
        }
        entry = self._session.library.shelf.get(one.entry_id) if one.entry_id else None
        if entry is None or one.index is None:
            return told | {"loose": True}
        price = self._session.price_words(one.request.short_type).partition(",")[0] if one.request else ""
        return told | {"rating": entry.ratings.get(one.index), "price": price}

    def _place(self, number: int) -> tuple[str, int]:
        """The job and the index of a clip."""
        one = self._picks[number]
        if not one.entry_id or one.index is None:
            raise InvalidRequest("This clip is not in the library: it can have no stars and no extend.", field="index")
        return one.entry_id, one.index

    def _extend(self, number: int, motion: str, prompt: str | None) -> None:
        """The button under a clip: another job, its card below."""
        entry_id, index = self._place(number)
        made = self._session.jobs.get(entry_id).extend_by_button(index, motion, prompt)
        self.set_trait("children", (*self.children, made.view))

    def _rate(self, number: int, stars: int | None) -> None:
        self._session.jobs.rate(*self._place(number), stars)


def comparison(session: Session, picks: Sequence[Pick], *, title: str = "") -> Comparison:
    """These clips side by side.

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


def _name(one: Pick) -> str:
    prompt = one.request.prompt if one.request else ""
    return one.name or download_name(prompt, one.task_id or "clip", one.index or 0)


def _nothing(*_: object) -> None:
    """Nothing is to be settled here."""
