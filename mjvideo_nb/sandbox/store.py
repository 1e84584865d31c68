"""Tasks as folders: what one sandbox process knows, the next one finds.

Several processes may share a store. Every file is written under another name and then renamed, so that a reader sees all
of it or nothing; two processes that render the same task write the same bytes.
"""

import logging
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from mjvideo_nb.sandbox.tasks import Task, from_json, to_json

log = logging.getLogger(__name__)

KEPT = 200
"""Tasks that a store holds after it was opened."""
UNTOUCHED = 3600.0
"""Seconds; a task that was used since then is never removed: another process may be working on it."""

_ID = re.compile(r"[0-9]{1,32}")


class Folder:
    """The files of one task."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.source = path / "source"
        """The first frame as it came; gone once it was prepared."""
        self.first_frame = path / "first_frame.jpg"
        self.poster = path / "poster.jpg"
        self.before = path / "before.mp4"
        """The clip that an extend goes on from."""

    def clip(self, index: int) -> Path:
        return self.path / f"0_{index}.mp4"


class Store:
    """The tasks in one folder of the machine."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def folder(self, task_id: str) -> Folder:
        return Folder(self.root / task_id)

    def new_id(self, prefix: str = "") -> str:
        """Take an id that no task of this store has: 17 digits, the first 13 of them the time."""
        while True:
            task_id = prefix + f"{time.time_ns() // 1_000_000}{secrets.randbelow(10_000):04d}"[: 17 - len(prefix)]
            try:
                (self.root / task_id).mkdir()
            except FileExistsError:
                continue
            return task_id

    def save(self, task: Task) -> None:
        write(self.root / task.id / "task.json", lambda part: part.write_text(to_json(task), encoding="utf-8"))

    def load(self, task_id: str) -> Task | None:
        """The task, or None when this store has none of that id."""
        if not _ID.fullmatch(task_id):
            return None
        try:
            task = from_json((self.root / task_id / "task.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, KeyError, TypeError) as error:
            log.warning("task %s cannot be read back and counts as unknown: %s", task_id, error)
            return None
        return task

    def touch(self, task_id: str) -> bool:
        """Note that a task is used; False when it is not there any more."""
        try:
            os.utime(self.root / task_id)
        except FileNotFoundError:
            return False
        return True

    def prune(self) -> None:
        """Remove all but the newest tasks, and what a killed process left half written."""
        folders = sorted(filter(None, map(_aged, self.root.iterdir())))
        for age, folder in folders[KEPT:]:
            if age > UNTOUCHED:
                shutil.rmtree(folder, ignore_errors=True)
        for age, folder in folders[:KEPT]:
            if age > UNTOUCHED:
                for part in folder.glob("*.part"):
                    part.unlink(missing_ok=True)


def _aged(folder: Path) -> tuple[float, Path] | None:
    """A task's folder with the seconds since it was used; None for anything else, and for one that just went."""
    if not _ID.fullmatch(folder.name):
        return None
    try:
        return time.time() - folder.stat().st_mtime, folder
    except FileNotFoundError:
        return None


def share(kept: os.PathLike[str], ours: os.PathLike[str]) -> None:
    """One more name for a file, or a copy where the file system has no such thing: neither is ever written to again."""
    try:
        os.link(kept, ours)
    except OSError:
        shutil.copyfile(kept, ours)


def write(target: Path, fill: Callable[[Path], object]) -> None:
    """Let `fill` write a file under another name, then put it in its place in one step."""
    part = target.with_name(f"{target.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        fill(part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
