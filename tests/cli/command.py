"""A command of the command line as a real process: what it prints as it comes, its end, and what it leaves behind."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
import uuid

import psutil

from tests.patience import PATIENCE

MARK = "CLI_TEST_MARK"
COMMAND = (sys.executable, "-m", "mjvideo_nb.cli")
LAST_WORDS = 10
"""Seconds for them, where others that came of it may hold its output open."""
TRACES = ("Traceback", "Exception ignored", "Error in atexit")


class Command:
    """A running command.

    Args:
        arguments: as on the command line, without the program's name.
        folder: the working folder.
        env: further environment variables.
        path: where modules are looked for first.
        terminal: the other end of a pseudo-terminal for standard error, if it is to be one.

    """

    def __init__(self, *arguments, folder, env=None, path=(), command=COMMAND, terminal=None):
        self.mark = uuid.uuid4().hex
        environment = {**os.environ, MARK: self.mark, "PYTHONFAULTHANDLER": "1", **(env or {})}
        if path:
            environment["PYTHONPATH"] = os.pathsep.join(map(str, path))
        self.process = subprocess.Popen(
            [*command, *map(str, arguments)],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if terminal is None else terminal,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # a group of its own, as a shell gives to each command
        )
        self._lines = {"out": [], "err": []}
        self._news = queue.SimpleQueue()
        self._seen = 0
        streams = {"out": self.process.stdout, "err": self.process.stderr}
        self._readers = [
            threading.Thread(target=self._read, args=(name, stream), daemon=True)
            for name, stream in streams.items()
            if stream is not None
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, name, stream):
        with stream:
            for line in stream:
                self._lines[name].append(line)
                self._news.put(line)
        self._news.put(None)

    @property
    def out(self):
        return "".join(self._lines["out"])

    @property
    def err(self):
        return "".join(self._lines["err"])

    def line(self, pattern, patience=PATIENCE):
        """The match in the next line of either stream that has one."""
        deadline = time.monotonic() + patience
        while True:
            try:
                line = self._news.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                line = None
            if line is None:
                raise AssertionError(f"no line like {pattern!r} came:\n{self.out}\n{self.err}")
            found = re.search(pattern, line)
            if found:
                return found

    def signal(self, number=signal.SIGINT, *, group=False):
        """To the process alone, or to its group as a terminal does."""
        if group:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)

    def end(self, patience=PATIENCE):
        """Wait for its end; the exit status. Nothing it says may be a traceback."""
        try:
            status = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)  # it writes where it is
            self.process.wait()
            for reader in self._readers:
                reader.join(LAST_WORDS)
            raise AssertionError(f"it has not ended after {patience} s:\n{self.out}\n{self.err}") from None
        for reader in self._readers:
            reader.join(patience)
        for trace in TRACES:
            assert trace not in self.err, self.err
        return status

    def offspring(self):
        """Every process that came of this command, also one that has lost its parent: known by its environment."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:  # gone, or somebody else's
                continue
        return found

    def runs(self, *words):
        """The processes that came of it whose command line has all these words."""
        return [process for process in self.offspring() if set(words) <= set(command_line(process))]

    def left_behind(self, patience=PATIENCE):
        """The command lines of those that are there for longer than an end takes."""
        _, alive = psutil.wait_procs(self.offspring(), timeout=patience)
        return [" ".join(command_line(process)) for process in alive]

    def kill(self):
        """End it and all that came of it."""
        for process in self.offspring():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait()


def command_line(process):
    """Its words; none where it has ended meanwhile."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []
