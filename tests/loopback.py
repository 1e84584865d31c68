"""An HTTP server on loopback whose every byte a test decides, for what no stand-in for the transport can show."""

from __future__ import annotations

import asyncio
import http.server
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

HANG = object()
"""As an answer: say nothing until the server stops."""
DROP = b""
"""As an answer: close the connection without a word."""


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def answer(status: int = 200, body: Any = b"", **headers: str) -> bytes:
    """The bytes of an HTTP answer; what is not bytes is sent as JSON. A header's `_` stands for `-`."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"content-length": str(len(content)), "connection": "close"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + content


class Server:
    """Answers each request with what the test's function makes of it, and remembers them all."""

    def __init__(self, respond: Callable[[Asked], Any]) -> None:
        self.respond = respond
        self.port = 0
        self.tls: ssl.SSLContext | None = None
        self._stopping = asyncio.Event()
        self.asked: list[Asked] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self.tls)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping.set()
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, path, _ = head[0].split(" ", 2)
            headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self.asked.append(Asked(method, path, headers, body))
            said = self.respond(self.asked[-1])
            if said is HANG:
                await self._stopping.wait()
            else:
                writer.write(said)
                await writer.drain()
        finally:
            writer.close()


def unused_port() -> int:
    """Where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def unused_url() -> str:
    """Where nobody listens."""
    return f"http://127.0.0.1:{unused_port()}"


@contextmanager
def serving(handler: Callable[..., http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    """The URL of a server on a thread of its own that answers by one of the handlers of `http.server`."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
