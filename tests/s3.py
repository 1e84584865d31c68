"""An S3 server on loopback, in a process of its own, that can be told to refuse writes or to store other bytes.

It is moto's, behind what is below; `python -m tests.s3` prints its address and serves until its input ends.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any, Self

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

FAULTS = "/faults"
REFUSAL = b"<Error><Code>ServiceUnavailable</Code><Message>Please try again</Message></Error>"
FORBIDDEN = b"<Error><Code>AccessDenied</Code></Error>"


class S3Process:
    """The server, from the side of a test.

    Attributes:
        url: for `endpoint_url`.

    """

    @classmethod
    def start(cls) -> Self:
        self = cls()
        command = [sys.executable, "-W", "ignore", "-m", "tests.s3"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent
        )
        self.url = self._process.stdout.readline().strip()
        assert self.url.startswith("http://127.0.0.1:")
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def options(self, *, tries: int = 1) -> dict[str, Any]:
        """Storage options; botocore asks this many times before it gives up."""
        retries = {"total_max_attempts": tries, "mode": "standard"}
        return {
            "key": "AKIAEXAMPLEOFAKEY",
            "secret": "wJalr/XUtnFEMI+of-a-secret",
            "client_kwargs": {"endpoint_url": self.url, "region_name": "us-east-1"},
            "config_kwargs": {"retries": retries},
        }

    def ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(f"{self.url}{path}", body, method=method)
        with urllib.request.urlopen(request, timeout=10) as said:
            return said.read()

    def misbehave(self, *, refuse_every: int = 0, spoil: str = "", forbid_listing: bool = False) -> None:
        """Refuse every n-th write with 503; store other bytes under a name that ends so, once. Counts from zero."""
        faults = {"refuse_every": refuse_every, "spoil": spoil, "forbid_listing": forbid_listing}
        self.ask("PUT", FAULTS, json.dumps(faults).encode())

    def count(self) -> Counter[str]:
        """How many `writes`, `refused` ones among them, `reads` and `looks` there were since `misbehave`."""
        return Counter(json.loads(self.ask("GET", FAULTS)))

    def objects(self, bucket: str) -> dict[str, bytes]:
        """All that is stored there, as moto itself has it."""
        return {key: bytes.fromhex(value) for key, value in json.loads(self.ask("GET", f"{FAULTS}/{bucket}")).items()}


class _Misbehaving:
    """In front of moto: counts, refuses, and changes what was stored."""

    def __init__(self) -> None:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        self.s3 = DomainDispatcherApplication(create_backend_app)
        self.guard = threading.Lock()
        self.faults: dict[str, Any] = {}
        self.counts: Counter[str] = Counter()

    def answer(self, request: Request) -> Response:
        with self.guard:
            if request.path.startswith(FAULTS):
                return self.control(request)
            if request.path.count("/") < 2:
                forbidden = self.faults.get("forbid_listing") and "list-type" in request.args
                return Response(FORBIDDEN, 403) if forbidden else self.stored(request)
            self.counts[{"PUT": "writes", "GET": "reads", "HEAD": "looks"}.get(request.method, "others")] += 1
            every = self.faults.get("refuse_every")
            if request.method == "PUT" and every and self.counts["writes"] % every == 0:
                self.counts["refused"] += 1
                _ = request.get_data()
                return Response(REFUSAL, 503, content_type="application/xml")
            spoil = self.faults.get("spoil")
            if request.method == "PUT" and spoil and request.path.endswith(spoil):
                self.faults["spoil"] = ""
                return self.store_other_bytes(request)
            return self.stored(request)

    def control(self, request: Request) -> Response:
        if request.method == "PUT":
            self.faults = request.get_json(force=True)
            self.counts.clear()
            return Response("")
        if request.path == FAULTS:
            return Response(json.dumps(self.counts))
        keys = self.keys(request.path.rpartition("/")[2])
        return Response(json.dumps({name: keys[name].value.hex() for name in keys}))

    def stored(self, request: Request) -> Response:
        """What moto says. One request at a time: its own memory knows no threads."""
        return Response.from_app(self.s3, request.environ, buffered=True)

    def store_other_bytes(self, request: Request) -> Response:
        said = self.stored(request)
        _, bucket, key = request.path.split("/", 2)
        stored = self.keys(bucket)[key]
        stored.value = bytes([stored.value[0] ^ 1]) + stored.value[1:]
        return said

    def keys(self, bucket: str) -> Any:
        from moto.s3.models import s3_backends

        return s3_backends["123456789012"]["aws"].buckets[bucket].keys


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        """Nothing: pytest shows what a process of its own writes among the results."""


if __name__ == "__main__":
    server = make_server(
        "127.0.0.1", 0, Request.application(_Misbehaving().answer), threaded=True, request_handler=_Quiet
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.port}", flush=True)
    sys.stdin.read()
