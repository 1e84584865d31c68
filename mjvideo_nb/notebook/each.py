"""The same of each of many clips, under readable names and with its progress shown: `each`."""

from __future__ import annotations

import inspect
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from mjvideo_nb import elsewhere, media
from mjvideo_nb.errors import InvalidRequest
from mjvideo_nb.media.files import path_of
from mjvideo_nb.models import Clip, Task

from .job import Job
from .picks import Pick, pick
from .progress import Progress
from .saving import readable
from .session import current

__all__ = ["each_of"]

ENDINGS = {"contact_sheet": ".png", "preview": ".webp", "poster": ".jpg"}
LONGEST_PROMPT = 40
"""Characters of a prompt in a file's name."""


def each_of(
    make: Callable[..., Path],
    clips: Any,
    folder: str | os.PathLike[str],
    *,
    ending: str,
    executor: Executor | None,
    options: Mapping[str, Any],
) -> list[Path]:
    """What `mjvideo_nb.notebook.api.each` does."""
    elsewhere.check(executor)
    ending = _ending(make, ending, options)
    found = list(_found(clips))
    if not found:
        raise InvalidRequest("clips: there are none; give jobs, clips or paths.", field="clips")
    target = path_of(folder, "folder")
    if target.exists() and not target.is_dir():
        raise InvalidRequest(f"folder: {target} is a file; name a folder.", field="folder")
    orders = [
        (path_of(one.path, "clips"), target / f"{name}{ending}") for one, name in zip(found, _names(found), strict=True)
    ]
    if {made.absolute() for _, made in orders} & {clip.absolute() for clip, _ in orders}:
        raise InvalidRequest(
            f"folder: what is made would take the place of a clip in {target}; name another.", field="folder"
        )
    chosen = current().executor if executor is None else executor
    words = _plural(make)
    with Progress(words, target) as progress:
        return media.many(make, orders, executor=chosen, options=options, words=words, tell=progress)


def _ending(make: Any, ending: str, options: Mapping[str, Any]) -> str:
    """The ending of the files, when all else about them was checked."""
    if not callable(make):
        raise InvalidRequest(f"make: a function such as mj.contact_sheet, not {type(make).__name__}.", field="make")
    if make is media.reel:
        raise InvalidRequest("make: a reel is one film of all clips; call mj.reel(clips, path).", field="make")
    ours = make in {media.contact_sheet, media.preview, media.poster}
    if ours:
        media.check_extra()
    ending = ending or (ENDINGS[make.__name__] if ours else "")
    if not isinstance(ending, str) or not ending.startswith(".") or "/" in ending or "\\" in ending:
        raise InvalidRequest('ending: that of the files, such as ending=".png".', field="ending")
    try:
        inspect.signature(make).bind("clip", "path", **options)
    except TypeError as error:
        raise InvalidRequest(f"options: {getattr(make, '__name__', 'make')}: {error}.", field="options") from error
    except ValueError:
        pass  # a function that does not say what it takes
    return ending


def _plural(make: Any) -> str:
    name = getattr(make, "__name__", "")
    return f"{name.replace('_', ' ')}s" if name in ENDINGS else "files"


def _found(what: Any) -> Iterator[Pick]:
    """All clips in it, each with its file; whether that is whole shows when it is read."""
    if isinstance(what, Mapping):
        for label, some in what.items():
            of_it = list(_found(some))
            for number, one in enumerate(of_it):
                which = number if one.index is None else one.index
                yield Pick(path=one.path, label=f"{label}-{which}" if len(of_it) > 1 else str(label))
    elif isinstance(what, str | os.PathLike):
        yield Pick(path=path_of(what, "clips"))
    elif isinstance(what, Clip) and what.path:
        yield Pick(path=what.path, index=what.index, task_id=what.task_id)
    elif isinstance(what, Job | Task | Clip):
        yield from (_on_disk(one) for one in pick(current(), [what]))
    elif isinstance(what, Iterable):
        for some in what:
            yield from _found(some)
    else:
        raise InvalidRequest(
            f"clips: jobs, tasks, clips, paths or a mapping of names to them, not {type(what).__name__}.", field="clips"
        )


def _on_disk(one: Pick) -> Pick:
    if one.path is None:
        raise InvalidRequest(
            f"clips: [{one.index}] of task {one.task_id} is not on this disk; download it first.", field="clips"
        )
    return one


def _names(picks: list[Pick]) -> list[str]:
    """A name for each, without its ending; no two are the same to any file system."""
    stems = Counter(one.path.stem.casefold() for one in picks if one.path)
    taken: set[str] = set()
    names = []
    for one in picks:
        name = stem = readable(_name(one, stems)) or "clip"
        number = 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem} ({number})"
        taken.add(name.casefold())
        names.append(name)
    return names


def _name(one: Pick, stems: Counter[str]) -> str:
    if one.label:
        return one.label
    if one.task_id:
        prompt = readable(one.request.prompt)[:LONGEST_PROMPT].strip() if one.request else ""
        return "-".join(part for part in (prompt, one.task_id, str(one.index)) if part)
    path = one.path or Path()
    # In a library each task's clips are called 0.mp4 to 3.mp4, in a folder of the task's id.
    return path.stem if stems[path.stem.casefold()] == 1 else f"{path.parent.name}-{path.stem}"
