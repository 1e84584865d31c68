"""Clips of any origin on one stage, in step: `compare`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mjvideo_nb.errors import InvalidRequest

from .card import card, download_name, notebook_path
from .picks import Pick, labelled
from .stage import Stage
from .state import Phase, State

__all__ = ["MOST_COMPARED", "comparison"]

MOST_COMPARED = 16
"""Clips on one stage: more can hardly be watched, or decoded at once."""


def comparison(picks: Sequence[Pick], *, title: str = "") -> Stage:
    """A stage with these clips.

    Args:
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
    return Stage(
        card=_card(shown, title or f"{len(shown)} clips side by side"),
        on_extend=_nothing,
        on_choice=_nothing,
        read_clip=lambda number: shown[number].read(),
    )


def _card(picks: Sequence[Pick], title: str) -> dict[str, Any]:
    whole = card(State(None, title=title, phase=Phase.DONE), sandbox=any(one.sandbox for one in picks), price="")
    clips = [
        {
            "index": number,
            "label": one.label,
            "path": notebook_path(one.path),
            "url": one.url or None,
            "name": _name(one),
        }
        for number, one in enumerate(picks)
    ]
    return whole | {"headline": f"{len(picks)} clips", "note": "", "clips": clips, "can_extend": False}


def _name(one: Pick) -> str:
    prompt = one.request.prompt if one.request else ""
    return one.name or download_name(prompt, one.task_id or "clip", one.index or 0)


def _nothing(*_: object) -> None:
    """Nothing can be extended or settled here."""
