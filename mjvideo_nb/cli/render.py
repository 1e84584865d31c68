"""`mjvideo-nb render` and `fetch`: the whole way from a still image to clips on disk, without a notebook."""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mjvideo_nb import config, flags
from mjvideo_nb.client import TASK_DEADLINE, Client, prepare
from mjvideo_nb.errors import InvalidRequest, MJVideoError, SandboxUnavailable, ServiceError
from mjvideo_nb.exchange import named_clip
from mjvideo_nb.models import Motion, Task, VideoRequest
from mjvideo_nb.retries import Retries
from mjvideo_nb.sandbox.process import SandboxError, SandboxProcess, missing

from . import exits
from .arguments import make_folder, seconds
from .progress import Progress
from .terminal import complain, no_more_interrupts, say

__all__ = ["add_to"]

RENDER_EXAMPLES = """\
examples:
  mjvideo-nb render tulip.jpg --prompt "petals open" --motion high --type 720p --out clips/
  mjvideo-nb render --extend 1773314942177684:2 --prompt "the wind takes them"     goes on from clip [2]
  mjvideo-nb render tulip.jpg --timeout 0                                          sends it and ends; fetch it later

"""
FETCH_EXAMPLES = """\
examples:
  mjvideo-nb fetch 1773314942177684 --out clips/
  mjvideo-nb fetch 1773314942177684 --json --timeout 60

"""
TRY_WITHOUT_A_KEY = 'To try without a key: pip install "mjvideo-nb[sandbox]". Nothing was sent.'


@dataclass
class Way:
    """How far a render has come: what an interrupt or an error means depends on it."""

    sandbox: bool = False
    sending: bool = False
    task: Task | None = None
    accepted: bool = False


