"""What a kernel does to jobs: presses while cells run, an interrupt, a restart."""

from __future__ import annotations

import importlib.metadata

import pytest

from tests.patience import PATIENCE

VERSION = tuple(int(each) for each in importlib.metadata.version("ipykernel").split(".")[:2])

MAKE = f"""
import asyncio, time
import mjvideo_nb as mj
from mjvideo_nb.notebook.session import current
job = mj.video("coffee.jpg", prompt="steam", extra={{"batchSize": 1}})
job.wait({PATIENCE})
job
"""
MADE = "len(current().library.shelf.search(mj.Query())[0])"
PLAIN = f"""
print("running")
end = time.monotonic() + SECONDS
while {MADE} < 2 and time.monotonic() < end:
    time.sleep(0.02)
print({MADE})
"""
AWAIT = PLAIN.replace("time.sleep", "await asyncio.sleep")
# Where a press waits for the cell, the cell must not wait for the press.
PLAIN_WITHOUT = "print('running')\nmj.video('coffee.jpg', prompt='meanwhile', extra={'batchSize': 1}).wait()"
AWAIT_WITHOUT = "print('running')\nawait mj.video('coffee.jpg', prompt='meanwhile', extra={'batchSize': 1})"
RUN = "print('running')\nmj.run(mj.video('coffee.jpg', prompt='meanwhile', extra={'batchSize': 1}))"
EXTENDED = f"""
for entry in current().library.shelf.search(mj.Query())[0]:
    if entry.request.action == "extend":
        print(current().jobs.get(entry.id).wait({PATIENCE}).succeeded)
"""


def pressed_while(kernel, stage, code, *, subshell=None):
    """Run a cell, and press Extend on this card while it runs; the cell, and what was answered."""
    cell = kernel.send(code)
    assert "running" in kernel.wait(cell, until="running")[0].text
    kernel.press(stage, "extend", {"index": 0, "motion": "high"}, subshell=subshell)
    return kernel.wait(cell)[0], kernel.answer("extend")


def test_a_press_while_a_cell_runs_makes_its_job(kernel, submits):
    assert kernel.run(MAKE).status == "ok"
    stage = kernel.stages[-1]
    for code in (PLAIN_WITHOUT, AWAIT_WITHOUT, RUN):
        cell, answer = pressed_while(kernel, stage, code)
        assert (cell.status, answer) == ("ok", {"ok": True}), code
    assert kernel.run(EXTENDED).text == "True\n" * 3
    assert submits() == 1 + 3 * 2


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
    assert kernel.run(MAKE).status == "ok"
    seconds = str(PATIENCE) if meanwhile else "0.5"
    stage, subshell = kernel.stages[-1], kernel.subshell()
    cell, answer = pressed_while(kernel, stage, code.replace("SECONDS", seconds), subshell=subshell)
    assert (cell.status, answer) == ("ok", {"ok": True})
    assert cell.text.split()[-1] == "2" or not meanwhile
    assert kernel.run(EXTENDED).text == "True\n"
    assert submits() == 2


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


def test_an_interrupt_ends_the_waiting_and_not_the_job(kernel, submits, sandbox):
    sandbox.hold(0.5)  # so that the job runs until it is let go
    assert kernel.run(BEGIN).status == "ok"
    for way, code in WAITS.items():
        cell = kernel.send(code)
        kernel.wait(cell, until="running")
        kernel.interrupt()
        (ended,) = kernel.wait(cell)
        assert ended.status == "error", way
        assert ended.error.partition(":")[0] in {"KeyboardInterrupt", "CancelledError"}, way
    sandbox.release()
    after = kernel.run(f"print(job.wait({PATIENCE}).succeeded, (await job).succeeded, mj.run(job).succeeded)")
    assert after.text == "True True True\n"
    assert submits() == 1


def test_a_restart_pays_nothing_twice(kernel, submits):
    make = "import mjvideo_nb as mj\njob = mj.video('coffee.jpg', prompt='steam', extra={'batchSize': 1})\njob"
    kernel.run(make, name="a-cell")
    first = kernel.run(f"print(job.wait({PATIENCE}).id)")
    kernel.restart()
    kernel.run(make, name="a-cell")
    again = kernel.run(f"print(job.wait({PATIENCE}).id)")
    assert first.text == again.text != ""
    assert submits() == 1


def test_a_restart_in_the_middle_goes_on(kernel, submits, sandbox):
    sandbox.hold(0.5)
    kernel.run(
        "import mjvideo_nb as mj, time\n"
        "job = mj.video('coffee.jpg', prompt='steam', extra={'batchSize': 1})\n"
        "while not job.id: time.sleep(0.01)",
        name="a-cell",
    )
    kernel.restart()
    sandbox.release()
    kernel.run(
        "import mjvideo_nb as mj\njob = mj.video('coffee.jpg', prompt='steam', extra={'batchSize': 1})", name="a-cell"
    )
    assert kernel.run(f"print(job.wait({PATIENCE}).succeeded)").text == "True\n"
    assert submits() == 1
