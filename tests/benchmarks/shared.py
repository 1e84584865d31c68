"""What a shared account costs: `python -m tests.benchmarks.shared [--quick]`. Starts a PostgreSQL of its own.

From what the poller has seen to the last of 100 listeners; requests through the ledger a second, beside the same on SQLite;
the history's first page with 100,000 jobs, beside the same on SQLite; and what 1 to 300 kernels cost a server that only wait.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from sqlalchemy import insert, text

from mjvideo_nb.library import JobState, Library, Query
from mjvideo_nb.library.entries import now
from mjvideo_nb.library.sights import SIGHT
from mjvideo_nb.library.tables import clips, jobs
from mjvideo_nb.models import Clip, Task, VideoRequest
from mjvideo_nb.part import Copy
from tests.postgres import Cluster

ACCOUNT = "https://gateway.example"
REQUEST = VideoRequest(image="https://x.example/a.jpg", prompt="petals open in the wind")
LISTENERS = 100
TOLD = 50
JOBS = 100_000
REQUESTS = 200
CROWDS = (1, 10, 20, 50, 100, 200, 300)
WATCHED = 10.0
"""Seconds for which a crowd is watched."""


class Listeners:
    """Kernels that wait for a task: each reads what was seen as soon as it hears of it, and says when it has."""

    def __init__(self, root: Path, database: str, count: int, *, spare: bool = False) -> None:
        self.libraries = []
        self.arrived = threading.Semaphore(0)
        self.job = ""
        self.heard_again = -count  # each hears "everything" once when it begins, and once more for each lost connection
        ready = threading.Semaphore(0)
        for number in range(count):
            library = Library(root / f"listener{number}", database)
            self.libraries.append(library)
            self._listen(library, ready)
            assert ready.acquire(timeout=60)
            if spare:
                let_go(library)

    def _listen(self, library: Library, ready: threading.Semaphore) -> None:
        assert library.account

        def hears(about: str, name: str) -> None:
            if about == "":
                ready.release()
                self.heard_again += 1
            if about == SIGHT and name == self.job:
                assert library.account
                assert library.account.sights.get(name) is not None
                self.arrived.release()

        library.account.switchboard.listen(hears)
        library.account.switchboard.start()

    def close(self) -> None:
        for library in self.libraries:
            assert library.account
            library.account.switchboard._ends.set()
        for library in self.libraries:
            library.close()


def let_go(library: Library) -> None:
    """Close the connection that it does not listen on: a server has a few hundred in all."""
    library._database._engine.dispose()


def accepted(library: Library, number: int) -> str:
    """A job on its way through the ledger, as far as to be accepted; its id."""
    entry = library.ledger.add(REQUEST, service=ACCOUNT, price=0.6, budget=1e9)
    if library.account:
        library.account.line.join(entry.id)
        assert library.account.line.take([entry.id], ACCOUNT, 10**6).turns
    library.ledger.sending(entry.id)
    library.ledger.accepted(entry.id, Task(f"{number:016d}"))
    return entry.id


def finished(library: Library, job: str, number: int) -> None:
    task = Task(f"{number:016d}", status="SUCCESS", clips=tuple(Clip(f"{number:016d}", i) for i in range(4)))
    library.ledger.finished(job, task)
    path = library.clips_folder / task.id / "0.mp4"
    library.ledger.kept(job, {clip.index: Copy(path, 9, "d") for clip in task.clips})


def hearing(root: Path, database: str) -> list[float]:
    """Seconds from what the poller has seen to the last listener that has read it."""
    poller = Library(root / "poller", database)
    took = []
    with contextlib.closing(Listeners(root, database, LISTENERS)) as listeners:
        for number in range(TOLD):
            assert poller.account
            listeners.job = accepted(poller, number)
            begun = time.perf_counter()
            poller.account.sights.put({listeners.job: Task(f"{number:016d}", status="IN_PROGRESS", raw={"n": number})})
            for _ in range(LISTENERS):
                assert listeners.arrived.acquire(timeout=30)
            took.append(time.perf_counter() - begun)
        assert listeners.heard_again == 0, "a connection was lost, so this is no measure"
    poller.close()
    return took


def requests(libraries: list[Library]) -> float:
    """Jobs a second, written down from the request to the last clip, by so many kernels at once."""

    def work(library: Library) -> None:
        for number in range(REQUESTS // len(libraries)):
            finished(library, accepted(library, number), number)

    threads = [threading.Thread(target=work, args=(library,)) for library in libraries]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return REQUESTS / (time.perf_counter() - begun)


def fill(library: Library, count: int) -> None:
    """So many jobs with four clips each, of 300 people."""
    at = now()
    for start in range(0, count, 5000):
        rows = [
            {
                "id": f"{at + number:012x}{number:08x}",
                "created": at - (count - number) * 1000,
                "changed": at,
                "ended": at,
                "service": ACCOUNT,
                "state": JobState.DONE,
                "person": f"person{number % 300}",
                "prompt": f"petals open in the wind, take {number}, morning light moves across the table",
                "motion": "low" if number % 2 else "high",
                "video_type": "vid_1.1_i2v_480",
                "frame": f"{number % 40:064x}.jpg",
                "task_id": f"{number:016d}",
                "price": 0.6,
            }
            for number in range(start, min(start + 5000, count))
        ]
        parts = [
            {"job": row["id"], "index": i, "path": f"clips/{row['task_id']}/{i}.mp4", "size": 9, "digest": "d"}
            for row in rows
            for i in range(4)
        ]

        def work(connection, rows=rows, parts=parts):
            connection.execute(insert(jobs), rows)
            connection.execute(insert(clips), parts)

        library._database.write(work)


def median_ms(work) -> float:
    times = []
    for _ in range(15):
        begun = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - begun))
    return statistics.median(times)


@contextlib.contextmanager
def waiting(root: Path, database: str, count: int) -> Iterator[Listeners]:
    with contextlib.closing(Listeners(root, database, count, spare=True)) as crowd:
        for library in crowd.libraries:  # each has a job in the line
            assert library.account
            library.account.line.join(library.ledger.add(REQUEST, service=ACCOUNT).id)
            let_go(library)
        yield crowd


def crowd_of(root: Path, cluster: Cluster, count: int) -> tuple[float, float, float, float]:
    """Transactions a second, a part of one processor, ms of a look at the line, ms of a job through the ledger."""
    database = cluster.create()
    watcher = Library(root / "watcher", database)
    assert watcher.account
    watcher.account.switchboard.start()  # else its lease runs out
    server = psutil.Process(cluster.pid)

    def used() -> float:
        # Of those that have ended, the server has the sum.
        living = sum(sum(one.cpu_times()[:2]) for one in server.children())
        return sum(server.cpu_times()[:4]) + living

    def through() -> int:
        with watcher._database.read() as connection:
            return connection.scalar(
                text("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
            )

    with waiting(root, database, count) as crowd:
        time.sleep(1.0)
        before, processor, begun = through(), used(), time.perf_counter()
        time.sleep(WATCHED)
        seconds = time.perf_counter() - begun
        rate, part = (through() - before) / seconds, (used() - processor) / seconds
        first = crowd.libraries[0]
        assert first.account
        mine = [entry.id for entry in first.shelf.open_jobs() if first.is_ours(entry)]
        look = median_ms(lambda: first.account.line.look(mine, ACCOUNT, 5))
        job = median_ms(lambda: finished(watcher, accepted(watcher, 1), 1))
    watcher.close()
    cluster.drop(database)
    return rate, part, look, job


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def singly(root: Path, cluster: Cluster) -> None:
    """Everything but the crowds."""
    took = hearing(root, cluster.create())
    print(
        f"from the poller's seeing to the last of {LISTENERS} listeners that has read it: median "
        f"{1000 * statistics.median(took):.0f} ms, 95th percentile {1000 * percentile(took, 0.95):.0f} ms, worst "
        f"{1000 * max(took):.0f} ms of {TOLD}"
    )
    database = cluster.create()
    shared = [Library(root / f"machine{number}", database) for number in range(10)]
    for library in shared:
        library.account.switchboard.start()  # else their leases run out
    beside = Library(root / "beside")
    alone, one, ten = requests([beside]), requests(shared[:1]), requests(shared)
    print(
        f"jobs through the ledger, from the request to the last clip: {one:.0f} a second by one kernel and {ten:.0f} by ten "
        f"at once on PostgreSQL; {alone:.0f} on SQLite ({one / alone:.2f} of it)"
    )
    fill(shared[0], JOBS)
    fill(beside, JOBS)
    shared[0]._database.write(lambda connection: connection.execute(text("ANALYZE")))
    pages = {
        "everybody's": Query(),
        "one person's": Query(person="person7"),
        "words and stars": Query(words="take 49 wind", motion="low"),
    }
    for name, query in pages.items():
        here = median_ms(lambda query=query: shared[0].shelf.search(query, limit=50))
        there = median_ms(lambda query=query: beside.shelf.search(query, limit=50))
        print(f"first page of {JOBS:,} jobs, {name}: {here:.0f} ms on PostgreSQL, {there:.0f} ms on SQLite")
    add = median_ms(lambda: shared[0].ledger.add(REQUEST, service=ACCOUNT, price=0.6, budget=1e9))
    print(f"a request written down and held against the budget of {JOBS:,} jobs: {add:.0f} ms")
    for library in (*shared, beside):
        library.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="without the crowds")
    parser.add_argument("--crowds", action="store_true", help="the crowds alone")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Cluster() as cluster:
        root = Path(folder)
        if not options.crowds:
            singly(root, cluster)
        if options.quick:
            return
        print(
            "| kernels that wait | transactions a second | of one processor | look at the line | a job through the ledger |"
        )
        print("|---|---|---|---|---|")
        for count in CROWDS:
            rate, part, look, job = crowd_of(root, cluster, count)
            print(f"| {count} | {rate:.0f} | {100 * part:.1f} % | {look:.1f} ms | {job:.0f} ms |")


if __name__ == "__main__":
    main()
