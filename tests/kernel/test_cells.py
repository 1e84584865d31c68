"""What a kernel does to jobs: presses while cells run, an interrupt, a restart."""

from __future__ import annotations

import importlib.metadata
import time

import pytest

from .kernel import PATIENCE

VERSION = tuple(int(each) for each in importlib.metadata.version("ipykernel").split(".")[:2])

MAKE = """
import asyncio, time
import mjvideo_nb as mj
from mjvideo_nb.notebook.session import current
job = mj.video("coffee.jpg", prompt="steam", extra={"batchSize": 1})
job.wait(60)
job
"""
MADE = "len(current().library.shelf.search(mj.Query())[0])"
PLAIN = f"""
print("running")
end = time.monotonic() + PATIENCE
while {MADE} < 2 and time.monotonic() < end:
    time.sleep(0.02)
print({MADE})
"""
AWAIT = PLAIN.replace("time.sleep", "await asyncio.sleep")
# Where a press waits for the cell, the cell must not wait for the press.
PLAIN_WITHOUT = "print('running')\nmj.video('coffee.jpg', prompt='meanwhile', extra={'batchSize': 1}).wait()"
AWAIT_WITHOUT = "print('running')\nawait mj.video('coffee.jpg', prompt='meanwhile', extra={'batchSize': 1})"
RUN = "print('running')\nmj.run(mj.video('coffee.jpg', prompt='meanwhile', extra={'batchSize': 1}))"
EXTENDED = """
one = next(entry for entry in current().library.shelf.search(mj.Query())[0] if entry.request.action == "extend")
print(current().jobs.get(one.id).wait(60).succeeded)
"""


def pressed_while(kernel, code, *, subshell=None):
    """Run a cell, and press Extend on the card of the job while it runs; the cell, and what was answered."""
    stage = kernel.stages[-1]
    cell = kernel.send(code)
    assert "running" in kernel.wait(cell, until="running")[0].text
    kernel.press(stage, "extend", {"index": 0, "motion": "high"}, subshell=subshell)
    return kernel.wait(cell)[0], kernel.answer("extend")


@pytest.mark.parametrize("code", [PLAIN_WITHOUT, AWAIT_WITHOUT, RUN], ids=["plain", "await", "run"])
def test_a_press_while_a_cell_runs_makes_its_job(kernel, submits, code):
    before = submits()
    assert kernel.run(MAKE).status == "ok"
    cell, answer = pressed_while(kernel, code)
    assert (cell.status, answer) == ("ok", {"ok": True})
    assert kernel.run(EXTENDED).text == "True\n"
    assert submits() - before == 3


@pytest.mark.parametrize(
    ("code", "meanwhile"),
    [
        # From 7.4 on, what is pressed goes to the shell that has shown the card, whatever subshell the press names.
        pytest.param(PLAIN, (7, 0) <= VERSION < (7, 4), id="plain"),
        pytest.param(AWAIT, VERSION >= (7, 0), id="await"),
    ],
)
def test_a_press_as_jupyterlab_sends_it_is_seen_to_while_the_cell_runs_where_the_kernel_can(
    kernel, submits, code, meanwhile
):
    """JupyterLab names a subshell, where the kernel has any. Where a press has to wait for the cell, it does, and is not lost."""
    before = submits()
    assert kernel.run(MAKE).status == "ok"
    cell, answer = pressed_while(
        kernel, code.replace("PATIENCE", "30" if meanwhile else "0.5"), subshell=kernel.subshell()
    )
    assert (cell.status, answer) == ("ok", {"ok": True})
    assert cell.text.split()[-1] == "2" or not meanwhile
    assert kernel.run(EXTENDED).text == "True\n"
    assert submits() - before == 2


WAITS = {
    "plain": "print('running')\njob.wait()",
    "await": "print('running')\nawait job",
    "run": "print('running')\nmj.run(job)",
    "run in an await cell": "await asyncio.sleep(0)\nprint('running')\nmj.run(job)",
    "asyncio.run in run": "async def main():\n    print('running')\n    await job\nmj.run(main())",
}
BEGIN = """
import asyncio
import mjvideo_nb as mj
job = mj.video("coffee.jpg", prompt="steam", extra={"batchSize": 1})
"""


@pytest.mark.parametrize("code", WAITS.values(), ids=WAITS.keys())
def test_an_interrupt_ends_the_waiting_and_not_the_job(kernel, submits, misbehave, code):
    misbehave({"name": "http-503", "routes": ["fetch", "list"]})  # so that the job runs until it is let go
    before = submits()
    assert kernel.run(BEGIN).status == "ok"
    begun = time.monotonic()
    cell = kernel.send(code)
    kernel.wait(cell, until="running")
    kernel.interrupt()
    (ended,) = kernel.wait(cell)
    assert ended.status == "error"
    assert ended.error.partition(":")[0] in {"KeyboardInterrupt", "CancelledError"}
    assert time.monotonic() - begun < PATIENCE / 2
    misbehave()
    after = kernel.run("print(job.wait(60).succeeded, (await job).succeeded, mj.run(job).succeeded)")
    assert after.text == "True True True\n"
    assert submits() - before == 1


def test_a_restart_pays_nothing_twice(kernel, submits):
    make = "import mjvideo_nb as mj\njob = mj.video('coffee.jpg', prompt='steam', extra={'batchSize': 1})\njob"
    before = submits()
    kernel.run(make, name="a-cell")
    first = kernel.run("print(job.wait(60).id)")
    kernel.restart()
    kernel.run(make, name="a-cell")
    again = kernel.run("print(job.wait(60).id)")
    assert first.text == again.text != ""
    assert submits() - before == 1


def test_a_restart_in_the_middle_goes_on(kernel, submits):
    before = submits()
    kernel.run(
        "import mjvideo_nb as mj, time\n"
        "job = mj.video('coffee.jpg', prompt='steam', extra={'batchSize': 1})\n"
        "while not job.id: time.sleep(0.01)",
        name="a-cell",
    )
    kernel.restart()
    kernel.run(
        "import mjvideo_nb as mj\njob = mj.video('coffee.jpg', prompt='steam', extra={'batchSize': 1})", name="a-cell"
    )
    assert kernel.run("print(job.wait(60).succeeded)").text == "True\n"
    assert submits() - before == 1
