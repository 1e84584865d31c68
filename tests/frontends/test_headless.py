"""Without a browser: a notebook is executed by a program, waits for its job, and holds the finished record afterwards."""

from __future__ import annotations

import subprocess
import sys

import nbformat
import pytest

from tests.patience import PATIENCE

CELLS = [
    'prompt = "steam rises slowly"',
    "import mjvideo_nb as mj",
    'job = mj.video("coffee.jpg", prompt=prompt)\njob',
    "len(job.wait(timeout=240).clips)",
]
PAPERMILL = ["papermill", "job.ipynb", "done.ipynb", "-p", "prompt", "the spoon turns once"]
EXECUTE = ["jupyter", "execute", "job.ipynb", "--output=done.ipynb"]
CONVERT = ["jupyter", "nbconvert", "--to=notebook", "--execute", "job.ipynb", "--output=done.ipynb"]


@pytest.mark.parametrize("words", [EXECUTE, CONVERT, PAPERMILL], ids=["nbclient", "nbconvert", "papermill"])
def test_a_job_is_waited_for_and_leaves_its_record(words, folder, surroundings):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    notebook.cells[0].metadata.tags = ["parameters"]
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, folder / "job.ipynb")

    run(words, folder, surroundings)

    done = nbformat.read(folder / "done.ipynb", as_version=4)
    *_, card, waited = [cell for cell in done.cells if cell.cell_type == "code"]
    assert waited.outputs[0].data["text/plain"] == "4"
    [record] = [output.data["text/html"] for output in card.outputs if "text/html" in output.data]
    told = "the spoon turns once" if words is PAPERMILL else "steam rises slowly"
    assert told in record
    assert record.count('<video src="mjvideo/clips/') == 4
    assert "In progress" not in record

    run(["jupyter", "nbconvert", "--to=html", "done.ipynb"], folder, surroundings)
    assert (folder / "done.html").read_text(encoding="utf-8").count(' src="mjvideo/clips/') == 4


def run(words, folder, surroundings):
    name, *options = words
    ran = subprocess.run(  # noqa: PLW1510 - checked below, with what it said
        [sys.executable, "-m", name, *options],
        cwd=folder,
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert ran.returncode == 0, ran.stderr
