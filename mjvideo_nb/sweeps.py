"""The rules of a sweep: which values it goes through, and the matrix they make. No I/O, no Jupyter, nothing sent."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from .errors import InvalidRequest

__all__ = ["MOST_CALLS", "NAMES", "Axis", "Plan", "expand", "plan", "values"]

MOST_CALLS = 200
"""Calls of one sweep: about 120 USD, and as many as one can still look at."""
MOST_EXPANDED = 10_000
"""Texts that one prompt may stand for before those that are the same are counted once."""
DEEPEST = 20
"""Braces within braces."""
MOST_COLUMNS = 6
ALONE_IN_COLUMNS = 4
"""Values that stand side by side where nothing else varies; more of them stand below each other."""

SHORT = 48
"""Characters of a prompt that is its own label."""

NAMES: Mapping[str, tuple[str, str]] = {
    "prompt": ("prompt", "prompts"),
    "image": ("first frame", "first frames"),
    "motion": ("motion", "motions"),
    "video_type": ("video type", "video types"),
}
"""What a sweep can go through, in the order in which it becomes rows rather than columns; one of them and several."""

BRACES = "A brace that is meant as one is written twice, {{ or }}."
PIECES = re.compile(r"\{\{|\}\}|[{}|]|[^{}|]+")

Parts: TypeAlias = list["str | list[Parts]"]
"""Text, and groups of alternatives that are such themselves."""


def expand(prompt: str) -> tuple[str, ...]:
    """The prompts that one with alternatives stands for: `"a {red|blue} {tulip|rose}"` stands for four.

    Alternatives can hold further ones and can be empty; spaces that meet where one was put in become one. A brace that is
    meant as one is written twice. In an alternative of an alternative, `}}` ends both.

    Args:
        prompt: the text.

    Returns:
        The prompts, the last alternatives changing first; each once.

    Raises:
        InvalidRequest: a brace has no partner, or these are too many; names `prompt`.

    """
    if not isinstance(prompt, str):
        raise InvalidRequest(f"prompt: text, not {type(prompt).__name__}.", field="prompt")
    parts, grouped = _parse(prompt)
    count = _count(parts)
    if count > MOST_EXPANDED:
        raise InvalidRequest(
            f"prompt: these alternatives stand for {count:,} prompts; a sweep makes at most {MOST_CALLS} calls. Take some "
            "out, or make several sweeps.",
            field="prompt",
        )
    texts = _texts(parts)
    return tuple(dict.fromkeys(_tidy(text) for text in texts) if grouped else texts)


def _parse(prompt: str) -> tuple[Parts, bool]:
    """The parts of a prompt, and whether any of them is a group."""
    parts: Parts = []
    open_groups: list[tuple[Parts, list[Parts]]] = []  # each with what stands before it and the alternatives so far
    grouped = False
    for piece in _pieces(prompt, open_groups):
        if piece == "{":
            if len(open_groups) == DEEPEST:
                raise InvalidRequest(f"prompt: at most {DEEPEST} braces within each other. {BRACES}", field="prompt")
            open_groups.append((parts, []))
            parts, grouped = [], True
        elif piece == "}":
            if not open_groups:
                raise InvalidRequest(f"prompt: a }} closes nothing in {_brief(prompt)}. {BRACES}", field="prompt")
            before, alternatives = open_groups.pop()
            before.append([*alternatives, parts])
            parts = before
        elif piece == "|" and open_groups:
            open_groups[-1][1].append(parts)
            parts = []
        else:
            parts.append({"{{": "{", "}}": "}"}.get(piece, piece))
    if open_groups:
        raise InvalidRequest(f"prompt: a {{ is not closed in {_brief(prompt)}. {BRACES}", field="prompt")
    return parts, grouped


def _pieces(prompt: str, open_groups: Sequence[object]) -> Iterator[str]:
    for piece in PIECES.findall(prompt):
        if piece == "}}" and len(open_groups) > 1:
            yield from "}}"
        else:
            yield piece


def _count(parts: Parts) -> int:
    return math.prod(sum(map(_count, part)) for part in parts if not isinstance(part, str))


def _texts(parts: Parts) -> list[str]:
    choices = [[part] if isinstance(part, str) else [text for each in part for text in _texts(each)] for part in parts]
    return ["".join(chosen) for chosen in itertools.product(*choices)]


def _tidy(text: str) -> str:
    return re.sub(" {2,}", " ", text).strip(" ")


def _brief(prompt: str) -> str:
    return repr(prompt if len(prompt) <= 80 else f"{prompt[:77]}…")


def values(name: str, given: Any) -> tuple[Any, ...]:
    """What was given for a parameter, as a row of values: one is a row of one.

    Raises:
        InvalidRequest: it is an empty list; names the parameter.

    """
    several = tuple(given) if isinstance(given, list | tuple) else (given,)
    if not several:
        raise InvalidRequest(f"{name}: an empty list makes no video; give at least one value.", field=name)
    return several


@dataclass(frozen=True)
class Axis:
    """One parameter of a sweep.

    Args:
        name: one of `NAMES`.
        values: what it goes through, each once, as text.
        labels: what to call them, as short as tells them apart.

    """

    name: str
    values: tuple[str, ...]
    labels: tuple[str, ...]

    @property
    def varies(self) -> bool:
        """Whether there is anything to compare along it."""
        return len(self.values) > 1

    @property
    def words(self) -> str:
        """Such as "3 prompts"."""
        one, several = NAMES[self.name]
        return f"{len(self.values)} {several if self.varies else one}"


@dataclass(frozen=True)
class Plan:
    """A matrix of calls. Its cells are numbered row by row, from 0.

    Args:
        axes: one for each of `NAMES`, in that order.
        column: the one whose values are the columns, or "" where there is one column.

    """

    axes: tuple[Axis, ...]
    column: str = ""

    def axis(self, name: str) -> Axis:
        """The axis of this name."""
        return next(axis for axis in self.axes if axis.name == name)

    @property
    def columns(self) -> int:
        """How many."""
        return len(self.axis(self.column).values) if self.column else 1

    @property
    def row_axes(self) -> tuple[Axis, ...]:
        """Those that vary from row to row; the last of them first."""
        return tuple(axis for axis in self.axes if axis.varies and axis.name != self.column)

    @property
    def rows(self) -> int:
        """How many."""
        return math.prod(len(axis.values) for axis in self.row_axes)

    def __len__(self) -> int:
        """How many calls."""
        return self.rows * self.columns

    def number(self, row: int, column: int) -> int:
        """The number of a cell; rows and columns count from 0, and from the end where negative.

        Raises:
            IndexError: there is no such row or column.

        """
        try:
            return range(self.rows)[row] * self.columns + range(self.columns)[column]
        except IndexError:
            raise IndexError(
                f"no cell [{row}, {column}]: the sweep has {self.rows} × {self.columns} (rows × columns, from 0)"
            ) from None

    def row(self, row: int) -> dict[str, int]:
        """For each axis of the rows, the place of its value in this row."""
        places: dict[str, int] = {}
        for axis in reversed(self.row_axes):
            row, places[axis.name] = divmod(row, len(axis.values))
        return {axis.name: places[axis.name] for axis in self.row_axes}

    def at(self, number: int) -> dict[str, str]:
        """The value of each axis in a cell."""
        row, column = divmod(number, self.columns)
        places = self.row(row) | ({self.column: column} if self.column else {})
        return {axis.name: axis.values[places.get(axis.name, 0)] for axis in self.axes}

    def name(self, number: int) -> str:
        """What tells a cell from the others, such as "steam rises · low"."""
        row, column = divmod(number, self.columns)
        places = self.row(row) | ({self.column: column} if self.column else {})
        return " · ".join(self.axis(name).labels[place] for name, place in places.items())

    @property
    def title(self) -> str:
        """Such as "3 prompts × 2 motions"."""
        return " × ".join(axis.words for axis in self.axes if axis.varies) or "1 video"

    def to_json(self) -> str:
        """The plan as text, to be kept."""
        axes = [{"name": axis.name, "values": axis.values, "labels": axis.labels} for axis in self.axes]
        return json.dumps({"axes": axes, "column": self.column})

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """A plan that was kept, laid out as it was."""
        told = json.loads(text)
        axes = tuple(Axis(each["name"], tuple(each["values"]), tuple(each["labels"])) for each in told["axes"])
        return cls(axes, told["column"])


def plan(
    *,
    prompt: Sequence[str],
    image: Sequence[tuple[str, str]],
    motion: Sequence[str],
    video_type: Sequence[str],
    short: Mapping[str, str] | None = None,
) -> Plan:
    """Lay out a sweep.

    Args:
        prompt: texts, with alternatives.
        image: first frames, each what it is known by and what to call it.
        motion: `"low"`, `"high"`.
        video_type: the service's own names.
        short: short words for these.

    Raises:
        InvalidRequest: a prompt's braces do not match, or these are too many calls; names the parameter.

    """
    prompts = tuple(dict.fromkeys(text for each in prompt for text in expand(each)))
    images = dict(reversed(image))  # a frame that is given twice has its first name
    known = tuple(dict.fromkeys(digest for digest, _ in image))
    motions = tuple(dict.fromkeys(map(str, motion)))
    types = tuple(dict.fromkeys(video_type))
    axes = (
        Axis("prompt", prompts, _told_apart(prompts)),
        Axis("image", known, _numbered([images[digest] for digest in known])),
        Axis("motion", motions, motions),
        Axis("video_type", types, tuple((short or {}).get(each, each) for each in types)),
    )
    made = Plan(axes, _column(axes))
    if len(made) > MOST_CALLS:
        longest = max(axes, key=lambda axis: len(axis.values))
        raise InvalidRequest(
            f"{longest.name}: {made.title} are {len(made):,} calls; a sweep makes at most {MOST_CALLS}. Take some values "
            "out, or make several sweeps. Nothing was sent.",
            field=longest.name,
        )
    return made


def _column(axes: Sequence[Axis]) -> str:
    """Which axis to compare from left to right: the eye does that best with a few, and long texts are rows."""
    vary = [axis for axis in axes if axis.varies]
    if len(vary) < 2:
        return "".join(axis.name for axis in vary if len(axis.values) <= ALONE_IN_COLUMNS)
    few = [axis for axis in vary[1:] if len(axis.values) <= MOST_COLUMNS]
    return (max(few, key=lambda a: len(a.values)) if few else min(vary[1:], key=lambda a: len(a.values))).name


def _told_apart(prompts: Sequence[str]) -> tuple[str, ...]:
    """Long prompts without the many words with which all of them begin or end."""
    if len(prompts) < 2 or max(map(len, prompts)) <= SHORT:
        return tuple(prompt or "no prompt" for prompt in prompts)
    words = [prompt.split() for prompt in prompts]
    begins = _shared(words)
    ends = _shared([each[begins:][::-1] for each in words])
    begins, ends = (shared if shared > 2 else 0 for shared in (begins, ends))
    labels = []
    for prompt, each in zip(prompts, words, strict=True):
        middle = each[begins : len(each) - ends]
        text = " ".join(["…" * bool(begins), *middle, "…" * bool(ends)]).strip()
        labels.append((text if middle else prompt) or "no prompt")
    return tuple(labels) if len(set(labels)) == len(prompts) else tuple(prompts)


def _shared(lines: Sequence[Sequence[str]]) -> int:
    """How many words all of them begin with."""
    same = itertools.takewhile(lambda words: len(set(words)) == 1, zip(*lines, strict=False))
    return sum(1 for _ in same)


def _numbered(names: Sequence[str]) -> tuple[str, ...]:
    """Names of which several are the same get numbers."""
    return tuple(
        f"{name} ({names[: place + 1].count(name)})" if names.count(name) > 1 else name
        for place, name in enumerate(names)
    )
