"""Start the sandbox as a process of its own, and be sure that it goes when its starter goes.

Needs the standard library only: whoever lacks the packages of the extra can still be told so.
"""

import atexit
import importlib.util
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, Self

GOODBYE = 3.0
"""Seconds that a process gets to end by itself."""
TAIL = 2000
"""Characters of its log that an error quotes."""


class SandboxError(RuntimeError):
    """The sandbox could not be started; the message says why and what to do."""


def missing() -> list[str]:
    """The packages of the extra `sandbox` that are not installed, by the names they are installed under."""
    packages = {"av": "av", "PIL": "pillow", "starlette": "starlette", "uvicorn": "uvicorn"}
    return [package for module, package in packages.items() if importlib.util.find_spec(module) is None]


class SandboxProcess:
    """A running sandbox, a process of its own.

        with SandboxProcess.start(seconds=0) as sandbox:
            ...  # the service is at sandbox.url

    It ends with `stop`, at the end of a `with`, and when the process that started it ends, however that happens.
    """

    def __init__(self, process: "subprocess.Popen[str]", url: str, log: IO[bytes]) -> None:
        self._process = process
        self._url = url
        self._log = log
        self._owner = os.getpid()
        self._lock = threading.Lock()
        atexit.register(self.stop)

    @classmethod
    def start(
        cls,
        *,
        port: int = 0,
        seconds: float | None = None,
        store: str | os.PathLike[str] | None = None,
        clips: str | os.PathLike[str] | None = None,
        faults: Iterable[str] = (),
        render: bool = True,
        max_list: int | None = None,
        timeout: float = 60.0,
    ) -> "SandboxProcess":
        """Start a sandbox and wait until it answers.

        Args:
            port: on 127.0.0.1; 0 takes any that is free.
            seconds: the nominal time of a task from submit to SUCCESS; 0 is as fast as rendering goes; None is the default.
            store: folder for its tasks; None is one in the user's cache, shared by all sandboxes.
            clips: folder for finished clips, which any number of sandboxes may share so that none is rendered twice; None
                is the one that the environment names, if it does.
            faults: names of faults as the command line takes them, e.g. `"http-429*2"`.
            render: False goes by the clock alone, for thousands of tasks: nothing is rendered or kept for a task, and all
                clips are one ready-made MP4.
            max_list: refuse a list of more ids than this.
            timeout: seconds to wait for it to be ready.

        Raises:
            SandboxError: packages are missing, the port is taken, a fault is not known, or it is not ready in time.
        """
        lacking = missing()
        if lacking:
            raise SandboxError(
                f'The sandbox needs {", ".join(lacking)}. Install it with: pip install "mjvideo-nb[sandbox]"'
            )
        # -P: a file named like a module in the user's folder must not be taken for it.
        command = [sys.executable, "-P", "-m", "mjvideo_nb.sandbox", "--parent", "--port", str(port)]
        if seconds is not None:
            command += ["--seconds", str(seconds)]
        if store is not None:
            command += ["--store", os.fspath(Path(store).absolute())]
        if clips is not None:
            command += ["--clips", os.fspath(Path(clips).absolute())]
        for fault in faults:
            command += ["--fault", fault]
        if not render:
            command.append("--no-render")
        if max_list is not None:
            command += ["--max-list", str(max_list)]
        # A file takes whatever is logged: a pipe that nobody reads would stop the process when it is full.
        log = tempfile.TemporaryFile()  # noqa: SIM115 - open for as long as the process runs
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            encoding="utf-8",
            # Away from the signals of the group: interrupting a cell must not end the service.
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        try:
            url = _first_line(process, timeout)
        except BaseException:  # an interrupt: nobody would know of this process any more
            _end(process, 0)
            log.close()
            raise
        if url is None:
            with log:
                raise SandboxError(_what_went_wrong(process, log, timeout))
        return cls(process, url, log)

    @property
    def url(self) -> str:
        """The base URL, without a slash at the end."""
        return self._url

    @property
    def pid(self) -> int:
        """The id of its process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        with self._lock:
            return self._process.poll() is None

    def stop(self) -> None:
        """End it, and what it renders; does nothing when it has ended."""
        if os.getpid() != self._owner:
            return  # a fork of the process that started it: the sandbox is not its own
        with self._lock:
            _end(self._process, GOODBYE)
            self._log.close()
        atexit.unregister(self.stop)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<SandboxProcess {self._url} {'running' if self.alive else 'ended'}>"


def _first_line(process: "subprocess.Popen[str]", timeout: float) -> str | None:
    """The URL out of the line that says that it is ready; None when there is none in time, and the process is ended."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    output = process.stdout

    def read() -> None:
        lines.put(output.readline() if output else "")

    reader = threading.Thread(target=read, name="sandbox-ready", daemon=True)
    reader.start()
    try:
        line = lines.get(timeout=timeout)
        if line:
            url: str = json.loads(line)["url"]
            return url
        process.wait(GOODBYE)  # its output is closed: it is ending by itself
    except (queue.Empty, subprocess.TimeoutExpired):
        process.kill()
        process.wait()
    reader.join()
    _end(process, 0)
    return None


def _what_went_wrong(process: "subprocess.Popen[str]", log: IO[bytes], timeout: float) -> str:
    log.seek(0)
    said = log.read().decode("utf-8", "replace").strip()[-TAIL:]
    ended = process.returncode is not None and process.returncode >= 0
    what = f"ended with status {process.returncode}" if ended else f"was not ready within {timeout:g} seconds"
    remedy = "" if ended else " Try again with a longer timeout."
    return f"The sandbox {what}.{remedy} It said: {said or '(nothing)'}"


def _end(process: "subprocess.Popen[str]", patience: float) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
