"""What the library costs: `python tests/benchmarks/library.py`.

A row beside the file system's own write and flush; the history's first page, and opening the folder, with 5,000 jobs.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

JOBS = 5000
RUNNING = 50
ROWS = 300

OPENING = """
import sys, time
from pathlib import Path
import mjvideo_nb, mjvideo_nb.notebook.session as sessions
begun = time.perf_counter()
import mjvideo_nb.library, mjvideo_nb.notebook.jobs
loaded = time.perf_counter()
session = sessions.Session("key", "http://127.0.0.1:9", library=sys.argv[1])
jobs = session.jobs
opened = time.perf_counter()
print(loaded - begun, opened - loaded, len(jobs._known))
"""


def fill(folder: Path) -> None:
    """5,000 jobs with four clips each, 50 of them left running by a kernel that has ended."""
    from sqlalchemy import insert

    from mjvideo_nb.library import JobState, Library
    from mjvideo_nb.library.entries import now
    from mjvideo_nb.library.tables import clips, jobs

    library = Library(folder)
    at = now()
    rows, parts = [], []
    for number in range(JOBS):
        job = f"{at + number:012x}{number:08x}"
        running = number % (JOBS // RUNNING) == 0
        rows.append(
            {
                "id": job,
                "created": at - (JOBS - number) * 60_000,
                "changed": at,
                "ended": None if running else at,
                "service": "http://127.0.0.1:9",
                "state": JobState.RUNNING if running else JobState.DONE,
                "owner": "gone",
                "prompt": f"petals open in the wind, take {number}, morning light moves across the table",
                "motion": "low" if number % 2 else "high",
                "video_type": "vid_1.1_i2v_480",
                "frame": f"{number % 40:064x}.jpg",
                "task_id": f"{number:016d}",
                "price": 0.6,
            }
        )
        parts += [
            {
                "job": job,
                "index": i,
                "path": f"clips/{number:016d}/{i}.mp4",
                "size": 9,
                "digest": "d",
                "rating": i or None,
            }
            for i in range(0 if running else 4)
        ]
    library._database.write(
        lambda connection: (connection.execute(insert(jobs), rows), connection.execute(insert(clips), parts))
    )
    library.close()


def flushes(folder: Path) -> list[float]:
    """Seconds that 4 kB take to the disk, by the file system alone."""
    took = []
    with (folder / "reference").open("wb", buffering=0) as file:
        for _ in range(ROWS):
            begun = time.perf_counter()
            file.write(os.urandom(4096))
            os.fsync(file.fileno())
            took.append(time.perf_counter() - begun)
    return took


def rows(folder: Path) -> list[float]:
    from mjvideo_nb import VideoRequest
    from mjvideo_nb.library import Library

    library = Library(folder)
    request = VideoRequest(image="https://x.example/a.jpg", prompt="petals open")
    took = []
    for _ in range(ROWS):
        begun = time.perf_counter()
        library.ledger.add(request, service="s", frame="https://x.example/a.jpg", price=0.6, budget=1e9)
        took.append(time.perf_counter() - begun)
    library.close()
    return took


async def answering(folder: Path) -> float:
    """The longest that an event loop waits while another thread writes rows, in seconds."""
    longest, end = 0.0, False

    async def beat() -> None:
        nonlocal longest
        while not end:
            begun = time.perf_counter()
            await asyncio.sleep(0)
            longest = max(longest, time.perf_counter() - begun)

    beating = asyncio.create_task(beat())
    await asyncio.to_thread(rows, folder)
    end = True
    await beating
    return longest


def page(folder: Path) -> tuple[float, float]:
    """Seconds of the first page, and of one that is searched for."""
    from mjvideo_nb.library import Library, Query

    library = Library(folder)
    took = []
    for query in (Query(), Query(words="take 49 wind", rating=2)):
        times = []
        for _ in range(10):
            begun = time.perf_counter()
            found, total = library.shelf.search(query, limit=50)
            times.append(time.perf_counter() - begun)
        took.append(statistics.median(times))
        assert len(found) == 50, total
    library.close()
    return took[0], took[1]


def main() -> None:
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        ours, theirs = statistics.median(rows(folder / "rows")), statistics.median(flushes(folder))
        print(
            f"a row: {ours * 1000:.2f} ms, 4 kB to the disk: {theirs * 1000:.2f} ms; {ours / theirs:.1f} times, "
            f"{(ours - theirs) * 1000:.2f} ms beyond it (to reach: 5 ms)"
        )
        print(f"the longest wait of an event loop meanwhile: {asyncio.run(answering(folder / 'beat')) * 1000:.1f} ms")
        fill(folder / "many")
        first, searched = page(folder / "many")
        print(
            f"the first page of {JOBS} jobs: {first * 1000:.1f} ms (to reach: 100 ms); a search: {searched * 1000:.1f} ms"
        )
        for _ in range(3):
            many = folder / f"again{_}"
            fill(many)
            said = subprocess.run([sys.executable, "-c", OPENING, many], capture_output=True, text=True, check=True)
            loading, opening, running = (float(word) for word in said.stdout.split())
            print(
                f"opening {JOBS} jobs, {running:.0f} of them running: {opening * 1000:.0f} ms (to reach: 300 ms), "
                f"after {loading * 1000:.0f} ms to load what it needs"
            )


if __name__ == "__main__":
    main()
