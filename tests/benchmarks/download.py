"""How fast clips come to disk, and in how much memory: `python tests/benchmarks/download.py`.

20 clips of 9 MB from a server in a process of its own, beside a bare `httpx` stream of the same URLs to files in the
same run, as many at a time. Ours also hashes, checks, flushes to the disk and names them safely.
"""

import asyncio
import os
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

import httpx

from mjvideo_nb import Client, Clip, Task
from mjvideo_nb.download import REMOTE

CLIPS = 20
SIZE = 9_000_000
ROUNDS = 15


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def make_clip(path: Path, size: int) -> None:
    head = box(b"ftyp", b"isomiso2") + box(b"moov", bytes(4000))
    path.write_bytes(head + box(b"mdat", os.urandom(size - len(head) - 8)))


async def serve(folder: str) -> None:
    """`/<anything>/<name>` answers with the file of that name; the port is printed."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                with (Path(folder) / request.split(b" ")[1].decode().rpartition("/")[2]).open("rb") as file:
                    size = os.fstat(file.fileno()).st_size
                    writer.write(f'HTTP/1.1 200 OK\r\ncontent-length: {size}\r\netag: "1"\r\n\r\n'.encode())
                    await writer.drain()
                    await loop.sendfile(writer.transport, file)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def bare(http: httpx.AsyncClient, urls: list[str], folder: Path) -> None:
    gate = asyncio.Semaphore(REMOTE.at_once)

    async def one(number: int, url: str) -> None:
        async with gate, http.stream("GET", url) as answer:
            with (folder / f"{number}.mp4").open("wb") as file:
                async for chunk in answer.aiter_bytes():
                    file.write(chunk)

    await asyncio.gather(*(one(number, url) for number, url in enumerate(urls)))


async def ours(client: Client, urls: list[str], folder: Path) -> None:
    """As tasks of four clips, which is what the service makes."""
    tasks = [
        Task(id=str(first), clips=tuple(Clip(str(first), i, url=url) for i, url in enumerate(urls[first : first + 4])))
        for first in range(0, len(urls), 4)
    ]
    await asyncio.gather(*(client.download(task, folder) for task in tasks))


async def timed(work, *args) -> tuple[float, float]:
    """Seconds on the clock and of this process's CPU."""
    folder = Path(tempfile.mkdtemp())
    begun, cpu = time.perf_counter(), time.process_time()
    await work(*args, folder)
    took = time.perf_counter() - begun, time.process_time() - cpu
    check_and_clear(folder)
    return took


def check_and_clear(folder: Path) -> None:
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    assert sizes == [SIZE] * CLIPS, sizes
    shutil.rmtree(folder)


async def peak(work, *args) -> float:
    """MB allocated at most."""
    folder = Path(tempfile.mkdtemp())
    tracemalloc.start()
    await work(*args, folder)
    most = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    shutil.rmtree(folder)
    return most


async def compare(base: str) -> None:
    urls = [f"{base}/{number}/clip.mp4" for number in range(CLIPS)]
    async with httpx.AsyncClient(trust_env=False) as http, Client("key", base) as client:
        pairs = []
        for turn in range(ROUNDS + 1):
            first, second = (bare, http), (ours, client)
            if turn % 2:
                first, second = second, first
            took = {work: await timed(work, with_, urls) for work, with_ in (first, second)}
            if turn:  # the first one opens the connections
                pairs.append((took[bare], took[ours]))
        rates = [CLIPS * SIZE / 1e6 / min(pair[which][0] for pair in pairs) for which in (0, 1)]
        print(f"bare httpx {rates[0]:.0f} MB/s, ours {rates[1]:.0f} MB/s at best")
        ratios = [b[0] / o[0] for b, o in pairs]
        print(f"ratio of speeds: {rates[1] / rates[0]:.2f} at best, {statistics.median(ratios):.2f} median of {ROUNDS}")
        cpu = [statistics.median(pair[which][1] for pair in pairs) for which in (0, 1)]
        print(f"CPU seconds: bare {cpu[0]:.2f}, ours {cpu[1]:.2f}")
        for count, name in ((4, "clip.mp4"), (20, "clip.mp4"), (80, "clip.mp4"), (4, "long.mp4")):
            some = [f"{base}/{number}/{name}" for number in range(count)]
            most = await peak(ours, client, some), await peak(bare, http, some)
            size = SIZE // 1_000_000 * (10 if name == "long.mp4" else 1)
            print(f"peak memory, {count} clips of {size} MB: ours {most[0]:.1f} MB, bare {most[1]:.1f} MB")


def main() -> None:
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {CLIPS} clips of {SIZE // 1_000_000} MB")
    with tempfile.TemporaryDirectory() as folder:
        make_clip(Path(folder) / "clip.mp4", SIZE)
        make_clip(Path(folder) / "long.mp4", SIZE * 10)
        with subprocess.Popen([sys.executable, __file__, folder], stdout=subprocess.PIPE, text=True) as server:
            try:
                asyncio.run(compare(f"http://127.0.0.1:{int(server.stdout.readline())}"))
            finally:
                server.terminate()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(serve(sys.argv[1]))
    else:
        main()
