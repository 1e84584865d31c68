"""Clips out of anything that has some: jobs, tasks, clips, files, URLs. And what tells them apart, in words."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from mjvideo_nb.container import is_whole_mp4
from mjvideo_nb.errors import InvalidRequest
from mjvideo_nb.frames import Frame
from mjvideo_nb.models import Clip, Task, VideoRequest

from .job import Job

if TYPE_CHECKING:
    from .session import Session

__all__ = ["Pick", "clips_of", "labelled", "pick"]

LONGEST_WORDS = 60
"""Characters of a prompt in a label."""


@dataclass(frozen=True)
class Pick:
    """One clip to look at.

    Args:
        label: what its people call it, or "" for a label of our own.
        path: its file, or None.
        url: where it is served, or "".
        name: of the file or the URL.
        index: which variant of its task, or None.
        task_id: its task, or "".
        request: what was asked, as far as it is known.
        frame_name: what its first frame is called, or "".
        entry_id: the library's job, or "".
        sandbox: whether the sandbox made it.

    """

    label: str = ""
    path: Path | None = None
    url: str = ""
    name: str = ""
    index: int | None = None
    task_id: str = ""
    request: VideoRequest | None = None
    frame_name: str = ""
    entry_id: str = ""
    sandbox: bool = False

    def read(self) -> bytes:
        """Its bytes, from its file.

        Raises:
            InvalidRequest: it has none.
            OSError: it is gone.

        """
        if self.path is None:
            raise InvalidRequest("This clip has no copy on this disk.", field="index")
        return self.path.read_bytes()


def pick(session: Session, what: Iterable[Any]) -> list[Pick]:
    """All clips in `what`.

    Args:
        session: whose library knows more about tasks and clips.
        what: jobs, tasks, clips, paths, http(s) URLs, lists of those, or mappings that give labels.

    Raises:
        InvalidRequest: there is something else in it, a job has no clips yet, or a file is no video. Names `what`.

    """
    return [found for item in what for found in _pick(session, item)]


def clips_of(job: Job) -> tuple[Clip, ...]:
    """The clips of a job that is done, also while they are still brought here from another machine."""
    state = job.state
    return state.task.clips if state.elsewhere and state.task else job.clips


def _pick(session: Session, item: Any) -> Iterator[Pick]:
    if isinstance(item, Mapping):
        for label, some in item.items():
            yield from _named(str(label), list(_pick(session, some)))
    elif isinstance(item, list | tuple):
        yield from pick(session, item)
    elif isinstance(item, Job | Task):
        clips = clips_of(item) if isinstance(item, Job) else item.clips
        if not clips:
            raise InvalidRequest(f"what: {item!r} has no clips yet; wait for it first.", field="what")
        for clip in clips:
            yield _of_job(item, clip) if isinstance(item, Job) else _of_clip(session, clip, item.request)
    elif isinstance(item, Clip):
        yield _of_clip(session, item, None)
    elif isinstance(item, str | os.PathLike):
        yield _of_text(item)
    else:
        raise InvalidRequest(
            f"what: jobs, tasks, clips, paths, URLs or a mapping of labels to them, not {type(item).__name__}.",
            field="what",
        )


def _named(label: str, picks: Sequence[Pick]) -> Iterator[Pick]:
    for number, one in enumerate(picks):
        which = number if one.index is None else one.index
        yield replace(one, label=label if len(picks) == 1 else f"{label} [{which}]")


def _of_job(job: Job, clip: Clip) -> Pick:
    return Pick(
        path=clip.path,
        url=clip.url,
        index=clip.index,
        task_id=clip.task_id,
        request=job.request,
        frame_name=job.state.frame_name,
        entry_id=job.entry_id,
        sandbox=job.sandbox,
    )


def _of_clip(session: Session, clip: Clip, request: VideoRequest | None) -> Pick:
    """A clip of a task; what the library knows of that task is taken along."""
    entry = session.library.shelf.by_task(clip.task_id)
    kept = next((one.path for one in entry.clips if one.index == clip.index), None) if entry else None
    return Pick(
        path=clip.path or kept,
        url=clip.url,
        index=clip.index,
        task_id=clip.task_id,
        request=request or (entry.request if entry else None),
        frame_name=entry.frame_name if entry else "",
        entry_id=entry.id if entry else "",
        sandbox=session.sandbox if entry else False,
    )


def _of_text(item: str | os.PathLike[str]) -> Pick:
    text = os.fspath(item)
    if "://" in text[:12]:
        parts = urlsplit(text)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InvalidRequest(f"what: {text!r} is neither a path nor an http(s) URL.", field="what")
        return Pick(url=text, name=unquote(parts.path.rpartition("/")[2]) or parts.hostname)
    path = Path(text).expanduser()
    try:
        why = is_whole_mp4(path)
    except OSError as error:
        why = error.strerror or str(error)
    if why:
        raise InvalidRequest(f"what: {path} cannot be shown: {why}.", field="what")
    return Pick(path=path, name=path.name)


def labelled(picks: Sequence[Pick]) -> list[Pick]:
    """The same, each with a label: what its people gave it, else what tells it from the others.

    Of the settings only those that differ are named; of the prompts the words in the middle, where they differ.
    """
    known = [one for one in picks if one.request]
    asked = [one.request for one in known if one.request]
    told = [
        _differing([request.prompt for request in asked]),
        _if_they_differ([str(request.motion) for request in asked]),
        _if_they_differ([request.short_type for request in asked]),
        _if_they_differ([_frame(one) for one in known]),
    ]
    settings = {id(one): words for one, *words in zip(known, *told, strict=True)}
    several = {one.task_id for one in picks if one.task_id and sum(o.task_id == one.task_id for o in picks) > 1}
    made = []
    for number, one in enumerate(picks):
        words = [one.name, *settings.get(id(one), ())]
        if one.index is not None and (one.task_id in several or not any(words)):
            words.insert(0, f"[{one.index}]")
        made.append(replace(one, label=one.label or " · ".join(word for word in words if word) or f"clip {number + 1}"))
    return made


def _frame(one: Pick) -> str:
    """What a clip began with, in a word."""
    request = one.request
    if request is None:
        return ""
    if request.action:
        return f"on from [{request.index}] of {request.task_id}"
    return one.frame_name or (request.image.name if isinstance(request.image, Frame) else "")


def _if_they_differ(words: Sequence[str]) -> list[str]:
    return list(words) if len(set(words)) > 1 else [""] * len(words)


def _differing(prompts: Sequence[str]) -> list[str]:
    """Of each prompt the words that not all have at its beginning or its end."""
    split = [prompt.split() for prompt in prompts]
    if len({tuple(words) for words in split}) < 2:
        return [""] * len(split)
    shortest = min(len(words) for words in split)
    head = next((i for i in range(shortest) if len({words[i] for words in split}) > 1), shortest)
    rest = shortest - head
    tail = next((i for i in range(rest) if len({words[-1 - i] for words in split}) > 1), rest)
    told = []
    for words in split:
        middle = " ".join(words[head : len(words) - tail]) or "–"
        middle = middle if len(middle) <= LONGEST_WORDS else f"{middle[: LONGEST_WORDS - 1]}…"
        told.append(f"{'… ' if head else ''}{middle}{' …' if tail else ''}")
    return told
