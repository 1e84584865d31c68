"""Run All: cells that wait behind a loop which is entered again are neither lost nor overtaken."""

from __future__ import annotations

import importlib.metadata

import pytest

from .kernel import Kernel

RUNS = 20
IPYKERNEL = int(importlib.metadata.version("ipykernel").partition(".")[0])

BEGIN = "import asyncio\nimport mjvideo_nb as mj\nasync def later(word):\n    await asyncio.sleep(0.1)\n    return word"
RESTORED = """
coroutine = later("refused")
try:
    asyncio.run(coroutine)
except RuntimeError as error:
    coroutine.close()
    print(error)
"""


@pytest.mark.default_cases(3)
@pytest.mark.parametrize("run", range(RUNS))
def test_no_cell_is_lost_by_run(run, tmp_path):
    """`asyncio.run` in a queued cell, with `mj.run` before it: as if that had not been; and once more where somebody has
    applied nest-asyncio2 himself, which makes it work."""
    with Kernel(tmp_path, {}) as kernel:
        cells = kernel.run_all(
            BEGIN,
            "print(mj.run(later('first')))",
            RESTORED,
            "print('after the refused')",
            "print(await later('awaited'))",
            "print(mj.run(later('second')))",
            "import nest_asyncio2\nnest_asyncio2.apply()\nprint(asyncio.run(later('applied')))",
            "print('after the applied')",
            "print(mj.run(later('third')))",
            "print(asyncio.run(later('still applied')))",
            "print('last')",
        )
    assert [cell.status for cell in cells] == ["ok"] * len(cells)
    assert [cell.text.strip() for cell in cells] == [
        "",
        "first",
        "asyncio.run() cannot be called from a running event loop",
        "after the refused",
        "awaited",
        "second",
        "applied",
        "after the applied",
        "third",
        "still applied",
        "last",
    ]


def test_an_error_in_a_queued_cell_stops_those_behind_it_and_no_more(tmp_path):
    """As ever: where `asyncio.run` is refused, Jupyter does not go on to what waits; asked anew, all of it runs."""
    with Kernel(tmp_path, {}) as kernel:
        cells = kernel.run_all(BEGIN, "mj.run(later('first'))", "asyncio.run(later('refused'))", "print('behind')")
        assert [cell.status for cell in cells] == ["ok", "ok", "error", "aborted"]
        assert kernel.run("print(mj.run(later('again')))").text == "again\n"


def test_jobs_and_clients_are_run_among_queued_cells(kernel):
    cells = kernel.run_all(
        "import mjvideo_nb as mj\nrequest = mj.VideoRequest(image='coffee.jpg', extra={'batchSize': 1})",
        "client = mj.Client()\ntask = mj.run(client.submit(request))",
        "task = mj.run(client.wait(task))\nprint(len(task.clips))",
        "job = mj.open(task.id)\nprint(mj.run(job).id == task.id)",
        "print((await job).id == task.id, job.wait().id == task.id)",
        "mj.run(client.close())\nprint('last')",
    )
    assert [(cell.status, cell.error) for cell in cells] == [("ok", "")] * len(cells)
    assert [cell.text for cell in cells] == ["", "", "1\n", "True\n", "True True\n", "last\n"]


OLD = "import nest_asyncio\nnest_asyncio.apply()"


def test_where_the_archived_one_is_active_run_loses_none_and_says_what_to_do(tmp_path):
    with Kernel(tmp_path, {}) as kernel:
        kernel.run(f"{BEGIN}\n{OLD}")
        cells = kernel.run_all(*(f"print(mj.run(later('{name}')))" for name in "abcdef"))
    assert [cell.status for cell in cells] == ["ok"] * 6
    assert [cell.text.strip() for cell in cells] == list("abcdef")
    said = ["pip install nest-asyncio2" in cell.warned for cell in cells]
    assert said == [IPYKERNEL >= 7] * 6
