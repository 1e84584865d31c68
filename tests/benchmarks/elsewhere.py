"""A contact sheet of each of 200 clips by two worker processes of Dask: `python -m tests.benchmarks.elsewhere`.

In the same run they are made by threads, one for each core, and both must be the same, byte for byte. Midway one worker is
killed as a machine dies (SIGKILL), and the work goes on. With a path behind the command, Dask's dashboard is photographed in
a real Chromium during a further such run: `python -m tests.benchmarks.elsewhere dashboard.png`.
"""

import os
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path

from distributed import Client, LocalCluster

from mjvideo_nb import media
from tests.browser.chromium import running
from tests.media.clips import make

CLIPS = 200
FRAMES = 125
SIZE = (480, 320)
WORKERS = 2


def clip(number: int, folder: Path) -> Path:
    """Each has other pictures, so that none can be taken for another."""
    return make(folder / f"{number:03}.mp4", FRAMES, size=SIZE, seed=number)


def sheets(clips: list[Path], folder: Path, *, executor=None, at=None) -> tuple[list[bytes], float]:
    """The sheets, and the seconds they took; `at` says what is done when so many are there."""
    at = dict(at or {})

    def tell(tally: media.Tally) -> None:
        for count in [count for count in at if tally.done >= count]:
            at.pop(count)()

    orders = [(each, folder / f"{each.stem}.png") for each in clips]
    begun = time.perf_counter()
    made = media.many(media.contact_sheet, orders, executor=executor, options={}, words="contact sheets", tell=tell)
    return [path.read_bytes() for path in made], time.perf_counter() - begun


def kill_one(client: Client) -> None:
    os.kill(min(client.run(os.getpid).values()), signal.SIGKILL)


def photograph(client: Client, clips: list[Path], folder: Path, path: Path) -> list[bytes]:
    """The dashboard when three quarters are done, a worker having died at the half."""
    with running() as browser, browser.new_page(viewport={"width": 1500, "height": 900}) as page:
        page.goto(client.dashboard_link)
        page.get_by_text("contact_sheet").or_(page.locator(".bk-Figure")).first.wait_for()
        at = {CLIPS // 2: lambda: kill_one(client), CLIPS * 3 // 4: lambda: page.screenshot(path=path)}
        return sheets(clips, folder, executor=client.get_executor(), at=at)[0]


def main(photo: Path | None) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "clips").mkdir()
        with get_context("spawn").Pool(os.cpu_count()) as pool:
            clips = pool.starmap(clip, [(number, folder / "clips") for number in range(CLIPS)])
        cluster = stack.enter_context(
            LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs="ERROR")
        )
        client = stack.enter_context(Client(cluster))
        sheets(clips[:8], folder / "warm", executor=client.get_executor())  # the workers load PyAV
        here, threads = sheets(clips, folder / "threads")
        there, whole = sheets(clips, folder / "dask", executor=client.get_executor())
        before = set(client.run(os.getpid).values())
        survived, killed = sheets(
            clips,
            folder / "killed",
            executor=client.get_executor(),
            at={CLIPS // 2: lambda: kill_one(client)},
        )
        client.wait_for_workers(WORKERS, timeout=60)
        after = set(client.run(os.getpid).values())
        size = sum(each.stat().st_size for each in clips) / 1e6
        print(f"{CLIPS} clips of {FRAMES} frames, {size:.0f} MB; {WORKERS} workers of Dask, {os.cpu_count()} cores")
        print(f"threads of this process: {threads:.1f} s")
        print(
            f"Dask:                    {whole:.1f} s, {whole / threads:.2f} times as long; same bytes: {there == here}"
        )
        print(
            f"Dask, a worker killed:   {killed:.1f} s, {killed / threads:.2f} times as long; same bytes: {survived == here}"
        )
        print(f"workers before and after: {len(before)}, {len(after)}, of which {len(before & after)} the same")
        assert here == there == survived
        assert len(set(here)) == CLIPS
        if photo:
            assert photograph(client, clips, folder / "seen", photo) == here
            print(f"dashboard: {photo}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