def add_to(commands: Any) -> None:
    """Add both commands to the parser."""
    render = commands.add_parser(
        "render",
        help="make four clips from a still image",
        description="Sends one request, waits until its clips are made, downloads them, and prints their paths and\n"
        "the task's id. With a key this is paid for; without one the sandbox on this machine makes the clips.",
        epilog=f"{RENDER_EXAMPLES}{exits.TABLE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    render.add_argument(
        "image",
        nargs="?",
        default="",
        help="first frame: a path or an http(s) URL (JPEG, PNG or WebP); may be left out with --extend",
    )
    render.add_argument("--prompt", default="", metavar="TEXT", help="text that guides the clips; may be empty")
    render.add_argument("--motion", metavar="low|high", help="how much moves (default: low)")
    render.add_argument(
        "--type",
        default="480p",
        metavar="480p|720p",
        help="video type, or the service's own name of one (default: 480p)",
    )
    render.add_argument(
        "--extend",
        metavar="TASK:INDEX",
        help="go on from a clip of an earlier task, such as 1773314942177684:2; clips count from 0",
    )
    render.add_argument(
        "--state", metavar="TEXT", help="text that the service returns with the task, at most 255 characters"
    )
    render.add_argument(
        "--no-storage", action="store_true", help="ask for the original provider's URLs instead of the gateway's"
    )
    render.add_argument(
        "--patience",
        type=seconds,
        default=Retries.deadline,
        metavar="SECONDS",
        help="how long to try again where the request was surely not accepted: the queue is full, too many requests, no "
        f"connection (default: {Retries.deadline:.0f}); 0: not at all",
    )
    render.add_argument("--extra", metavar="JSON", help="undocumented fields, such as '{\"loop\": true}'")
    _add_common(render)
    render.set_defaults(run=_run, task=None)

    fetch = commands.add_parser(
        "fetch",
        help="pick up a task by its id: wait for it and download its clips",
        description="Picks up a task by its id, also one of a command that was interrupted: waits until its clips\n"
        "are made, downloads them and prints their paths. Costs nothing.",
        epilog=f"{FETCH_EXAMPLES}{exits.TABLE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    fetch.add_argument("task", help="the task's id, as render prints it")
    _add_common(fetch)
    fetch.set_defaults(run=_run, patience=Retries.deadline)


def _add_common(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--out", default="clips", metavar="FOLDER", help="clips go to FOLDER/TASK/INDEX.mp4 (default: clips)"
    )
    command.add_argument(
        "--timeout",
        type=seconds,
        default=TASK_DEADLINE,
        metavar="SECONDS",
        help=f"how long to wait (default: {TASK_DEADLINE:.0f}); 0: do not wait; the task goes on in any case",
    )
    command.add_argument(
        "--sandbox",
        action="store_true",
        help="render on this machine instead of paying; the default where there is no key",
    )
    command.add_argument(
        "--json", action="store_true", help="print one JSON object on standard output, also when it goes wrong"
    )


def _request(options: argparse.Namespace) -> VideoRequest:
    """The request that the options ask for, checked before anything is started."""
    task_id, index = _parent(options.extend)
    flags.check_motion(options.prompt, options.motion)
    return VideoRequest(
        image=options.image,
        motion=Motion.LOW if options.motion is None else options.motion,
        prompt=options.prompt,
        video_type=options.type,
        state=options.state,
        no_storage=options.no_storage,
        action=None if task_id is None else "extend",
        index=index,
        task_id=task_id,
        extra=_extra(options.extra),
    )


def _extra(text: str | None) -> dict[str, Any]:
    try:
        value = {} if text is None else json.loads(text)
    except ValueError as error:
        raise InvalidRequest(f"--extra: {text!r} is not JSON ({error}).", field="extra") from error
    if not isinstance(value, dict):
        raise InvalidRequest(f"--extra: a JSON object, such as '{{\"loop\": true}}', not {text!r}.", field="extra")
    return value


def _parent(text: str | None) -> tuple[str | None, int | None]:
    if text is None:
        return None, None
    task_id, index = named_clip(text)
    _check_id(task_id, "--extend")
    return task_id, index


def _check_id(text: str, name: str) -> None:
    """Nobody promises that an id is made of digits; but it can stand in a path and in a command."""
    if not re.fullmatch(r"[\w.=~-]+", text, re.ASCII):
        raise InvalidRequest(
            f"{name}: a task's id is one word, such as 1773314942177684, not {text!r}.", field="task_id"
        )


def _run(options: argparse.Namespace) -> int:
    way = Way(task=None if options.task is None else Task(id=options.task))
    begun = time.monotonic()
    try:
        # All of it is checked before the sandbox is started or anything is sent.
        request = None if way.task else _request(options)
        image = asyncio.run(prepare(request)) if request else ""
        if way.task:
            _check_id(way.task.id, "task")
        folder = make_folder(options.out, "--out")
        with _service(options, way) as client:
            client.retries = Retries(deadline=options.patience)
            task, paths = asyncio.run(_make(client, request, image, folder=folder, timeout=options.timeout, way=way))
    except MJVideoError as error:
        return _failed(options, way, error)
    except (KeyboardInterrupt, asyncio.CancelledError):
        no_more_interrupts()
        words = _interrupted(options, way)
        if options.json:
            _print_json(way, [], error={"type": "Interrupted", "message": words})
        say(f"\n{words}")
        return exits.INTERRUPTED
    if options.json:
        clips = [{"index": c.index, "path": str(p), "url": c.url} for c, p in zip(task.clips, paths, strict=True)]
        _print_json(way, clips, status=task.status, seconds=round(time.monotonic() - begun, 1))
    else:
        sys.stdout.write("".join(f"{path}\n" for path in paths))
        sys.stdout.write(f"task {task.id}\n")
    return exits.OK


@contextmanager
def _service(options: argparse.Namespace, way: Way) -> Iterator[Client]:
    """The client, and the sandbox behind it where that is what serves."""
    if not (options.sandbox or config.sandbox_forced() or config.api_key() is None):
        yield Client()
        return
    way.sandbox = True
    absent = missing()
    if absent and config.api_key() is None:
        raise SandboxUnavailable(
            f"There is no key, and the sandbox is not installed. {config.HOW_TO_GIVE_A_KEY} {TRY_WITHOUT_A_KEY}"
        )
    if absent:
        raise SandboxUnavailable(f"It lacks {', '.join(absent)}. {TRY_WITHOUT_A_KEY}")
    why = "--sandbox" if options.sandbox else "no key" if config.api_key() is None else "MJVIDEO_SANDBOX is set"
    say(f"Sandbox ({why}): clips are rendered on this machine, not by Midjourney.")
    try:
        process = SandboxProcess.start()
    except SandboxError as error:
        raise SandboxUnavailable(f"{error} Nothing was sent.") from error
    with process:
        yield Client("sandbox", process.url)


async def _make(
    client: Client, request: VideoRequest | None, image: str, *, folder: Path, timeout: float, way: Way
) -> tuple[Task, list[Path]]:
    async with client, Progress() as progress:
        if request:

            def again(error: MJVideoError | None, pause: float) -> None:
                way.sending = error is None  # in a pause, nothing is under way
                progress.say("sending" if error is None else f"{error.headline}; trying again in {pause:.0f} s")

            again(None, 0)
            way.task = await client.send(request, image, on_retry=again)
            way.sending, way.accepted = False, True
        assert way.task is not None  # noqa: S101 - sent just now, or named by the user
        way.task = await client.wait(way.task, timeout=timeout, on_update=progress, on_trouble=progress.trouble)
        progress.say("downloading")
        try:
            return way.task, await client.download(way.task, folder)
        except OSError as error:
            raise ServiceError(
                f"The clips are made, but cannot be written to {folder} ({error}).", task_id=way.task.id
            ) from error


def _failed(options: argparse.Namespace, way: Way, error: MJVideoError) -> int:
    """Say what went wrong; the exit status."""
    status = exits.status_of(error, accepted=way.accepted)
    # An outcome that is not known may come with the id of the task that it may be.
    way.task = way.task or (Task(id=error.task_id) if error.task_id else None)
    if options.json:
        told = {"type": type(error).__name__, "message": str(error), "code": error.code, "http_status": error.status}
        if isinstance(error, InvalidRequest):
            told["field"] = error.field
        _print_json(way, [], error=told)
    complain(error)
    if way.task and status in exits.GOES_ON:
        say(f"Pick it up with: {_pick_up(options, way.task, way)}")
    return status


def _pick_up(options: argparse.Namespace, task: Task, way: Way) -> str:
    words = ["mjvideo-nb", "fetch", task.id, "--out", options.out]
    return shlex.join([*words, "--sandbox"] if way.sandbox else words)


def _interrupted(options: argparse.Namespace, way: Way) -> str:
    if way.task:
        where = "is kept by the sandbox" if way.sandbox else "goes on at the service"
        return f"Interrupted. Task {way.task.id} {where}; pick it up with: {_pick_up(options, way.task, way)}"
    if way.sending and not way.sandbox:
        return (
            "Interrupted while the request was being sent: it may have been accepted and billed. Look at the provider's "
            "task list or balance before sending it again."
        )
    return "Interrupted. Nothing was sent."


def _print_json(way: Way, clips: list[dict[str, Any]], **more: Any) -> None:
    """One object, in letters that every encoding has."""
    told = {"task": way.task.id if way.task else None, "sandbox": way.sandbox, "clips": clips, **more}
    sys.stdout.write(json.dumps(told) + "\n")
