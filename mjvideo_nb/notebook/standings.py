"""A ranking to read: the place of each clip, how sure it is, and all of it as a table, in text and in HTML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import overload

from mjvideo_nb.ranking import Fit, chance

from .picks import Pick

__all__ = ["Ranked", "Standings", "progress", "standings"]

ALIKE = 1e-9
"""Strengths that differ by less share a place."""
TOP = 5
"""Of an estimate above twice this, only each fifth is said: it is no more exact than that."""

HEAD = ("", "Clip", "", "Score", "95 %", "Won–lost–tied", "Better than the next")
SCORE = "Score: how many of 100 comparisons with an average clip of these it would win. The line is its 95 % interval."


@dataclass(frozen=True)
class Ranked:
    """A clip in a ranking.

    Args:
        place: 1 is the best; clips that are alike share one.
        label: what the clip is called.
        score: how many of 100 comparisons with an average clip of this ranking it would win.
        low: the lower end of the score's 95 % interval.
        high: the upper end of it.
        wins: how often it was better.
        losses: how often the other was.
        ties: how often neither was.
        sure: how probable it is (0-1) that it is better than the next one; None for the last.
        path: its file, or None where it is gone.
        task_id: its task, or "".
        index: which variant of its task, or None.

    """

    place: int
    label: str
    score: float
    low: float
    high: float
    wins: int
    losses: int
    ties: int
    sure: float | None
    path: Path | None = None
    task_id: str = ""
    index: int | None = None

    @property
    def cells(self) -> tuple[str, ...]:
        """What stands in its row of a table: place, label, score, interval, counts, how sure."""
        return (
            str(self.place),
            self.label,
            f"{self.score:.0f}",
            f"{self.low:.0f}–{self.high:.0f}",
            f"{self.wins}–{self.losses}–{self.ties}",
            "" if self.sure is None else percent(self.sure),
        )


class Standings(Sequence[Ranked]):
    """The clips of a ranking, the best first; shows as a table with a plot.

    Args:
        rows: the clips.
        title: above them, or "".
        notes: what has to be known to read it.

    """

    def __init__(self, rows: Sequence[Ranked], *, title: str = "", notes: Sequence[str] = ()) -> None:
        self.rows = list(rows)
        self.title = title
        self.notes = list(notes)

    @overload
    def __getitem__(self, index: int) -> Ranked: ...
    @overload
    def __getitem__(self, index: slice) -> list[Ranked]: ...
    def __getitem__(self, index: int | slice) -> Ranked | list[Ranked]:
        return self.rows[index]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Ranked]:
        return iter(self.rows)

    def __repr__(self) -> str:
        head = tuple(word for word in HEAD if word)
        lines = [("", *head), *(row.cells for row in self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
        told = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        ]
        return "\n".join([*([self.title] if self.title else []), *told, *self.notes])

    def _repr_html_(self) -> str:
        head = "".join(f'<th style="text-align:left">{escape(word)}</th>' for word in HEAD)
        body = "".join(f"<tr>{''.join(_cells(row))}</tr>" for row in self.rows)
        title = f"<caption>{escape(self.title)}</caption>" if self.title else ""
        notes = "".join(f"<p>{escape(note)}</p>" for note in (*self.notes, SCORE))
        return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"


def standings(fit: Fit, picks: Sequence[Pick], *, title: str = "", unreadable: Sequence[int] = ()) -> Standings:
    """What a fit says of the clips it was made of.

    Args:
        fit: the strengths, clip by clip.
        picks: the clips, each with a label.
        title: above them, or "".
        unreadable: numbers of those that cannot be shown any more.

    """
    order = fit.order
    rows: list[Ranked] = []
    for rank, number in enumerate(order):
        following = order[rank + 1] if rank + 1 < len(order) else None
        alike = bool(rows) and fit.strengths[order[rank - 1]] - fit.strengths[number] < ALIKE
        low, high = fit.interval(number)
        rows.append(
            Ranked(
                place=rows[-1].place if alike else rank + 1,
                label=picks[number].label,
                score=100 * chance(fit.strengths[number]),
                low=100 * chance(low),
                high=100 * chance(high),
                wins=fit.wins[number],
                losses=fit.losses[number],
                ties=fit.ties[number],
                sure=None if following is None else fit.better(number, following),
                path=picks[number].path,
                task_id=picks[number].task_id,
                index=picks[number].index,
            )
        )
    return Standings(rows, title=title, notes=_notes(fit, picks, unreadable))


def progress(fit: Fit) -> tuple[str, int | None]:
    """How far the judging is, in words, and in per cent of the way to a sure first place; None where that cannot be told."""
    judged = _judged(fit)
    if not judged:
        return "Nothing judged yet", None
    told = f"{judged} judged"
    if fit.settled:
        return f"{told}; the first place is settled", 100
    fresh = sum(1 for group in fit.groups if fit.groups.count(group) == 1)
    if fresh:
        return f"{told}; {_count(fresh, 'clip')} not shown yet", None
    more = fit.to_settle()
    if more is None:
        return (
            f"{told}; {_count(len(fit.may_be_first), 'clip')} may still be the best, and it takes many more to tell",
            None,
        )
    about = more if more <= 2 * TOP else TOP * round(more / TOP)
    return f"{told}; about {about} more would settle the first place", round(100 * judged / (judged + more))


def percent(sure: float) -> str:
    """A probability in words that claim no certainty."""
    return "> 99 %" if sure > 0.99 else f"{100 * sure:.0f} %"


def _judged(fit: Fit) -> int:
    return (sum(fit.wins) + sum(fit.losses) + sum(fit.ties)) // 2


def _notes(fit: Fit, picks: Sequence[Pick], unreadable: Sequence[int]) -> list[str]:
    """What makes it less sure than it looks."""
    notes = []
    if len(set(fit.groups)) > 1:
        fresh = [number for number, group in enumerate(fit.groups) if fit.groups.count(group) == 1]
        if len(fresh) == len(fit.groups):
            notes.append("Nothing was judged yet: every place is a guess.")
        elif fresh:
            notes.append(f"{_count(len(fresh), 'clip')} not judged yet: the place is a guess.")
        if len(set(fit.groups)) - len(fresh) > 1:
            notes.append(
                f"{len(set(fit.groups)) - len(fresh)} groups of clips were never judged against each other: which group "
                "is better is a guess."
            )
    if unreadable:
        gone = ", ".join(picks[number].label for number in unreadable)
        notes.append(f"Left out since, because the file cannot be read: {gone}.")
    return notes


def _cells(row: Ranked) -> Iterator[str]:
    place, label, *numbers = row.cells
    yield f"<td>{place}</td>"
    yield f'<td style="text-align:left;overflow-wrap:anywhere">{escape(label)}</td>'
    yield f"<td>{_plot(row)}</td>"
    for number in numbers:
        yield f"<td>{escape(number)}</td>"


def _plot(row: Ranked) -> str:
    said = f"Score {row.score:.0f}, 95 % interval {row.low:.0f} to {row.high:.0f}"
    return (
        f'<svg role="img" aria-label="{said}" width="160" height="14"><title>{said}</title>'
        '<line x1="50%" x2="50%" y1="0" y2="100%" stroke="currentColor" stroke-opacity=".3"/>'
        f'<line x1="{row.low:.1f}%" x2="{row.high:.1f}%" y1="50%" y2="50%" stroke="currentColor" stroke-width="2"/>'
        f'<circle cx="{row.score:.1f}%" cy="50%" r="4" fill="currentColor"/></svg>'
    )


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
