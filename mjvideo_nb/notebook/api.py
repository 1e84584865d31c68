"""What a user types in a notebook: `studio`, `video`, `open`, `connect` and the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, Literal

from mjvideo_nb.library import Spending
from mjvideo_nb.models import Motion, VideoRequest

from .blind import Ranking, ranking_of
from .cell import current_cell
from .compare import Comparison, comparison
from .each import each_of
from .export import write_page
from .form import Studio
from .history import History
from .job import Job
from .picks import pick
from .planning import sweep_of
from .session import connect, current
from .shows import show_of
from .sweep import Sweep

__all__ = [
    "balance",
    "compare",
    "connect",
    "each",
    "export",
    "history",
    "open",
    "rank",
    "spending",
    "studio",
    "sweep",
    "video",
]


def studio(
    image: Any = None,
    *,
    prompt: str = "",
    motion: str | None = None,
    video_type: str | None = None,
) -> Studio:
    """A form to make videos with, and below it a live card for every video made with it.

    Args:
        image: the first frame to begin with; anything that `video` takes. It can be chosen in the form as well.
        prompt: text to begin with.
        motion: how much moves, `"low"` or `"high"`; by default what was used last in this folder.
        video_type: `"480p"`, `"720p"`, or the service's own name of a type; by default what was used last in this folder.

    Returns:
        The studio; show it as the last line of a cell. `studio.jobs` are the jobs made with it, newest first.

    Raises:
        InvalidRequest: a value is not what it should be; names it.

    """
    return Studio(current(), image=image, prompt=prompt, motion=motion, video_type=video_type)


def video(
    image: Any,
    prompt: str = "",
    *,
    motion: str = Motion.LOW,
    video_type: str = "480p",
    state: str | None = None,
    no_storage: bool = False,
    extra: Mapping[str, Any] | None = None,
    again: bool = False,
) -> Job:
    """Make four clips from a still image. Returns at once; the job goes on in the background.

    Every call sends one request and costs one price (about 0.60 USD in July 2025; nothing in the sandbox). A cell that is
    run again with the same request, also after a restart of the kernel, shows the job that it had made, and sends nothing.

        job = mj.video("tulip.jpg", prompt="petals open in the wind", motion="low")

    Args:
        image: the first frame: a path, an http(s) URL, a data URI, bytes, a PIL image or a NumPy array (H×W×3 or ×4,
            uint8). JPEG, PNG and WebP are understood.
        prompt: text that guides the clips; may be empty, though some gateways refuse that.
        motion: how much moves, `"low"` or `"high"`. A `--motion` in the prompt wins, as it does at the service.
        video_type: `"480p"`, `"720p"`, or the service's own name of a type.
        state: up to 255 characters that the service returns with the task.
        no_storage: True asks for the original provider's URLs instead of links through the gateway.
        extra: fields that the provider does not document, sent as they are, such as `{"loop": True}`; a `Path` is a
            picture, sent as the first frame is.
        again: True for new clips also where this cell has made them before.

    Returns:
        The job: show it for a live card, `await` it or call `wait()` for the finished task.

    Raises:
        InvalidRequest: the image or a value is not what it should be; names it. Nothing was sent.
        BudgetExceeded: it costs more than the budget has left. Nothing was sent.
        LibraryError: it cannot be written down. Nothing was sent.
        SandboxUnavailable, AuthenticationError: there is no service to send it to; says the remedies.

    """
    session = current()
    session.check()
    request = VideoRequest(
        image=image,
        motion=motion,
        prompt=prompt,
        video_type=video_type,
        state=state,
        no_storage=no_storage,
        extra=extra or {},
    )
    return session.jobs.make(request, cell=current_cell(), again=again)


def sweep(
    image: Any,
    prompt: str | Sequence[str] = "",
    *,
    motion: str | Sequence[str] = Motion.LOW,
    video_type: str | Sequence[str] = "480p",
    state: str | None = None,
    no_storage: bool = False,
    extra: Mapping[str, Any] | None = None,
    again: bool = False,
    executor: Executor | None = None,
) -> Sweep:
    """Plan a matrix of videos, one for each combination, to make and compare: it shows its price and waits for a press.

    Nothing is sent by this. A cell that is run again, also after a restart of the kernel, shows the same sweep with what
    was made of it, and offers what is missing.

        mj.sweep("tulip.jpg", prompt=["petals {open|fall}"], motion=["low", "high"])     # 2 × 2 videos

    Args:
        image: one first frame, as for `video`, or a list of them.
        prompt: one text, or a list of them. `"a {red|blue} tulip"` stands for two; braces can hold further ones, and one
            that is meant as such is written twice (`{{`).
        motion: how much moves, `"low"`, `"high"`, or both in a list.
        video_type: `"480p"`, `"720p"`, the service's own name of a type, or a list of them.
        state: as for `video`, the same in all.
        no_storage: as for `video`, the same in all.
        extra: as for `video`, the same in all.
        again: True for a new sweep also where this cell has made it before.
        executor: where posters and copies of these videos are made, such as a process pool or a Dask client's
            `client.get_executor()`; by default that of `connect`, else in threads.

    Returns:
        The sweep: show it as the last line of a cell, or call `start()`, which does what the button does.

    Raises:
        InvalidRequest: a value is not what it should be, or these are more than 200 calls; names it.
        LibraryError: the library cannot be used.

    """
    return sweep_of(
        current(),
        image=image,
        prompt=prompt,
        motion=motion,
        video_type=video_type,
        cell=current_cell(),
        again=again,
        executor=executor,
        state=state,
        no_storage=no_storage,
        extra=extra or {},
    )


def open(task_id: str) -> Job:  # noqa: A001 - read as mj.open(...)
    """One job by its task's id: from the library, also after a restart, or of a task that was made elsewhere.

    Nothing is sent or paid. A task that still runs is followed, and its clips are brought home.

    Args:
        task_id: the service's id, as cards show it; always text, it may begin with a zero.

    Returns:
        The job: show it for its card, `await` it or call `wait()` for the finished task.

    Raises:
        InvalidRequest: this is no id.
        LibraryError: the library cannot be used.

    """
    return current().jobs.open(task_id)


def history(*, everybody: bool = False) -> History:
    """Everything made in this folder, newest first: to search, rate, tag, open, extend, compare and delete.

    On an account that many people share it begins with what you have made; whose is shown can be chosen in it.

    Args:
        everybody: True begins with what everybody has made, each with its maker's name.

    Returns:
        The history; show it as the last line of a cell. A library that cannot be used is said in it.

    """
    return History(current(), everybody=everybody)


def compare(*what: Any, title: str = "") -> Comparison:
    """Any clips side by side, playing in step.

    Args:
        what: jobs, tasks, clips, paths, http(s) URLs, lists of those, or a mapping that gives labels:
            `mj.compare(job, other[2], "clips/old.mp4")`, `mj.compare({"before": job[0], "after": other[0]})`.
            Without a label of your own, a clip is named by what tells it from the others: the words of the prompt that
            differ, the motion, the type, the first frame.
        title: above them.

    Returns:
        The stage with them; show it as the last line of a cell. Clips of the library can be given stars and extended there.

    Raises:
        InvalidRequest: something else is in it, a job has no clips yet, a file is no video, or there are more than 16.

    """
    session = current()
    return comparison(session, pick(session, what), title=title)


def rank(*what: Any, title: str = "", again: bool = False) -> Ranking:
    """Find out which clips are best: two at a time side by side, unlabelled and shuffled, until it is clear.

    What was judged is kept in the library. The same clips ranked again go on where it was, also after a restart.

    Args:
        what: jobs, tasks, clips, paths, lists of those, or a mapping that gives labels, as in `compare`; each with its
            file on this disk. 2 to 40 clips.
        title: above it; everybody who judges can read it.
        again: True to begin anew with clips that were ranked before.

    Returns:
        The ranking; show it as the last line of a cell. `ranking.results` are the clips, the best first, as the
        judgements are now; `ranking.table()` shows them as a table with a plot.

    Raises:
        InvalidRequest: something else is in it, a clip has no file, or there are too few or too many; names it.
        LibraryError: the library cannot be used.

    """
    session = current()
    return ranking_of(session, pick(session, what), title=title, again=again)


def spending() -> Spending:
    """What this folder has spent, as far as its own prices say: settled, uncertain, given back; in all and day by day.

    Returns:
        The sums, in USD; they print as a table.

    Raises:
        LibraryError: the library cannot be used.

    """
    return current().library.spending()


def balance() -> float:
    """What the account at CometAPI has left, in USD; asked for now, from a plain cell or a script.

    Returns:
        USD, as CometAPI's query service tells it.

    Raises:
        AuthenticationError: there is no key, or it is not known there.
        InvalidRequest: the service is another one, which has no such address.
        ServiceError: no answer, or none that can be read.

    """
    return current().balance()


def export(
    path: str | os.PathLike[str],
    jobs: Job | Sequence[Job],
    *,
    title: str = "Videos",
    videos: Literal["inside", "beside"] = "inside",
) -> Path:
    """One HTML page with the clips of some jobs, which plays them in step in any browser, without a server.

    Args:
        path: the page, `show.html`; a file that is there is replaced.
        jobs: one or several that are done, in the order in which they are shown.
        title: of the page, as text.
        videos: `"inside"` makes a single file that can be sent anywhere; `"beside"` puts the clips into a folder beside
            it, better for many.

    Returns:
        The path of the page.

    Raises:
        InvalidRequest: there is no job, one is not done, or a value is not what it should be; names it.
        OSError: it cannot be written.

    """
    chosen = [jobs] if isinstance(jobs, Job) else list(jobs)
    return write_page(path, [show_of(job) for job in chosen], title=title, videos=videos)


def each(
    make: Callable[..., Path],
    clips: Any,
    folder: str | os.PathLike[str],
    *,
    ending: str = "",
    executor: Executor | None = None,
    **options: Any,
) -> list[Path]:
    """A contact sheet, or a preview, of each of many clips: one file a clip, with its progress shown.

    It ends when all are made. A clip of which none can be made costs no other its file. An interrupt takes back what was
    not begun; what is whole stays. Nothing is sent to the service or paid.

        mj.each(mj.contact_sheet, mj.history().jobs, "sheets", columns=5)

    Args:
        make: `mj.contact_sheet`, `mj.preview`, or a function of your own that takes a clip's path, the path of what it
            makes, and the options.
        clips: jobs, tasks, clips, paths, lists of those, or a mapping that gives names.
        folder: where the files go; made if it is not there. They are called by the prompt, the task and the variant, or as
            the clip's file; one that is there under this name is replaced.
        ending: of the files, such as `".gif"`; by default `.png` for contact sheets and `.webp` for previews.
        executor: where they are made, such as a process pool or a Dask client's `client.get_executor()`; by default that
            of `connect`, else in threads.
        options: for `make`, such as `columns=5`.

    Returns:
        The files, in the order of the clips.

    Raises:
        InvalidRequest: an argument is wrong, a clip is not on this disk, or PyAV or Pillow is missing; names it.
        WorkFailed: some could not be made, or the executor broke down; `made` and `failures` say which.

    """
    return each_of(make, clips, folder, ending=ending, executor=executor, options=options)
