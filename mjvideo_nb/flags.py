"""Flags typed into a prompt, such as `--motion high` or `--bs 1`: found, explained, and checked before anything is sent.

The provider documents none of them. The proxies behind it turn the fields of a request into such flags and add one only
where the prompt lacks it (the service's API description, section 1): what stands in the prompt wins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from .errors import InvalidRequest

__all__ = ["Flag", "check", "check_motion", "find", "rewritten", "value"]

FLAG = re.compile(r"(?<!\S)--([a-z]\S*)(?:(\s+)(?!--)(\S+))?", re.IGNORECASE)
LINK = re.compile(r"https?://\S+", re.IGNORECASE)
ONE_CALL = "whether the call costs less is not known"


@dataclass(frozen=True)
class Known:
    """A flag that Midjourney's videos are known to take.

    Args:
        values: what can stand behind it, in words that are typed as they are, each with its meaning.
        form: how it is written.
        link: what a URL behind it means, or "" where none can be there.

    """

    values: Mapping[str, str]
    form: str
    link: str = ""


KNOWN: Mapping[str, Known] = MappingProxyType(
    {
        "motion": Known({"low": "low motion", "high": "high motion"}, "--motion low or --motion high"),
        "bs": Known(
            {"1": f"1 clip; {ONE_CALL}", "2": f"2 clips; {ONE_CALL}", "4": "4 clips"},
            "--bs 1, --bs 2 or --bs 4, the number of clips",
        ),
        "end": Known(
            {"loop": "ends as it begins"}, "--end loop, or --end with the URL of a picture", link="ends on this picture"
        ),
        "raw": Known({"": "closer to your words"}, "--raw"),
        "video": Known({"1": "a video, which it is anyhow"}, "--video 1"),
    }
)
NOT_FOR_VIDEOS: Mapping[str, str] = MappingProxyType({"ar": "not for videos: the shape is that of the first frame"})


@dataclass(frozen=True)
class Flag:
    """One flag in a prompt.

    Args:
        name: without the dashes, in small letters.
        value: the word behind it, or "".
        start: where it begins in the prompt.
        end: where it ends.
        meaning: what it does; "" where it is not known or cannot be.
        problem: what to write instead where it cannot be sent, or "".
        doubt: why it may be refused, or "". It is sent as it is: the service may know more than we do.
        hint: how it goes on, where the prompt ends in it and it may still be typed, or "".

    """

    name: str
    value: str
    start: int
    end: int
    meaning: str = ""
    problem: str = ""
    doubt: str = ""
    hint: str = ""

    def __str__(self) -> str:
        return f"--{self.name} {self.value}".rstrip()


def find(prompt: str) -> tuple[Flag, ...]:
    """The flags of a prompt, in their order."""
    found: list[Flag] = []
    at = 0
    while match := FLAG.search(prompt, at):
        flag = _read(match, {flag.name for flag in found})
        found.append(flag)
        at = flag.end
    return tuple(found)


def value(prompt: str, name: str) -> str | None:
    """What stands behind a flag; None where the prompt lacks it, or where it cannot be sent like this."""
    return next((flag.value for flag in find(prompt) if flag.name == name and not flag.problem), None)


def rewritten(prompt: str, name: str, other: str) -> str:
    """The prompt with another value behind a flag, where it has it at all."""
    for flag in reversed(find(prompt)):
        if flag.name == name and flag.value != other:
            prompt = f"{prompt[: flag.start]}--{name} {other}{prompt[flag.end :]}"
    return prompt


def check(prompt: str, extra: Mapping[str, Any] | None = None) -> None:
    """See that the flags of a prompt can be sent, and that they say nothing else than the fields beside it.

    Args:
        prompt: the text.
        extra: the undocumented fields that are sent with it.

    Raises:
        InvalidRequest: one cannot be; names the field `prompt`, or `extra`, and what to write instead.

    """
    for flag in find(prompt):
        if flag.problem:
            raise InvalidRequest(
                f"prompt: {flag} cannot be sent: {flag.problem}, or take it away. Nothing was sent.", field="prompt"
            )
        against = [
            name for name, said in (extra or {}).items() if said and said not in _fields(flag).get(name, (said,))
        ]
        if against:
            raise InvalidRequest(
                f"extra: {against[0]} says something else than {flag} in the prompt. Take one of the two away. "
                "Nothing was sent.",
                field="extra",
            )


def check_motion(prompt: str, motion: str | None) -> None:
    """See that a motion which was asked for beside a prompt is not another than the one in it, which would win.

    Args:
        prompt: the text.
        motion: as it was asked for, or None.

    Raises:
        InvalidRequest: the prompt says otherwise; names the field `motion`.

    """
    if motion is not None and value(prompt, "motion") not in {None, motion}:
        raise InvalidRequest(
            f"motion: {motion} is asked for, and the prompt {prompt!r} says otherwise, which would win. Take --motion out of "
            "it. Nothing was sent.",
            field="motion",
        )


def _fields(flag: Flag) -> dict[str, tuple[Any, ...]]:
    """What the fields of the same purpose may say beside a flag, as far as they say anything."""
    if flag.name == "bs":
        return {"batchSize": (flag.value, int(flag.value))}
    if flag.name == "end":
        return {"loop": (True,) if flag.value == "loop" else (), "endImage": (flag.value,)}
    return {}


def _read(match: re.Match[str], before: set[str]) -> Flag:
    name, gap, word = match[1].lower(), match[2] or "", match[3] or ""
    known = KNOWN.get(name)
    if known is None or "" in known.values:
        gap = word = ""  # what stands behind it belongs to the prompt
    end = match.end(1) + len(gap) + len(word)
    rest = match.string[end:]
    meaning = problem = doubt = hint = ""
    if known is None:
        doubt = NOT_FOR_VIDEOS.get(name, "not known for videos")
        if not rest:
            hint = " or ".join(f"--{each}" for each in KNOWN if each.startswith(name))
    elif name in before:
        problem = "it stands there twice"
    elif known.link and LINK.fullmatch(word):
        meaning = known.link
    else:
        word = word.lower()
        meaning = known.values.get(word, "")
        if not meaning:
            problem = f"write {known.form}"
            if not rest.strip() and any(each.startswith(word) for each in known.values):
                hint = known.form
    return Flag(name, word, match.start(), end, meaning, problem, doubt, hint)
