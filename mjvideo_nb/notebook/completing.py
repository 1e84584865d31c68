"""What Tab offers behind `%mjvideo` and `%%mjvideo`: options, their values, and the ids of recent tasks."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher

from mjvideo_nb.errors import MJVideoError

__all__ = ["COMMANDS", "OPTIONS", "completions"]

log = logging.getLogger(__name__)

COMMANDS = ("history", "open", "status", "budget")
OPTIONS = {
    "--motion": "low or high",
    "--type": "480p or 720p",
    "--extend": "1773314942177684:2",
    "--as": "job",
    "--again": "",
}
"""The options of the cell, each with what it may be given."""
VALUES = {"--motion": ("low", "high"), "--type": ("480p", "720p")}
MOST_OFFERED = 40
"""Ids in one list."""
LOOKED_AT = 200
"""Recent jobs among which they are looked for."""


@context_matcher(identifier="mjvideo")
def completions(context: CompletionContext) -> SimpleMatcherResult:
    """For IPython's completer: what may stand at the cursor, and nothing on any other line.

    Where there is something, nothing else is offered; where an image stands, paths are what IPython offers by itself.
    """
    line = context.text_until_cursor
    begun = re.match(r"\s*(?P<magic>%%?)mjvideo\s+(?P<rest>.*)$", line)
    # A prompt may begin with the same word: the magic of a cell is in its first line.
    if begun is None or (begun["magic"] == "%%" and context.cursor_line):
        return _result([], "")
    *before, fragment = re.split(r"\s+", begun["rest"])
    kind, offered = (_for_cell if begun["magic"] == "%%" else _for_line)(before, fragment)
    found = [SimpleCompletion(text=text, type=kind) for text in offered if text.startswith(fragment)]
    return _result(found[:MOST_OFFERED], fragment)


def _result(found: list[SimpleCompletion], fragment: str) -> SimpleMatcherResult:
    return {"completions": found, "matched_fragment": fragment, "suppress": bool(found), "ordered": True}


def _for_cell(before: list[str], fragment: str) -> tuple[str, Iterable[str]]:
    last = before[-1] if before else ""
    if last in VALUES:
        return "value", VALUES[last]
    if last == "--extend":
        return "clip", _clips(fragment)
    if last == "--as":
        return "", ()
    image = [word for number, word in enumerate(before) if not word.startswith("--") and not _is_value(before, number)]
    if fragment.startswith("-") or (not fragment and (image or "--extend" in before)):
        return "option", [option for option in OPTIONS if option not in before]
    return "", ()


def _is_value(words: list[str], number: int) -> bool:
    return number > 0 and words[number - 1] in OPTIONS.keys() - {"--again"}


def _for_line(before: list[str], fragment: str) -> tuple[str, Iterable[str]]:
    if not before:
        return "command", COMMANDS
    if before == ["history"]:
        return "value", ("everybody",)
    return ("task", _tasks(fragment)) if before == ["open"] else ("", ())


def _tasks(fragment: str) -> list[str]:
    """The ids of recent tasks that begin so, newest first."""
    return [task_id for task_id, _ in _recent(fragment)]


def _clips(fragment: str) -> list[str]:
    """The clips of recent tasks, each as `--extend` takes it."""
    return [f"{task_id}:{index}" for task_id, indexes in _recent(fragment) for index in indexes]


def _recent(fragment: str) -> list[tuple[str, list[int]]]:
    """Recent tasks with the clips that are there. A library is looked into, and never made, for a list of ids."""
    try:
        from .session import current

        session = current()
        # On a server only where that was reached before: Tab waits for nobody.
        if not (session.has_jobs or (session.database is None and (session.folder / "library.sqlite").exists())):
            return []
        from mjvideo_nb.library import Query

        found, _ = session.library.shelf.search(Query(person=session.library.whose), limit=LOOKED_AT)
    except MJVideoError as error:
        log.info("no ids to offer: %s", error)
        return []
    begun = fragment.partition(":")[0]
    tasks = [(each.task_id, [clip.index for clip in each.clips]) for each in found if each.task_id]
    return [(task_id, indexes) for task_id, indexes in tasks if task_id.startswith(begun)]
