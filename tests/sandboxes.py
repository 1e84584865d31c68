"""A sandbox for each test, in milliseconds: the listeners of many are in one process of the worker's own."""

from __future__ import annotations

import contextlib
import itertools
import json
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

from tests.patience import PATIENCE

PROJECT = Path(__file__).parent.parent
SECONDS = 1.0
"""From a submit to its clips, where a test does not say."""


class Sandbox:
    """One service, nobody else's: ``url`` is where it is."""

    def __init__(self, host: Host, number: int, url: str, store: str) -> None:
        self._host = host
        self._number = number
        self.url = url
        self.store = Path(store)

    def misbehave(self, *faults) -> None:
        """Do this from now on, and nothing else: names, or what `PUT /sandbox/faults` takes. A bare name happens once.

        Where it can happen on a submit, it happens there.
        """
        body = json.dumps({"faults": [_once(fault) if isinstance(fault, str) else fault for fault in faults]}).encode()
        with urllib.request.urlopen(
            urllib.request.Request(f"{self.url}/sandbox/faults", body, method="PUT"), timeout=PATIENCE
        ) as answer:
            assert answer.status == 200

    @property
    def stats(self) -> dict:
        """What it has been asked so far."""
        with urllib.request.urlopen(f"{self.url}/sandbox/stats", timeout=PATIENCE) as answer:
            return json.load(answer)

    @property
    def submits(self) -> int:
        """How many submits it has received so far."""
        return self.stats["requests"].get("submit", 0)

    def hold(self, part: float) -> None:
        """No task gets further than this part of its time (0 to 1), until `release`."""
        self._host.ask("hold", number=self._number, part=part)

    def release(self) -> None:
        """Let time pass."""
        self._host.ask("hold", number=self._number, part=None)


class Host:
    """The process they are in, started for the first test that asks."""

    def __init__(self, folder: Path, clips: Path) -> None:
        self._command = [sys.executable, "-m", "tests.sandbox_host", str(folder), str(clips)]
        self._log = (folder / "log").open("w+b")
        self._process = None
        self._lock = threading.Lock()
        self._numbers = itertools.count()

    def ask(self, do: str, **words):
        with self._lock:
            if self._process is None:
                self._process = subprocess.Popen(
                    self._command,
                    cwd=PROJECT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._log,
                    start_new_session=True,  # Ctrl-C is for the tests
                )
            with contextlib.suppress(BrokenPipeError):  # then there is no answer either, and that is told
                self._process.stdin.write(json.dumps({"do": do, **words}).encode() + b"\n")
                self._process.stdin.flush()
            line = self._process.stdout.readline()
            assert line, f"The sandboxes' process has ended with {self._process.wait(PATIENCE)}:\n{self.log_tail()}"
        return json.loads(line)

    @contextlib.contextmanager
    def sandbox(self, *, seconds: float = SECONDS, render: bool = True, max_list: int | None = None):
        number = next(self._numbers)
        opened = self.ask("open", number=number, seconds=seconds, render=render, max_list=max_list)
        try:
            yield Sandbox(self, number, **opened)
        finally:
            self.ask("close", number=number)

    def log_tail(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")[-4000:]

    def stop(self) -> None:
        if self._process is not None:
            self._process.stdin.close()
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process.stdout.close()
        self._log.close()


def _once(name: str) -> dict:
    from mjvideo_nb.sandbox.faults import TABLE

    routes = TABLE[name].routes
    return {"name": name, "times": 1, "routes": ["submit"] if "submit" in routes else routes}
