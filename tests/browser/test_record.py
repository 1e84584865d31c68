"""The record beside a live view: what is seen of a job where no kernel runs, and how little a view leaves behind."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest
from playwright.sync_api import expect

from tests.patience import PATIENCE

from .notebook import in_both_hosts

PHOTO = Path(__file__).parents[2] / "notebooks" / "coffee.jpg"
HTML = "<img src=x onerror=\"document.title='run'\"> & <b>bold</b>"
MAKE = f"import mjvideo_nb as mj\njob = mj.video('coffee.jpg', prompt={HTML!r}, motion='high')\njob"
WIDGET = "application/vnd.jupyter.widget-view+json"
MODELS = """() => [...window.jupyterapp.shell.widgets('main')].find(panel => panel.sessionContext)
    .sessionContext.session.kernel._comms.size"""
PLAYS = "record => [...record.querySelectorAll('video')].some(v => v.currentTime > 0.2 && v.videoWidth === 768)"


def outputs(notebook, cell=0):
    return json.loads(notebook.saved_text())["cells"][cell]["outputs"]


@in_both_hosts
def test_the_record_is_seen_when_the_live_view_is_not(notebooks):
    notebook = notebooks.new([MAKE, "job.wait(240).status"], files=[PHOTO]).open()
    notebook.run_all()
    notebook.wait_idle()
    cell = notebook.cell(0)
    expect(cell.locator(".mj-card video")).to_have_count(4)
    expect(cell.locator(".mj-card")).to_be_visible()
    record = cell.locator(".mj-record")
    expect(record).to_be_hidden()
    notebook.screenshot(f"record-live-{notebooks.host}")
    notebook.save()
    assert len(json.dumps(outputs(notebook))) < 60_000
    assert "widgets" not in json.loads(notebook.saved_text())["metadata"]

    # Tomorrow, with a kernel that knows nothing of it.
    notebook.reopen()
    expect(record).to_be_visible()
    expect(cell.get_by_text(HTML)).to_be_visible()
    assert cell.locator(".jp-OutputArea-child").first.is_hidden(), "a line about a missing model is seen"
    play_the_first(notebook, record)
    notebook.screenshot(f"record-reopened-{notebooks.host}")
    notebook.theme(dark=True)
    notebook.screenshot(f"record-dark-{notebooks.host}")
    notebook.theme(dark=False)

    page_made_by_nbconvert(notebook)

    # From somebody else: changed by another program, and so not trusted.
    content = nbformat.read(notebook.path, as_version=4)
    content.cells.append(nbformat.v4.new_code_cell("'from a mail'"))
    nbformat.write(content, notebook.folder / "mailed.ipynb")
    other = notebooks.existing(notebook.folder / "mailed.ipynb")
    (other.folder / "mjvideo").symlink_to(notebook.folder / "mjvideo")
    other.open()
    record = other.cell(0).locator(".mj-record")
    expect(record).to_be_visible()
    expect(other.cell(0).get_by_text(HTML)).to_be_visible()
    expect(record.locator("style")).to_have_count(0)
    other.screenshot(f"record-untrusted-{notebooks.host}")
    play_the_first(other, record)
    other.resize(420, 900)
    other.screenshot(f"record-untrusted-{notebooks.host}-420")
    assert other.page.title() != "run"
    assert other.console_errors == []


def play_the_first(notebook, record):
    expect(record.locator("video")).to_have_count(4)
    assert record.locator("img").first.evaluate("image => image.complete && image.naturalWidth > 100")
    record.locator("video").first.evaluate("video => video.play()")
    notebook.page.wait_for_function(PLAYS, arg=record.element_handle())


def page_made_by_nbconvert(notebook):
    command = [sys.executable, "-m", "nbconvert", "--to", "html", "--log-level", "ERROR", str(notebook.path)]
    subprocess.run(command, check=True, capture_output=True)
    page = notebook.page.context.new_page()
    page.goto(notebook.path.with_suffix(".html").as_uri(), wait_until="domcontentloaded")
    record = page.locator(".mj-record")
    expect(record).to_be_visible()
    expect(record.get_by_text(HTML)).to_be_visible()
    assert page.locator(".jp-OutputArea-child").first.is_hidden()
    record.locator("video").first.evaluate("video => video.play()")
    page.wait_for_function(PLAYS, arg=record.element_handle())
    page.screenshot(path=notebook.screenshots[0].with_name("record-nbconvert.png"))
    on_paper(page, record, notebook.screenshots[0].with_name("record.pdf"))
    page.close()


def on_paper(page, record, path):
    """As nbconvert prints it (`--to webpdf`)."""
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 560, "height": 900})
    expect(record.locator("img").nth(3)).to_be_visible()
    expect(record.locator("video").first).to_be_hidden()
    widths = record.locator("td").evaluate_all("cells => cells.map(cell => Math.round(cell.offsetWidth))")
    assert len(set(widths)) == 1, f"clips of different size: {widths}"
    page.pdf(path=path, print_background=True)
    assert path.read_bytes().startswith(b"%PDF-")


@pytest.mark.long
def test_the_state_of_a_widget_that_is_kept_in_the_file_does_not_hide_the_record(notebooks):
    """Whoever runs a notebook with a program keeps it, as it was when the card was made."""
    notebook = notebooks.new([f"{MAKE}\nmj.studio()", MAKE, "job.wait(240).status"], files=[PHOTO])
    content = nbformat.read(notebook.path, as_version=4)
    nbclient.NotebookClient(content, timeout=180, resources={"metadata": {"path": notebook.folder}}).execute()
    assert content.metadata.widgets
    nbformat.write(content, notebook.path)

    notebook.open()
    notebook.trust()
    notebook.reopen()
    for cell in (notebook.cell(0), notebook.cell(1)):
        expect(cell.locator(".mj-record")).to_be_visible()
        assert cell.locator(".jp-OutputArea-child").first.is_hidden(), "a view without its kernel is seen"
    notebook.screenshot("record-beside-kept-state")


@pytest.mark.long
@in_both_hosts
def test_fifty_runs_of_a_cell_leave_one_live_view(notebooks):
    count = "import ipywidgets.widgets.widget as w\nlen(w._instances)"
    cells = [MAKE, "job.wait(240).status", "mj.studio()", "mj.history()", count]
    notebook = notebooks.new(cells, files=[PHOTO])
    received = []
    notebook.page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: received.append(len(frame))))
    notebook.open()
    notebook.run_all()
    notebook.wait_idle()

    def counted(most=10_000):
        """Models in the kernel, those that the page knows, and the elements of the page."""
        expect(notebook.cell(0).locator(".mj-card video")).to_have_count(4)
        expect(notebook.cell(2).locator(".mj-form")).to_be_visible()
        expect(notebook.cell(3).locator(".mj-h-entry")).to_have_count(1)
        notebook.page.wait_for_function(f"() => ({MODELS})() <= {most}", timeout=1000 * PATIENCE)
        notebook.run_cell(4)
        notebook.wait_idle()
        kernel = int(notebook.cell(4).inner_text().rpartition(":")[2])
        return kernel, notebook.page.evaluate(MODELS), notebook.page.evaluate("document.querySelectorAll('*').length")

    def run(cell, times):
        for _ in range(times):
            notebook.run_cell(cell)
            notebook.wait_idle()

    before = counted()
    received.clear()
    run(0, 50)
    traffic = sum(received) / 50e3
    after = counted()
    print(f"models in kernel and page, elements: {before}; after 50 runs {after}; {traffic:.0f} kB a run")
    assert after[:2] == before[:2]
    assert after[2] <= before[2] + 10  # a line on the card says that it is shown again

    for cell in (2, 3):
        run(cell, 4)
    assert counted(most=before[1])[:2] == before[:2]
    assert notebook.console_errors == []


def test_the_record_in_the_file_is_finished_while_another_cell_runs(notebooks, clockwork):
    connect = f"import mjvideo_nb as mj\n_ = mj.connect('a-key-for-tests', '{clockwork.url}')\n"
    busy = "import time, pathlib\nwhile not pathlib.Path('let-go').exists(): time.sleep(0.05)\nprint('ended')"
    notebook = notebooks.new([connect + MAKE, "mj.studio()", busy, "job"], files=[PHOTO]).open()
    clockwork.hold(0.5)
    notebook.run_all()
    expect(notebook.cell(0).get_by_text("In progress").first).to_be_visible(timeout=1000 * PATIENCE)
    notebook.save()
    record = outputs(notebook)[1]["data"]
    assert "goes on when the cell is run again" in "".join(record["text/html"])
    clockwork.release()
    expect(notebook.cell(0).locator(".mj-record video")).to_have_count(4, timeout=1000 * PATIENCE)
    expect(notebook.page.locator(".jp-InputPrompt").nth(2)).to_contain_text("*")
    (notebook.folder / "let-go").touch()
    notebook.wait_idle()
    notebook.save()
    for cell in (0, 3):
        assert [list(output["data"]) for output in outputs(notebook, cell)] == [[WIDGET], ["text/html", "text/plain"]]
        assert "".join(outputs(notebook, cell)[1]["data"]["text/html"]).count("<video") == 4
    assert [output["output_type"] for output in outputs(notebook, 2)] == ["stream"]

    # A form leaves a record of what was made with it.
    studio = notebook.cell(1)
    studio.locator("input[type=file]").set_input_files(PHOTO)
    expect(studio.get_by_text("coffee.jpg · 600 × 400")).to_be_visible()
    expect(studio.locator(".mj-record")).to_be_hidden()
    studio.get_by_role("button", name="Generate").click()
    expect(studio.locator(".mj-card video")).to_have_count(4, timeout=1000 * PATIENCE)
    expect(studio.locator(".mj-record video")).to_have_count(4)
    assert notebook.console_errors == []
    notebook.save()
    notebook.reopen()
    expect(studio.locator(".mj-record")).to_be_visible()
    notebook.screenshot("record-of-a-form")
