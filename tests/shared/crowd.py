"""A crowd on one account: kernels that come, work and are killed, a server that goes away, and what the service has counted.

Run by hand in its long form: `python -m tests.shared.crowd --kernels 20 --jobs 50 --kills 20 --outages 2`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen

from sqlalchemy import create_engine, text

from mjvideo_nb.library import JobState, Library, Query
from mjvideo_nb.library.allowances import Allowance
from mjvideo_nb.sandbox.process import SandboxProcess
from tests.postgres import Cluster

KERNEL = Path(__file__).with_name("kernel.py")
PRICE = 0.60
ENDED = {JobState.DONE, JobState.FAILED, JobState.REFUSED, JobState.UNCERTAIN}
UNCERTAIN_FOR = 20.0
"""Seconds for which a request that may have been accepted keeps its place, here."""
PATIENCE = 3600.0


@dataclass
class Outcome:
    """What the crowd has left behind."""

    states: Counter[str] = field(default_factory=Counter)
    accepted: int = 0
    most_running: int = 0
    polls: int = 0
    killed: int = 0
    pollers_killed: int = 0
    outages: int = 0
    seconds: float = 0.0
    lost: list[str] = field(default_factory=list)
    sent_twice: list[str] = field(default_factory=list)
    not_ended: list[str] = field(default_factory=list)
    without_reason: list[str] = field(default_factory=list)
    places_leaked: int = 0

    @property
    def flaws(self) -> list[object]:
        return [
            each
            for each in (self.lost, self.sent_twice, self.not_ended, self.without_reason, self.places_leaked)
            if each
        ]


class Crowd:
    """A service, a database with an account, and kernels, each on a machine (a folder) of its own."""

    def __init__(
        self, root: Path, cluster: Cluster, *, at_once: int, calls: int, seed: int, seconds: float = 1.0
    ) -> None:
        self.root = root
        self.cluster = cluster
        self.database = cluster.create()
        self.random = random.Random(seed)
        self.sandbox = SandboxProcess.start(
            seconds=seconds, store=root / "store", render=False, faults=["submit:slow=0.1"]
        )
        self.library = Library(root / "owner", self.database)
        self.library.allowances.put([Allowance("", budget=calls * PRICE, at_once=at_once)])
        self.outcome = Outcome()
        self._running: dict[str, Popen[str]] = {}
        self._names = 0

    def close(self) -> None:
        for kernel in self._running.values():
            kernel.kill()
            kernel.wait()
        self.library.close()
        self.sandbox.stop()
        self.cluster.drop(self.database)

    def begin(self, jobs: int) -> None:
        """One more kernel, which makes so many jobs."""
        self._names += 1
        name = f"kernel{self._names}"
        environment = {**os.environ, "UNCERTAIN_FOR": str(UNCERTAIN_FOR), "PYTHONPATH": str(KERNEL.parents[2])}
        log = (self.root / f"{name}.log").open("w")
        command = [sys.executable, KERNEL, self.sandbox.url, self.root / name, self.database, name, str(jobs)]
        self._running[name] = Popen([str(word) for word in command], stdout=log, stderr=log, text=True, env=environment)
        log.close()

    def kill(self, *, poller: bool = False) -> None:
        """`kill -9` a kernel, or whichever polls for all."""
        alive = [name for name, kernel in self._running.items() if kernel.poll() is None]
        if not alive:
            return
        name = self.random.choice(alive)
        if poller:
            folders = self._polling()
            name = next((each for each in alive if self._running[each].pid in folders), name)
            self.outcome.pollers_killed += self._running[name].pid in folders
        self._running[name].kill()
        self._running[name].wait()
        self.outcome.killed += 1

    def _polling(self) -> set[int]:
        """Processes of this machine whose connection holds the right to poll."""
        engine = create_engine(self.database)
        with engine.connect() as connection:
            ports = connection.scalars(
                text(
                    "SELECT client_port FROM pg_stat_activity JOIN pg_locks USING (pid)"
                    " WHERE locktype = 'advisory' AND granted AND objsubid = 2"
                )
            ).all()
        engine.dispose()
        import psutil

        found = set()
        for name, kernel in self._running.items():
            del name
            with contextlib.suppress(psutil.Error):
                for one in psutil.Process(kernel.pid).net_connections("tcp"):
                    if one.laddr.port in ports:
                        found.add(kernel.pid)
        return found

    def outage(self) -> None:
        """The server crashes, is away for a moment, and comes back."""
        self.cluster.crash()
        time.sleep(self.random.uniform(0.5, 3.0))
        self.cluster.start()
        self.outcome.outages += 1

    def wait(self) -> None:
        """Until every kernel that was left alone has come to its end."""
        deadline = time.monotonic() + PATIENCE
        for kernel in self._running.values():
            kernel.wait(max(1.0, deadline - time.monotonic()))

    def look(self) -> Outcome:
        """Hold the library against what the service has accepted."""
        outcome = self.outcome
        stats = self._asked("stats")
        outcome.accepted, outcome.most_running = stats["accepted"], stats["most_running"]
        outcome.polls = stats["requests"].get("list", 0) + stats["requests"].get("fetch", 0)
        accepted = Counter(task["prompt"] for task in self._asked("tasks"))
        outcome.sent_twice = [prompt for prompt, times in accepted.items() if times > 1]
        entries, _ = self.library.shelf.search(Query(), limit=1_000_000)
        outcome.states = Counter(str(entry.state) for entry in entries)
        by_prompt = {entry.prompt: entry for entry in entries}
        for prompt in accepted:
            entry = by_prompt.get(prompt)
            if entry is None or entry.state not in {JobState.DONE, JobState.UNCERTAIN}:
                outcome.lost.append(f"{prompt}: {entry and (entry.state, entry.error)}")
        outcome.not_ended = [f"{entry.prompt}: {entry.state}" for entry in entries if entry.state not in ENDED]
        outcome.without_reason = [
            entry.prompt for entry in entries if entry.state in ENDED - {JobState.DONE} and not entry.error
        ]
        uncertain = outcome.states[JobState.UNCERTAIN]
        with self.library._database.read() as connection:
            marked = connection.scalar(
                text("SELECT count(*) FROM jobs WHERE placed IS NOT NULL AND state <> 'uncertain'")
            )
        outcome.places_leaked = int(marked or 0)
        assert uncertain <= outcome.killed * 5  # each dead kernel may have had a few on their way, and no more
        return outcome

    def refused(self) -> list[str]:
        """What the kernels have said of jobs that were not made."""
        return [
            line for log in self.root.glob("*.log") for line in log.read_text().splitlines() if "BudgetExceeded" in line
        ]

    def said(self) -> str:
        return "".join(f"{log.name}: {log.read_text()[-3000:]}\n" for log in sorted(self.root.glob("*.log")))

    def _asked(self, what: str):
        with urllib.request.urlopen(f"{self.sandbox.url}/sandbox/{what}", timeout=PATIENCE) as answer:
            return json.load(answer)


def run(crowd: Crowd, *, kernels: int, jobs: int, kills: int, outages: int, minutes: float) -> Outcome:
    """Kernels work while some are killed, every third of them the poller, and the server goes away."""
    begun = time.monotonic()
    for _ in range(kernels):
        crowd.begin(jobs)
    moments = sorted(
        [(crowd.random.uniform(0.15, 1.0), "kill") for _ in range(kills)]
        + [((number + 1) / (outages + 1), "outage") for number in range(outages)]
    )
    quiet = threading.Event()
    for number, (moment, what) in enumerate(moments):
        quiet.wait(max(0.0, begun + moment * minutes * 60 - time.monotonic()))
        if what == "outage":
            crowd.outage()
        else:
            crowd.kill(poller=number % 3 == 0)
            crowd.begin(0)  # somebody opens the library again, and goes on with what was left behind
    crowd.wait()
    crowd.begin(0)  # leases run out half a minute after the last was killed
    crowd.wait()
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and crowd.library.shelf.open_jobs():
        quiet.wait(10)
        crowd.begin(0)
        crowd.wait()
    outcome = crowd.look()
    outcome.seconds = time.monotonic() - begun
    return outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kernels", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=50)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--outages", type=int, default=2)
    parser.add_argument("--at-once", type=int, default=5)
    parser.add_argument("--calls", type=int, default=600)
    parser.add_argument("--minutes", type=float, default=8.0, help="in which the killing goes on")
    parser.add_argument("--seconds", type=float, default=1.0, help="that a task takes")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root, Cluster() as cluster:
        crowd = Crowd(
            Path(root),
            cluster,
            at_once=options.at_once,
            calls=options.calls,
            seed=options.seed,
            seconds=options.seconds,
        )
        with contextlib.closing(crowd):
            outcome = run(
                crowd,
                kernels=options.kernels,
                jobs=options.jobs,
                kills=options.kills,
                outages=options.outages,
                minutes=options.minutes,
            )
            print(f"seed {options.seed}: {outcome}; refused by the budget: {len(crowd.refused())}")
            if outcome.flaws:
                print(crowd.said())
    sys.exit(bool(outcome.flaws))


if __name__ == "__main__":
    main()
