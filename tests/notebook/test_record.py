"""A record says in a saved notebook what was made, to everybody and without a kernel; and views that were replaced end."""

from __future__ import annotations

import base64
import io
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import ipywidgets
import nbclient
import nbformat
import pytest
from ipywidgets.widgets.widget import _instances
from PIL import Image

import mjvideo_nb as mj
from mjvideo_nb import frames
from mjvideo_nb.notebook import outputs as outputs_module
from mjvideo_nb.notebook import showing
from mjvideo_nb.notebook.cell import Cell
from mjvideo_nb.notebook.outputs import Outputs, close
from mjvideo_nb.notebook.preview import thumbnail
from mjvideo_nb.notebook.record import Told, record
from tests.patience import PATIENCE, wait_for

CARD = {
    "title": "steam rises",
    "chips": ["low", "480p"],
    "sandbox": False,
    "origin": "coffee.jpg",
    "chain": [],
    "state": "done",
    "headline": "4 clips",
    "elapsed": 64.2,
    "task_id": "1773314942177684",
    "error": None,
    "clips": [
        {"index": i, "path": f"mjvideo/clips/17/{i}.mp4", "url": "https://cdn.example/a.mp4?secret=1", "name": "x.mp4"}
        for i in range(4)
    ],
}
RUNNING = {**CARD, "state": "running", "headline": "In progress", "clips": [], "progress": 40}
MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)> & \"quoted\" 'too'"


class Page(HTMLParser):
    """The elements of a page, and its text without its styles."""

    def __init__(self, page):
        super().__init__()
        self.elements = []
        self.text = ""
        self._open = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        if "style" not in self._open:
            self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def page_of(card, **told):
    return Page(record([Told({**CARD, **card}, **told)])["text/html"])


def words_of(card, **told):
    return record([Told({**CARD, **card}, **told)])["text/plain"]


def test_it_names_what_was_asked_and_where_the_files_are():
    made = datetime(2026, 3, 12, 14, 5, tzinfo=UTC)
    starred = {"clips": [{**clip, "rating": {2: 4}.get(clip["index"])} for clip in CARD["clips"]]}
    page = page_of(starred, made=made, posters={0: "data:image/jpeg;base64,AA"})
    for words in (
        "steam rises",
        "low",
        "480p",
        "coffee.jpg",
        "4 clips",
        "1 min 4 s",
        "task 1773314942177684",
        "12 Mar",
    ):
        assert words in page.text
    assert [video["src"] for video in page.all("video")] == [f"mjvideo/clips/17/{i}.mp4" for i in range(4)]
    assert [link["href"] for link in page.all("a")] == [f"mjvideo/clips/17/{i}.mp4" for i in range(4)]
    assert "★★★★☆" in page.text
    words = words_of(starred, made=made)
    assert "steam rises" in words
    assert "[2] mjvideo/clips/17/2.mp4 ★★★★☆" in words
    assert "<" not in words


def test_a_picture_is_there_once():
    uri = "data:image/jpeg;base64,QUJD"
    page = record([Told(CARD, posters=dict.fromkeys(range(4), uri), frame="data:image/png;base64,RlJBTUU")])[
        "text/html"
    ]
    assert page.count(uri) == 4
    assert "RlJBTUU" not in page


@pytest.mark.parametrize("field", ["title", "origin", "task_id", "headline"])
def test_what_comes_from_outside_is_text(field):
    page = page_of({field: MARKUP})
    assert MARKUP in page.text
    assert page.all("script") == page.all("img") == []


def test_failures_chains_and_file_names_are_text():
    error = {"title": MARKUP, "text": MARKUP, "hint": MARKUP}
    chain = [{"seconds": "0–5 s", "words": MARKUP, "prompt": MARKUP}]
    clips = [{"index": 0, "path": 'my "clips"/<b> #1?/0.mp4', "url": None, "name": MARKUP}]
    page = page_of({"error": error, "chain": chain, "clips": clips, "chips": [MARKUP]})
    assert page.text.count(MARKUP) == 6
    assert page.all("script") == page.all("img") == page.all("b")[1:] == []
    assert page.all("video")[0]["src"] == "my%20%22clips%22/%3Cb%3E%20%231%3F/0.mp4"


