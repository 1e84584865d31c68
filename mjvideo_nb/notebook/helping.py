"""The heavy part of a job, its posters and copies, by the executor that its session or its sweep was given."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from mjvideo_nb import elsewhere, media
from mjvideo_nb.errors import InvalidRequest, MJVideoError, WorkFailed
from mjvideo_nb.library import Library

__all__ = ["COPY_PATIENCE", "done_by", "posters"]

log = logging.getLogger(__name__)


POSTER_PATIENCE = 30.0
"""Seconds that a poster, a moment's work, may wait for its turn: until then the card shows no clips."""
COPY_PATIENCE = 900.0
"""Seconds for a copy."""


async def done_by(
    executor: Executor | None,
    patience: float,
    function: Callable[..., Any],
    source: Path,
    target: Path | None = None,
    **options: Any,
) -> Any:
    """Let an executor do some work on a file, without waiting on this thread; in a thread where there is none.

    An executor that does not do it (its workers died or lack a package, it was shut down, has no workers or other work for
    long) costs no job its clips: then it is done here, and the log says so.

    Args:
        executor: what the work is given to, or None.
        patience: seconds that it may take there.
        function: as for `elsewhere.begin`.
        source: the file.
        target: what is made of it, or None.
        options: for the function.

    Raises:
        Exception: whatever the function raises here.

    """
    if executor is not None:
        try:
            work = await asyncio.to_thread(elsewhere.begin, executor, function, source, target, **options)
            if await _has_ended(work, patience):
                return await asyncio.to_thread(work.result)
            words = f"It was not done there in {patience:.0f} s."
        except (WorkFailed, InvalidRequest, OSError) as error:
            words = str(error)
        log.warning("%s of %s is done here instead. %s", getattr(function, "__name__", "work"), source.name, words)
    into = () if target is None else (target,)
    return await asyncio.to_thread(function, source, *into, **options)


async def _has_ended(work: elsewhere.Work, patience: float) -> bool:
    """Whether it has, in that time; else it is taken back."""
    ended = asyncio.wrap_future(work.future)
    ended.add_done_callback(lambda f: None if f.cancelled() else f.exception())  # read again where it is told
    try:
        done, _ = await asyncio.wait([ended], timeout=patience)
    except asyncio.CancelledError:
        work.future.cancel()
        raise
    if not done:
        work.future.cancel()
    return bool(done)


async def posters(clips: Sequence[Path], library: Library, executor: Executor | None) -> None:
    """Small pictures for the history, where the extra `media` is there; a clip without one is shown by its first frame.

    Args:
        clips: the files.
        library: where the pictures go.
        executor: what makes them, all at once; None for a thread, one after the other.

    """
    if media.missing():
        return
    made = [_poster(clip, library.poster_path(clip), executor) for clip in clips]
    if executor is not None:
        await asyncio.gather(*made)
        return
    for one in made:
        await one


async def _poster(clip: Path, poster: Path, executor: Executor | None) -> None:
    try:
        if not await asyncio.to_thread(poster.exists):
            await done_by(executor, POSTER_PATIENCE, media.poster, clip, poster)
    except (MJVideoError, OSError) as error:
        log.warning("no poster of %s: %s", clip, error)
