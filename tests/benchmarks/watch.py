"""What it costs to follow many tasks, and how soon their ends are noticed: `python tests/benchmarks/watch.py`.

1,000 tasks of 60 s at once on one client against the sandbox's clock: where the bulk answer holds the clips, and where it
does not. Then 10,000 tasks, with the server refusing lists of more than 200 ids. Then 100 tasks beside the polling of two
peers, `fal-client` and `openai`, against a small server of their protocols (`pip install -e ".[test,bench]"`).

Each part runs in a process of its own, in real time (about eight minutes in all); `--only bulk` runs one of them, and
`--seconds 20` is quicker. The pace is that for a remote service, although the sandbox is on this machine.
"""

import argparse
import asyncio
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
import warnings
from pathlib import Path

import httpx

from mjvideo_nb import Client, VideoRequest
from mjvideo_nb.limits import Limits
from mjvideo_nb.pace import REMOTE
from mjvideo_nb.sandbox import SandboxProcess

PROJECT = Path(__file__).parents[2]
REQUEST = VideoRequest(image="https://x.example/tulip.jpg", prompt="petals open in the wind")
SUBMITS_AT_ONCE = 32
ALLOWED = 200
"""Ids in a list: the sandbox refuses more."""
IDLE = 10.0
"""Seconds for which an event loop with nothing to do is measured."""

TARGETS = {
    "bulk": {"requests": 100, "cpu": 0.5, "bytes": 8192, "mean": 2.0, "p95": 4.0},
    "singles": {"requests": 1100, "mean": 2.0, "p95": 4.0},
}


def peak() -> int:
    """The most memory this process had since `forget_peak`, in bytes."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def forget_peak() -> int:
    """Count the peak from now on; what it is now."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return peak()


def connect(url: str) -> Client:
    client = Client("sandbox", url)
    client.limits = Limits(at_once=100_000)
    client.watcher.pace = REMOTE
    return client


class Counting:
    """Between the watcher and the client: counts the looks."""

    def __init__(self, client) -> None:
        self.client = client
        self.requests = 0

    async def fetch(self, task):
        self.requests += 1
        return await self.client.fetch(task)

    async def fetch_many(self, ids):
        self.requests += 1
        return await self.client.fetch_many(ids)


async def submit(client: Client, count: int, then=None) -> list:
    """The tasks, or what `then` makes of each as soon as it is accepted."""
    todo, accepted = iter(range(count)), []

    async def work():
        for _ in todo:
            task = await client.submit(REQUEST)
            accepted.append(then(task) if then else task)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(SUBMITS_AT_ONCE, count)):
            group.create_task(work())
    return accepted


async def counted(url: str) -> dict:
    async with httpx.AsyncClient() as http:
        return (await http.get(f"{url}/sandbox/stats")).json()


async def idle() -> float:
    """CPU seconds per second of an event loop that has nothing to do."""
    begun = time.process_time()
    await asyncio.sleep(IDLE)
    return (time.process_time() - begun) / IDLE


def delays_of(delays: list[float]) -> dict:
    delays = sorted(delays)
    return {
        "mean": statistics.mean(delays),
        "p95": delays[int(len(delays) * 0.95)],
        "worst": delays[-1],
        "seen": len(delays),
    }


async def follow(url: str, count: int, *, trace: bool = False, keep: bool = False) -> dict:
    """Submit tasks, then follow them all; only the following is measured."""
    delays, kept = [], []
    async with connect(url) as client:
        asked = client.watcher._asker._client = Counting(client.watcher._asker._client)

        async def one(task):
            task = await client.wait(task)
            delays.append(time.time() - task.raw["finishTime"] / 1000)
            assert len(task.clips) == 4
            if keep:
                kept.append(task)

        base = await idle() if not trace else 0.0
        begun = time.process_time(), time.monotonic()
        tasks = await submit(client, count)
        submitting = time.process_time() - begun[0], time.monotonic() - begun[1]
        if trace:
            gc.collect()
            tracemalloc.start()
        memory = forget_peak()
        begun = time.process_time(), time.monotonic()
        waiting = [asyncio.create_task(one(task)) for task in tasks]
        del tasks
        await asyncio.wait(waiting)
        cpu, seconds = time.process_time() - begun[0], time.monotonic() - begun[1]
        assert [task.exception() for task in waiting] == [None] * count
        grown = tracemalloc.get_traced_memory()[1] if trace else peak() - memory
    stats = await counted(url)
    requests = stats["requests"]
    server = requests.get("list", 0) + requests.get("fetch", 0)
    return delays_of(delays) | {
        "tasks": count,
        "requests": asked.requests,
        "server": server,
        "lists": requests.get("list", 0),
        "longest": stats["longest_list"],
        "cpu": cpu - base * seconds,
        "idle": base * seconds,
        "bytes": grown / count,
        "submit_cpu": submitting[0],
        "submit_seconds": submitting[1],
        "seconds": seconds,
    }