@pytest.mark.parametrize(
    "prompt", ["word " * 2000, "مرحبا بالعالم", "🌷👩‍🚀", "half a \ud83d character", "\x1b[31mred\x07"]
)
def test_any_prompt_can_be_saved_and_read(prompt):
    told = record([Told({**CARD, "title": prompt})])
    for text in told.values():
        assert text.encode("utf-8")
        assert "\x1b" not in text
    assert prompt[:3] in told["text/html"] or "red" in told["text/html"]
    assert len(told["text/plain"]) < 1500


def test_nothing_of_this_machine_and_no_secret_is_in_it():
    error = {
        "title": "Failed",
        "text": f"{Path.cwd()}/a and {Path.home()}/b and https://user:word@cdn.example/x.mp4?sig=4711#k at https://y.example/z",
        "hint": "",
    }
    clips = [{"index": 0, "path": None, "url": "https://cdn.example/a.mp4?secret=1", "name": "x.mp4"}]
    told = record([Told({**CARD, "clips": clips}), Told({**RUNNING, "state": "failed", "error": error})])
    for text in told.values():
        assert str(Path.home()) + "/" not in text.replace(str(Path.cwd()), "")
        assert str(Path.cwd()) not in text
        assert "secret" not in text
        assert "sig=" not in text
        assert "word@" not in text
        assert "https://cdn.example/x.mp4" in text
        assert "https://y.example/z" in text


def test_what_still_runs_says_how_it_goes_on_and_not_how_far_it_is():
    page = page_of(RUNNING, frame="data:image/jpeg;base64,AA")
    assert "In progress when this was saved" in page.text
    assert "goes on when the cell is run again" in page.text
    assert "40" not in page.text
    assert [image["alt"] for image in page.all("img")] == ["First frame"]


def test_a_thumbnail_keeps_to_its_size(photo):
    data = photo.read_bytes()
    for most in (8000, 3000):
        uri = thumbnail(data, "image/jpeg", most)
        assert 500 < len(uri) <= most
        assert Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).format == "JPEG"
    assert thumbnail(data, "image/jpeg", 50) == ""
    assert thumbnail(b"no picture", "image/jpeg", 8000) == ""


# In a kernel


def test_a_notebook_run_without_a_browser_holds_the_finished_record(photo, tmp_path):
    """The cell that shows the job has ended long before the job; another one runs then."""
    (tmp_path / "coffee.jpg").write_bytes(photo.read_bytes())
    cells = [
        "import mjvideo_nb as mj\nmj.connect(library='mjvideo')\njob = mj.video('coffee.jpg', 'steam rises')\njob",
        "studio = mj.studio()\nstudio",
        "job.wait(120).status",
    ]
    notebook = executed(tmp_path, cells)
    live, beside = notebook.cells[0].outputs
    assert list(live.data) == ["application/vnd.jupyter.widget-view+json"]
    assert "[3] mjvideo/clips/" in beside.data["text/plain"]
    assert beside.data["text/html"].count("data:image/jpeg") == 4
    assert str(tmp_path) not in nbformat.writes(notebook)
    assert len(nbformat.writes(notebook)) < 60_000
    assert "nothing made with it yet" in notebook.cells[1].outputs[1].data["text/plain"]
    assert [output.output_type for output in notebook.cells[2].outputs] == ["execute_result"]


def test_sweeps_comparisons_and_rankings_leave_a_record_too(photo, tmp_path):
    (tmp_path / "coffee.jpg").write_bytes(photo.read_bytes())
    cells = [
        "import mjvideo_nb as mj\nmj.connect(library='mjvideo')\n"
        "sweep = mj.sweep('coffee.jpg', prompt='{steam|<b>smoke</b>} rises', extra={'batchSize': 1})\nsweep",
        "sweep.start()\nmade = sweep.wait(120)",
        "sweep.jobs[0].rate(0, 4)\nmj.compare(*sweep.jobs)",
        "mj.rank(*sweep.jobs)",
    ]
    notebook = executed(tmp_path, cells)
    sweep, comparison, ranking = (notebook.cells[number].outputs[1].data for number in (0, 2, 3))
    words = sweep["text/plain"]
    assert words.startswith("Sweep: ")
    assert "2 done" in words.splitlines()[0]
    assert "steam rises" in words
    assert "<b>smoke</b> rises" in words
    assert "&lt;b&gt;smoke" in sweep["text/html"]
    for told in (sweep, comparison):
        assert told["text/html"].count("data:image/jpeg") == 2
        assert told["text/html"].count("<video") == 2
    assert "2 clips side by side" in comparison["text/plain"]
    assert "★★★★☆" in comparison["text/plain"]
    assert "2 clips, 0 pairs judged" in ranking["text/plain"]
    assert not [word for word in ("steam", "smoke", "mjvideo/clips") if word in str(ranking)]  # as blind as the page


