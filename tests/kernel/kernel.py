"""A real kernel and what a front end does with it: all cells sent at once, presses on buttons, an interrupt, a restart."""

from __future__ import annotations

import os
import queue
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from jupyter_client import KernelManager

from tests.patience import PATIENCE

PROJECT = Path(__file__).parents[2]


@dataclass
class Cell:
    """One run of a cell.

    Attributes:
        status: ok, error, aborted, or lost: no answer came in all the time of `PATIENCE`.
        text: what it printed, and its last line as text.
        error: the name of its exception and what that says, or "".
        warned: what it wrote to standard error.
        mimes: what it showed, by MIME type.

    """

    status: str = "lost"
    text: str = ""
    error: str = ""
    warned: str = ""
    mimes: list[dict[str, Any]] = field(default_factory=list)
    idle: bool = False
    replied: bool = False

    @property
    def over(self) -> bool:
        return self.idle and self.replied


def send(client: Any, code: str, *, name: str = "", stop_on_error: bool = True) -> str:
    """Put a cell into the queue of the kernel that a client is of, as JupyterLab does; see `Kernel.send`."""
    content = {
        "code": code,
        "silent": False,
        "store_history": True,
        "user_expressions": {},
        "allow_stdin": False,
        "stop_on_error": stop_on_error,
    }
    message = client.session.msg("execute_request", content, metadata={"cellId": name} if name else {})
    client.shell_channel.send(message)
    return message["header"]["msg_id"]


@contextmanager
def managed(folder: Path, env: dict[str, str]) -> Iterator[KernelManager]:
    """A kernel of this interpreter that works in the folder; ended in the end.

    It is spoken to by files: the number of a port is chosen before the kernel has it, and meanwhile another kernel, or any
    connection, may take it.
    """
    with tempfile.TemporaryDirectory(prefix="mj-") as place:  # short, because the path of such a file has to be
        manager = KernelManager(kernel_name="python3", transport="ipc", ip=f"{place}/kernel")
        manager.start_kernel(cwd=str(folder), env=env)
        try:
            yield manager
        finally:
            manager.shutdown_kernel(now=True)
            manager.cleanup_resources()


class Kernel:
    """A kernel of this interpreter, with what is open in it.

    Args:
        folder: where it works.
        env: what its environment has beside this one's.

    """

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self._folder = folder
        path = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH", "")]))
        self._env = {**os.environ, "PYTHONPATH": path, "JUPYTER_PLATFORM_DIRS": "1", **env}
        self._open = ExitStack()
        self.stages: list[str] = []
        self._answers: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            self._manager = opened.enter_context(managed(self._folder, self._env))
            self._connect()
            opened.callback(self._disconnect)
            self._open = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _connect(self) -> None:
        self._client = self._manager.blocking_client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=PATIENCE)
        self.stages.clear()
        self._answers.clear()

    def _disconnect(self) -> None:
        self._client.stop_channels()

    def restart(self) -> None:
        """As the button does."""
        self._disconnect()
        self._manager.restart_kernel(now=True)
        self._connect()

    def interrupt(self) -> None:
        """As the button does."""
        self._manager.interrupt_kernel()

    # Cells

    def send(self, code: str, *, name: str = "", stop_on_error: bool = True) -> str:
        """Put a cell into the queue; its message's id. `name` is the cell's own id, as JupyterLab says it."""
        return send(self._client, code, name=name, stop_on_error=stop_on_error)

    def run_all(self, *codes: str, stop_on_error: bool = True, patience: float = PATIENCE) -> list[Cell]:
        """As Run All does: every cell is sent before the first has ended."""
        return self.wait(*(self.send(code, stop_on_error=stop_on_error) for code in codes), patience=patience)

    def run(self, code: str, *, name: str = "") -> Cell:
        """One cell."""
        return self.wait(self.send(code, name=name))[0]

    def wait(self, *ids: str, until: str = "", patience: float = PATIENCE) -> list[Cell]:
        """What became of these cells. With `until`, back as soon as one of them has printed that."""
        cells = {each: Cell() for each in ids}
        end = time.monotonic() + patience
        while not all(cell.over for cell in cells.values()) and time.monotonic() < end:
            if until and any(until in cell.text for cell in cells.values()):
                break
            self._shell(cells)
            self._iopub(cells)
        return list(cells.values())

    def _shell(self, cells: dict[str, Cell]) -> None:
        try:
            while True:
                message = self._client.get_shell_msg(timeout=0)
                cell = cells.get(message["parent_header"].get("msg_id", ""))
                if cell:
                    cell.replied, cell.status = True, message["content"]["status"]
        except queue.Empty:
            return

    def _iopub(self, cells: dict[str, Cell]) -> None:
        try:
            message = self._client.get_iopub_msg(timeout=0.05)
        except queue.Empty:
            return
        kind, content = message["msg_type"], message["content"]
        cell = cells.get(message["parent_header"].get("msg_id", ""), Cell())
        if kind == "stream":
            if content["name"] == "stderr":
                cell.warned += content["text"]
            else:
                cell.text += content["text"]
        elif kind in {"execute_result", "display_data"}:
            cell.mimes.append(content["data"])
            cell.text += content["data"].get("text/plain", "")
        elif kind == "error":
            cell.error = f"{content['ename']}: {content['evalue']}"
        elif kind == "comm_msg" and content["data"].get("method") == "custom":
            answer = content["data"]["content"]
            if answer.get("kind") == "anywidget-command-response":
                self._answers[answer["id"]] = answer["response"]
        elif kind == "status" and content["execution_state"] == "idle":
            cell.idle = True
        elif kind == "comm_open" and "card" in content["data"].get("state", {}):
            self.stages.append(content["comm_id"])

    # Presses

    def subshell(self) -> str | None:
        """A subshell, in which JupyterLab has messages of widgets handled where the kernel has any."""
        if "kernel subshells" not in self._info().get("supported_features", []):
            return None
        message = self._client.session.msg("create_subshell_request", {})
        self._client.control_channel.send(message)
        while True:
            answer = self._client.get_control_msg(timeout=PATIENCE)
            if answer["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                return str(answer["content"]["subshell_id"])

    def _info(self) -> dict[str, Any]:
        asked = self._client.kernel_info()
        while True:
            answer = self._client.get_shell_msg(timeout=PATIENCE)
            if answer["parent_header"].get("msg_id") == asked:
                return dict(answer["content"])

    def press(self, stage: str, name: str, message: dict[str, Any], *, subshell: str | None = None) -> None:
        """A press on a button of a card."""
        content = {"kind": "anywidget-command", "id": name, "name": name, "msg": message}
        asked = self._client.session.msg(
            "comm_msg", {"comm_id": stage, "data": {"method": "custom", "content": content}}
        )
        if subshell:
            asked["header"]["subshell_id"] = subshell
        self._client.shell_channel.send(asked)

    def answer(self, name: str) -> dict[str, Any]:
        """What was answered to a press."""
        end = time.monotonic() + PATIENCE
        while name not in self._answers and time.monotonic() < end:
            self._iopub({})
        return self._answers.pop(name)

    def complete(self, code: str) -> list[str]:
        """What Tab offers at the end of this."""
        asked = self._client.complete(code, len(code))
        while True:
            answer = self._client.get_shell_msg(timeout=PATIENCE)
            if answer["parent_header"].get("msg_id") == asked:
                return list(answer["content"]["matches"])
