"""A small server of two other protocols of this kind, for `watch.py`: fal's queue and OpenAI's videos.

Each task begins when its id is first asked for and ends after the given seconds. `python -m tests.benchmarks.peers SECONDS`
prints its URL; `GET /count` tells the requests so far by kind.
"""

import asyncio
import json
import socket
import sys
import time
from collections import Counter

import uvicorn


class Peers:
    """Answers, and counts what it is asked."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.begun = {}
        self.count = Counter()

    async def __call__(self, scope, _receive, send):
        if scope["type"] != "http":
            return
        body = json.dumps(self.answer(scope["path"])).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def answer(self, path):
        if path == "/count":
            return self.count
        kind, task_id, *more = path.strip("/").split("/")
        self.count[kind] += 1
        now = time.time()
        begun = self.begun.setdefault(task_id, now)
        ended = begun + self.seconds
        done = now >= ended
        if kind == "fal" and more == ["status"]:
            return {"status": "COMPLETED" if done else "IN_PROGRESS", "logs": None, "metrics": {}}
        if kind == "fal":
            return {"ended": ended}
        return {
            "id": task_id,
            "object": "video",
            "model": "sora-2",
            "status": "completed" if done else "in_progress",
            "progress": 100 if done else int(100 * (now - begun) / self.seconds),
            "created_at": int(begun),
            "completed_at": ended if done else None,
            "seconds": "4",
            "size": "720x1280",
        }


async def main(seconds: float) -> None:
    # The protocol is named, because asyncio sends small answers at once only on sockets that say they are TCP.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(256)
        sys.stdout.write(f"http://127.0.0.1:{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        config = uvicorn.Config(Peers(seconds), log_config=None, access_log=False, lifespan="off")
        await uvicorn.Server(config).serve(sockets=[listener])


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