def executed(folder, cells):
    """A notebook with these cells, run without a browser."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = nbclient.NotebookClient(
        notebook,
        timeout=PATIENCE,
        kernel_name="python3",
        resources={"metadata": {"path": folder}},
        store_widget_state=False,
    )
    client.execute()
    return notebook


@pytest.fixture
def cells(monkeypatch):
    """``cells.run(cell, [widget, ...])``: a cell runs once and shows these widgets; what it replaced is closed at once."""

    class Cells:
        def __init__(self):
            self.outputs = Outputs()
            self.count = 0
            monkeypatch.setattr(outputs_module, "outputs", self.outputs)
            monkeypatch.setattr(outputs_module, "current_cell", lambda: self.current)
            monkeypatch.setattr(self.outputs, "_listen", lambda: None)

        def run(self, cell, widgets, *, named=True):
            self.count += 1
            self.current = Cell(cell, str(self.count), named)
            for widget in widgets:
                self.outputs.note(widget)
            self.outputs._close_unseen(self.outputs._replaced())

    return Cells()


def test_what_a_cell_replaced_is_closed_with_all_its_models(cells):
    before = len(_instances)
    first, second = (ipywidgets.VBox([ipywidgets.Button(), ipywidgets.Text()]) for _ in range(2))
    cells.run("a", [first])
    cells.run("b", [])
    assert first.comm
    cells.run("a", [second])
    assert first.comm is None
    assert second.comm
    cells.run("a", [])
    assert len(_instances) == before


def test_what_another_cell_or_something_open_shows_stays(cells):
    both, inside = ipywidgets.Button(), ipywidgets.Button()
    box = ipywidgets.VBox([inside])
    cells.run("a", [both, inside])
    cells.run("b", [both])
    cells.run("a", [])
    assert both.comm
    assert inside.comm
    cells.run("b", [])
    assert both.comm is None
    close(box)


def test_where_cells_are_known_by_their_words_nothing_is_closed(cells):
    shown = ipywidgets.Button()
    cells.run("a", [shown], named=False)
    cells.run("a", [], named=False)
    assert shown.comm
    close(shown)


def test_a_job_whose_view_was_closed_is_shown_anew_and_tells_the_old_one_nothing(session, photo):
    request = mj.VideoRequest(image=frames.load(photo), prompt="steam", extra={"batchSize": 1})
    job = session.jobs.make(request)
    view = job.view
    before = len(job._news._listeners)
    close(view)
    assert view.children[0].comm is None
    assert job.view is not view
    assert job.view.children[0].card["title"] == "steam"
    assert len(job._news._listeners) == before
    job.wait(PATIENCE)
    assert job.told().posters.keys() == {0}
    close(job.view)


def test_a_record_follows_what_is_extended_below_its_job_to_the_end(session, photo, monkeypatch):
    monkeypatch.chdir(photo.parent)
    shown = []
    monkeypatch.setattr(showing, "in_kernel", lambda: True)
    monkeypatch.setattr(showing, "display_bundle", lambda bundle, **_: shown.append(bundle.get("text/plain", "")))
    request = mj.VideoRequest(image=frames.load(photo), prompt="steam", extra={"batchSize": 1})
    job = session.jobs.make(request)
    job.wait(PATIENCE)
    job._showing.show()
    assert job.view.children[0].extend({"index": 0, "motion": "high"}, [])[0] == {"ok": True}
    below = job.view.children[1].job
    task = below.wait(PATIENCE)
    wait_for(lambda: f"{task.id}/0.mp4" in shown[-1])
    assert "when this was saved" not in shown[-1]
    close(job.view)


def test_a_view_below_another_is_closed_with_it_but_for_one_that_is_shown(session, photo, cells):
    request = mj.VideoRequest(image=frames.load(photo), prompt="steam", extra={"batchSize": 1})
    parent, child, shown = (session.jobs.make(request) for _ in range(3))
    parent.view.set_trait("children", (*parent.view.children, child.view, shown.view))
    views = [job.view for job in (parent, child, shown)]
    cells.run("a", [parent.view])
    cells.run("b", [shown.view])
    cells.run("a", [])
    assert [view.comm is None for view in views] == [True, True, False]
    cells.run("b", [])
    for job in (parent, child, shown):
        job.wait(PATIENCE)