async def many(url: str, count: int) -> dict:
    """Submit and follow at the same time."""
    delays = []

    async with connect(url) as client:

        async def one(task):
            task = await client.wait(task)
            delays.append(time.time() - task.raw["finishTime"] / 1000)
            return task.id

        begun, memory = time.monotonic(), forget_peak()
        waiting = await submit(client, count, lambda task: asyncio.create_task(one(task)))
        submitted = time.monotonic() - begun
        ids = await asyncio.gather(*waiting)
        grown = peak() - memory
    stats = await counted(url)
    requests = stats["requests"]
    return delays_of(delays) | {
        "tasks": len(set(ids)),
        "requests": requests["list"] + requests.get("fetch", 0),
        "lists": requests["list"],
        "longest": stats["longest_list"],
        "accepted": stats["accepted"],
        "bytes": grown / count,
        "submit_seconds": submitted,
    }


async def peer(name: str, url: str, count: int) -> dict:
    """The peer's own helper, as it comes."""
    delays = []
    begun = time.process_time()
    if name == "fal":
        import fal_client

        async with httpx.AsyncClient(limits=httpx.Limits(max_connections=None)) as http:

            async def one(number):
                at = f"{url}/fal/f{number}"
                handle = fal_client.AsyncRequestHandle(f"f{number}", at, f"{at}/status", f"{at}/cancel", http)
                ended = (await handle.get())["ended"]
                delays.append(time.time() - ended)

            await asyncio.gather(*map(one, range(count)))
    else:
        import openai

        warnings.simplefilter("ignore", DeprecationWarning)  # its video service ends; the helper is what is compared
        async with openai.AsyncOpenAI(api_key="none", base_url=f"{url}") as service:

            async def one(number):
                ended = (await service.videos.poll(f"o{number}")).completed_at
                delays.append(time.time() - ended)

            await asyncio.gather(*map(one, range(count)))
    cpu = time.process_time() - begun
    async with httpx.AsyncClient() as http:
        count_by_kind = (await http.get(f"{url}/count")).json()
    return delays_of(delays) | {
        "tasks": count,
        "requests": count_by_kind["fal" if name == "fal" else "videos"],
        "cpu": cpu,
    }


def run(name: str, options: argparse.Namespace) -> dict:
    """One part, in this process."""
    if name in {"fal", "openai"}:
        command = [sys.executable, "-m", "tests.benchmarks.peers", str(options.seconds)]
        with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as server:
            try:
                return asyncio.run(peer(name, server.stdout.readline().strip(), options.peers))
            finally:
                server.terminate()
    traced = name in {"memory", "kept"}
    with (
        tempfile.TemporaryDirectory() as store,
        SandboxProcess.start(
            seconds=min(options.seconds, 20.0) if traced else options.seconds,
            store=store,
            render=False,
            max_list=ALLOWED,
            faults=["list-without-urls"] if name == "singles" else (),
        ) as sandbox,
    ):
        if name == "many":
            return asyncio.run(many(sandbox.url, options.many))
        count = options.peers if name == "hundred" else options.tasks
        return asyncio.run(follow(sandbox.url, count, trace=traced, keep=name == "kept"))


def apart(name: str, options: argparse.Namespace) -> dict:
    """One part, in a process of its own."""
    command = [sys.executable, str(Path(__file__)), "--part", name, "--seconds", str(options.seconds)]
    command += ["--tasks", str(options.tasks), "--many", str(options.many), "--peers", str(options.peers)]
    ended = subprocess.run(
        command, check=False, cwd=PROJECT, env=os.environ | {"PYTHONPATH": str(PROJECT)}, stdout=subprocess.PIPE
    )
    if ended.returncode:
        sys.exit(f"{name} failed")
    return json.loads(ended.stdout)


