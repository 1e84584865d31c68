"""Rounds of killing: what is left in the folder, held against what the service has accepted.

Run by hand for many rounds: `python -m tests.library.rounds --rounds 200 [--sandbox] [--disk]`.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from mjvideo_nb.container import is_whole_mp4
from mjvideo_nb.library import JobState, Library, Query
from mjvideo_nb.sandbox.process import SandboxProcess
from tests.patience import PATIENCE

CHILD = Path(__file__).with_name("child.py")


@dataclass
class Outcome:
    """What the rounds have left behind."""

    jobs: int = 0
    states: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    sent_twice: list[str] = field(default_factory=list)
    sent_unknown: list[str] = field(default_factory=list)
    not_whole: list[str] = field(default_factory=list)
    damaged: str = ""

    @property
    def flaws(self) -> list[object]:
        return [each for each in (self.lost, self.sent_twice, self.sent_unknown, self.not_whole, self.damaged) if each]


class Rounds:
    """A service with its store, a folder, and kernels that die in it."""

    def __init__(self, root: Path, *, seed: int, folder: Path | None = None) -> None:
        self.folder = folder or root / "mjvideo"
        self.store = root / "store"
        self.random = random.Random(seed)
        self.port = 0  # whichever is free, and the same after a restart
        self.sandbox = self._start_sandbox()
        self.measure()

    def _start_sandbox(self) -> SandboxProcess:
        # A late answer makes the moment longer in which nobody knows whether a request was accepted.
        started = SandboxProcess.start(
            port=self.port, seconds=0.3, store=self.store, faults=["submit:slow=0.3"], timeout=PATIENCE
        )
        self.port = int(started.url.rpartition(":")[2])
        return started

    def measure(self) -> None:
        """A first kernel is left alone: how long it takes on this machine says which moments there are."""
        with self._child(2) as child:
            assert child.stdout.readline() == "ready\n"
            begun = time.monotonic()
            child.wait()
            self.longest = time.monotonic() - begun

    def one(self, *, jobs: int = 2, kill_sandbox: bool = False) -> None:
        """A kernel begins and is killed at a random moment, or the service is while the kernel works."""
        moment = self._moment()
        with self._child(jobs) as child:
            assert child.stdout.readline() == "ready\n"
            if kill_sandbox:
                time.sleep(moment)
                os.kill(self.sandbox.pid, signal.SIGKILL)
                self.sandbox.stop()
                self.sandbox = self._start_sandbox()
                moment = self._moment()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(moment)
            child.kill()

    def _moment(self) -> float:
        """Often while requests are being sent, else any."""
        return self.random.uniform(0, self.random.choice((self.longest / 4, self.longest)))

    def finish(self) -> str:
        """A last kernel, which is left alone; what it said."""
        with self._child(0) as child:
            said, _ = child.communicate(timeout=PATIENCE)
        return said

    @contextlib.contextmanager
    def _child(self, jobs: int):
        command = [sys.executable, str(CHILD), self.sandbox.url, str(self.folder), str(jobs)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            try:
                yield child
            finally:
                child.kill()

    def close(self) -> None:
        self.sandbox.stop()

    def look(self) -> Outcome:
        """Hold the folder against the service's own store."""
        outcome = Outcome()
        with contextlib.closing(sqlite3.connect(self.folder / "library.sqlite")) as connection:
            (check,) = connection.execute("PRAGMA integrity_check").fetchone()
        outcome.damaged = "" if check == "ok" else check
        library = Library(self.folder)
        entries, outcome.jobs = library.shelf.search(Query(), limit=100_000)
        library.close()
        # Known by what was sent along with it: jobs of one prompt have the same clip, which is rendered once.
        accepted = Counter(json.loads(task.read_text())["state"] for task in self.store.glob("*/task.json"))
        by_name = {entry.request.state: entry for entry in entries}
        outcome.states = Counter(str(entry.state) for entry in entries)
        for name, times in accepted.items():
            entry = by_name.get(name)
            if times > 1:
                outcome.sent_twice.append(name)
            if entry is None or entry.state not in {JobState.DONE, JobState.UNCERTAIN}:
                outcome.lost.append(f"{name}: {entry and (entry.state, entry.error)}")
        for name, entry in by_name.items():
            if entry.state not in {JobState.UNCERTAIN, JobState.REFUSED} and name not in accepted:
                outcome.sent_unknown.append(f"{name}: {entry.state} {entry.error}")
            for clip in entry.clips:
                if clip.path and (
                    is_whole_mp4(clip.path) or hashlib.sha256(clip.path.read_bytes()).hexdigest() != clip.digest
                ):
                    outcome.not_whole.append(str(clip.path))
        return outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--sandbox", action="store_true", help="the service is killed as well")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        rounds = Rounds(Path(root), seed=options.seed)
        for number in range(options.rounds):
            rounds.one(kill_sandbox=options.sandbox)
            print(f"\r{number + 1} of {options.rounds}", end="", file=sys.stderr)
        rounds.finish()
        outcome = rounds.look()
        rounds.close()
    print(f"seed {options.seed}: {options.rounds} rounds, {outcome}")
    sys.exit(bool(outcome.flaws))


if __name__ == "__main__":
    main()
