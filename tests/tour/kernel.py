"""A notebook run in a real kernel as JupyterLab's Run All does it: every cell is asked for before the first has ended."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty

import nbformat

from tests.kernel.kernel import managed, send
from tests.patience import PATIENCE

WIDGET = "application/vnd.jupyter.widget-view+json"
LOOK = 1.0


@dataclass
class Ran:
    """A code cell and what came of it, as a browser would show it.

    Outputs are told by kind: "view" (a live view with the record beside it), "text", "table" (HTML), "picture", "printed".
    `progress` is what cards showed while it ran, in per cent.
    """

    id: str
    source: str
    outputs: list = field(default_factory=list)
    progress: list = field(default_factory=list)
    status: str = ""

    @property
    def kinds(self):
        kinds = [_kind(output) for output in self.outputs]
        told = []
        for kind in kinds:
            if kind == "printed" and told[-1:] == ["printed"]:
                continue  # pieces of one text
            if kind == "table" and told[-1:] == ["widget"]:
                told[-1] = "view"
            else:
                told.append(kind)
        return told

    @property
    def text(self):
        """All that it says to somebody who sees no pictures."""
        return "".join(
            output.get("text") or output.get("data", {}).get("text/plain") or "\n".join(output.get("traceback", []))
            for output in self.outputs
        )


def _kind(output):
    if "ename" in output:
        return f"{output['ename']}: {output['evalue']}"
    if "text" in output:
        return {"stdout": "printed"}.get(output["name"], f"{output['name']}: {output['text']}")
    for media_type, kind in ((WIDGET, "widget"), ("image/png", "picture"), ("text/html", "table")):
        if media_type in output["data"]:
            return kind
    return "text"


def run_all(path, *, env):
    """Send all code cells of a notebook at once; what came of each, and the seconds from the first to the last."""
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    with _kernel(path.parent, env) as client:
        began = time.monotonic()
        ran = {}
        for cell in cells:
            ran[send(client, cell.source, name=cell.id)] = Ran(cell.id, cell.source)
        _collect(client, ran)
        return list(ran.values()), time.monotonic() - began


@contextmanager
def _kernel(folder, env):
    with managed(folder, env) as manager:
        client = manager.client()
        client.start_channels()
        try:
            client.wait_for_ready(timeout=PATIENCE)
            yield client
        finally:
            client.stop_channels()
            manager.shutdown_kernel()


def _collect(client, ran):
    deadline = time.monotonic() + PATIENCE
    shown = {}
    idle = set()
    while len(idle) < len(ran):
        busy = next(cell for name, cell in ran.items() if name not in idle)
        assert time.monotonic() < deadline, f"still busy with:\n{busy.source}\nwhich has said so far:\n{busy.text}"
        try:
            message = client.get_iopub_msg(timeout=LOOK)
        except Empty:
            continue
        parent, content = message["parent_header"].get("msg_id"), message["content"]
        name = content.get("transient", {}).get("display_id")
        match message["msg_type"]:
            case "status" if content["execution_state"] == "idle" and parent in ran:
                idle.add(parent)
                deadline = time.monotonic() + PATIENCE
            case "comm_msg" if "card" in content["data"].get("state", {}):
                busy.progress.append(content["data"]["state"]["card"]["progress"])
            case "display_data" | "update_display_data" if name:
                for output in shown.get(name, []):
                    output["data"] = content["data"]  # as JupyterLab does with both
        match message["msg_type"]:
            case "display_data" | "execute_result" | "stream" | "error" if parent in ran:
                ran[parent].outputs.append(content)
                shown.setdefault(name, []).append(content)
    while not all(cell.status for cell in ran.values()):
        reply = client.get_shell_msg(timeout=PATIENCE)
        cell = ran.get(reply["parent_header"]["msg_id"])
        if cell:
            cell.status = reply["content"]["status"]