def row(what: str, value: float, unit: str, target: float | None = None) -> None:
    verdict = "" if target is None else f"  to reach: {target:g}  {'reached' if value <= target else 'MISSED'}"
    print(f"  {what:44} {value:10,.2f} {unit:8}{verdict}", flush=True)


def show_following(title: str, found: dict, targets: dict) -> None:
    print(title)
    row("requests (counted by the client)", found["requests"], "", targets.get("requests"))
    row("requests (counted by the sandbox)", found["server"], "", targets.get("requests"))
    row("of them lists", found["lists"], "")
    row("ids in the longest list", found["longest"], "", ALLOWED)
    row("CPU beyond the idle loop", found["cpu"], "s", targets.get("cpu"))
    row("an idle loop for as long", found["idle"], "s")
    row("memory a task, peak (resident, what it grew)", found["bytes"], "bytes", targets.get("bytes"))
    row("from end to notice: mean", found["mean"], "s", targets.get("mean"))
    row("from end to notice: 95th percentile", found["p95"], "s", targets.get("p95"))
    row("from end to notice: worst", found["worst"], "s")
    row("submitting all of them before (not counted)", found["submit_seconds"], "s")
    row("CPU of that", found["submit_cpu"], "s")


def show_many(found: dict, options: argparse.Namespace) -> None:
    print(f"{options.many:,} tasks, submitted and followed at the same time")
    row("accepted by the sandbox", found["accepted"], "")
    row("lost", options.many - found["tasks"], "", 0)
    row("ids in the longest list", found["longest"], "", ALLOWED)
    row("requests", found["requests"], "")
    row("memory a task, peak (resident, what it grew)", found["bytes"], "bytes")
    row("from end to notice: mean", found["mean"], "s")
    row("from end to notice: 95th percentile", found["p95"], "s")
    row("submitting took", found["submit_seconds"], "s")


def show_peers(parts: dict, count: int) -> None:
    print(f"{count} tasks: requests a task, as a ratio to ours")
    ours = parts["hundred"]["requests"]
    for name, label in (("hundred", "mjvideo_nb"), ("fal", "fal-client"), ("openai", "openai")):
        found = parts[name]
        print(
            f"  {label:12} {found['requests']:8,} requests  {found['requests'] / count:8.2f} a task  "
            f"{found['requests'] / ours:8.1f} times ours  notice: mean {found['mean']:.2f} s, 95th {found['p95']:.2f} s  "
            f"CPU {found['cpu']:.2f} s"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="how long a task takes")
    parser.add_argument("--tasks", type=int, default=1000)
    parser.add_argument("--many", type=int, default=10_000)
    parser.add_argument("--peers", type=int, default=100, help="tasks beside the peers")
    parser.add_argument("--only", choices=["bulk", "memory", "singles", "many", "peers"])
    parser.add_argument("--part", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        print(json.dumps(run(options.part, options)))
        return
    wanted = [options.only] if options.only else ["bulk", "memory", "singles", "many", "peers"]
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; tasks of {options.seconds:g} s")
    if "bulk" in wanted:
        title = f"{options.tasks:,} tasks, the bulk answer holds the clips"
        show_following(title, apart("bulk", options), TARGETS["bulk"])
    if "memory" in wanted:
        print(f"Memory by tracemalloc, {options.tasks:,} tasks of at most 20 s (tracing is slow)")
        row("a task, peak", apart("memory", options)["bytes"], "bytes", TARGETS["bulk"]["bytes"])
        row("a task, peak, all finished tasks kept", apart("kept", options)["bytes"], "bytes")
    if "singles" in wanted:
        title = f"{options.tasks:,} tasks, the bulk answer holds no clips"
        show_following(title, apart("singles", options), TARGETS["singles"])
    if "many" in wanted:
        show_many(apart("many", options), options)
    if "peers" in wanted:
        show_peers({name: apart(name, options) for name in ("hundred", "fal", "openai")}, options.peers)


if __name__ == "__main__":
    main()
