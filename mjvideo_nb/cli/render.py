"""`mjvideo-nb render` and `fetch`: the whole way from a still image to clips on disk, without a notebook."""

from __future__ import annotations

import argparse
import asyncio
import json
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mjvideo_nb import config
from mjvideo_nb.client import TASK_DEADLINE, Client, prepare
from mjvideo_nb.errors import InvalidRequest, MJVideoError, SandboxUnavailable, ServiceError
from mjvideo_nb.models import Task, VideoRequest
from mjvideo_nb.sandbox.process import SandboxError, SandboxProcess, missing

from . import exits
from .progress import Progress

__all__ = ["add_to"]


@dataclass
class Way:
    """How far a render has come: what an interrupt means depends on it."""

    sandbox: bool = False
    sending: bool = False
    task: Task | None = None


def add_to(commands: Any) -> None:
    """Add both commands to the parser."""
    render = commands.add_parser(
        "render",
        help="make four clips from a still image",
        epilog=exits.TABLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    render.add_argument(
        "image", nargs="?", default="", help="first frame: a path or an http(s) URL (JPEG, PNG or WebP)"
    )
    render.add_argument("--prompt", default="", help="text that guides the clips")
    render.add_argument("--motion", default="low", metavar="low|high", help="how much moves (default: low)")
    render.add_argument("--type", default="480p", metavar="480p|720p", help="video type (default: 480p)")
    render.add_argument("--extend", metavar="TASK:INDEX", help="go on from a clip of an earlier task, such as 1773:2")
    render.add_argument("--state", help="text that the service returns with the task, at most 255 characters")
    render.add_argument("--no-storage", action="store_true", help="ask for the original provider's URLs")
    render.add_argument("--extra", metavar="JSON", help="undocumented fields, such as '{\"loop\": true}'")
    _add_common(render)
    render.set_defaults(run=lambda options: _run(options, _request(options)))

    fetch = commands.add_parser(
        "fetch",
        help="pick up a task by its id: wait for it and download its clips",
        epilog=exits.TABLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    fetch.add_argument("task", help="the task's id")
    _add_common(fetch)
    fetch.set_defaults(run=lambda options: _run(options, None))


def _add_common(command: argparse.ArgumentParser) -> None:
    command.add_argument("--out", default="clips", metavar="FOLDER", help="clips go to FOLDER/TASK/INDEX.mp4 (clips)")
    command.add_argument(
        "--timeout", type=float, default=TASK_DEADLINE, metavar="SECONDS", help="how long to wait (3600)"
    )
    command.add_argument(
        "--sandbox",
        action="store_true",
        help="render on this machine instead of paying; the default where there is no key",
    )
    command.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def _request(options: argparse.Namespace) -> VideoRequest:
    """The request that the options ask for, checked before anything is started."""
    task_id, index = _parent(options.extend)
    try:
        extra = json.loads(options.extra) if options.extra else {}
    except ValueError as error:
        raise InvalidRequest(f"--extra: not JSON ({error}).", field="extra") from error
    return VideoRequest(
        image=options.image,
        motion=options.motion,
        prompt=options.prompt,
        video_type=options.type,
        state=options.state,
        no_storage=options.no_storage,
        action="extend" if options.extend else None,
        index=index,
        task_id=task_id,
        extra=extra,
    )


def _parent(text: str | None) -> tuple[str | None, int | None]:
    if not text:
        return None, None
    task_id, colon, index = text.rpartition(":")
    if not colon or not task_id or not index.isdigit():
        raise InvalidRequest(f"--extend: TASK:INDEX, such as 1773314942177684:2, not {text!r}.", field="task_id")
    return task_id, int(index)


def _run(options: argparse.Namespace, request: VideoRequest | None) -> int:
    way = Way(task=None if request else Task(id=options.task))
    begun = time.monotonic()
    try:
        # Checked before the sandbox is started or a key is looked for.
        image = asyncio.run(prepare(request)) if request else ""
        with _service(options, way) as client:
            task, paths = asyncio.run(_make(client, options, request, image, way))
    except MJVideoError as error:
        if options.json:
            _print_json(_failure(error, way))
        pick_up = (
            f"Pick it up with: {_pick_up(options, way)}\n" if way.task and exits.status_of(error) in {1, 6} else ""
        )
        sys.stderr.write(f"mjvideo-nb: {error.headline}. {error}\n{pick_up}")
        return exits.status_of(error)
    except KeyboardInterrupt:
        sys.stderr.write(f"\n{_interrupted(options, way)}\n")
        return exits.INTERRUPTED
    if options.json:
        clips = [{"index": c.index, "path": str(p), "url": c.url} for c, p in zip(task.clips, paths, strict=True)]
        seconds = round(time.monotonic() - begun, 1)
        _print_json(
            {"task": task.id, "status": task.status, "sandbox": way.sandbox, "seconds": seconds, "clips": clips}
        )
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
    if missing():
        raise SandboxUnavailable(
            f"There is no key, and the sandbox is not installed. {config.HOW_TO_GIVE_A_KEY} "
            'To try without a key: pip install "mjvideo-nb[sandbox]". Nothing was sent.'
        )
    why = "--sandbox" if options.sandbox else "no key" if config.api_key() is None else "MJVIDEO_SANDBOX is set"
    sys.stderr.write(f"Sandbox ({why}): clips are rendered on this machine, not by Midjourney.\n")
    try:
        process = SandboxProcess.start()
    except SandboxError as error:
        raise SandboxUnavailable(f"{error} Nothing was sent.") from error
    with process:
        yield Client("sandbox", process.url)


async def _make(
    client: Client, options: argparse.Namespace, request: VideoRequest | None, image: str, way: Way
) -> tuple[Task, list[Path]]:
    with Progress() as progress:
        async with client:
            if request:
                progress.say("sending")
                way.sending = True
                way.task = await client.send(request, image)
                way.sending = False
            assert way.task is not None  # noqa: S101 - sent just now, or named by the user
            task = await client.wait(way.task, timeout=options.timeout, on_update=progress)
            progress.say("downloading")
            try:
                return task, await client.download(task, options.out)
            except OSError as error:
                raise ServiceError(
                    f"The clips are made and paid for, but cannot be written to {options.out}: {error}.",
                    task_id=task.id,
                ) from error


def _pick_up(options: argparse.Namespace, way: Way) -> str:
    words = ["mjvideo-nb", "fetch", way.task.id if way.task else "TASK", "--out", options.out]
    return shlex.join([*words, "--sandbox"] if way.sandbox else words)


def _interrupted(options: argparse.Namespace, way: Way) -> str:
    if way.task:
        return f"Interrupted. Task {way.task.id} goes on at the service; pick it up with: {_pick_up(options, way)}"
    if way.sending:
        return (
            "Interrupted while the request was being sent: it may have been accepted and billed. Look at the provider's "
            "task list or balance before sending it again."
        )
    return "Interrupted. Nothing was sent."


def _failure(error: MJVideoError, way: Way) -> dict[str, Any]:
    task_id = way.task.id if way.task else error.task_id or None
    told = {"type": type(error).__name__, "message": str(error), "code": error.code, "http_status": error.status}
    return {"task": task_id, "sandbox": way.sandbox, "clips": [], "error": told}


def _print_json(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
