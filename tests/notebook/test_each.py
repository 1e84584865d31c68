"""A file of each of many clips: what is taken, how the files are called, what is shown of it, and what goes wrong."""

from __future__ import annotations

import json
import shutil

import nbformat
import pytest

import mjvideo_nb as mj
from mjvideo_nb import media
from mjvideo_nb.errors import InvalidRequest, WorkFailed
from mjvideo_nb.notebook import each as each_module
from mjvideo_nb.notebook import progress
from mjvideo_nb.notebook import session as sessions
from tests.media.clips import make, names_in
from tests.patience import PATIENCE
from tests.tour.kernel import run_all

SMALL = {"columns": 2, "rows": 1, "width": 200}


@pytest.fixture
def current(session, monkeypatch):
    monkeypatch.setattr(sessions, "_current", session)
    return session


@pytest.fixture
def clip(tmp_path):
    return make(tmp_path / "rain.mp4", 4)


def mp4_of(folder):
    return [name for name in names_in(folder) if name.endswith(".mp4")]


def names_of(clips, folder, **options):
    return [path.name for path in mj.each(mj.contact_sheet, clips, folder, **SMALL | options)]


@pytest.fixture(scope="module")
def done(sandboxes, tmp_path_factory):
    """A session with a finished job of two clips."""
    folder = tmp_path_factory.mktemp("library")
    photo = each_module.Path(__file__).parents[2] / "notebooks" / "coffee.jpg"
    with sandboxes.sandbox() as sandbox:
        session = sessions.Session("sk-any", sandbox.url, library=folder)
        job = session.jobs.make(mj.VideoRequest(image=photo, prompt="steam: rises / slowly", extra={"batchSize": 2}))
        job.wait(PATIENCE)
        yield session, job
        session.close()


# What is taken, and what the files are called


def test_a_job_gives_a_file_of_each_clip_under_its_prompt_and_task(done, monkeypatch, tmp_path):
    session, job = done
    monkeypatch.setattr(sessions, "_current", session)
    stem = f"steam rises slowly-{job.id}"
    assert names_of(job, tmp_path / "a") == [f"{stem}-0.png", f"{stem}-1.png"]
    assert names_of([job[1]], tmp_path / "b") == [f"{job.id}-1.png"]
    assert names_of(job.task, tmp_path / "c") == [f"{stem}-0.png", f"{stem}-1.png"]
    here = media.contact_sheet(job[1], tmp_path / "one.png", **SMALL)
    assert (tmp_path / "a" / f"{stem}-1.png").read_bytes() == here.read_bytes()


def test_paths_labels_and_lists_of_them(current, clip, tmp_path):
    other = make(tmp_path / "snow.mp4", 4)
    assert names_of(clip, tmp_path / "a") == ["rain.png"]
    assert names_of([str(clip), [other]], tmp_path / "b") == ["rain.png", "snow.png"]
    assert names_of({"wet: one": clip, "cold": [other, clip]}, tmp_path / "c") == [
        "wet one.png",
        "cold-0.png",
        "cold-1.png",
    ]
    assert names_of((path for path in [clip, other]), tmp_path / "d") == ["rain.png", "snow.png"]


def test_no_two_files_are_one(current, clip, tmp_path):
    for folder in ("17", "18"):
        (tmp_path / folder).mkdir()
        shutil.copy(clip, tmp_path / folder / "0.mp4")
    assert names_of([tmp_path / "17/0.mp4", tmp_path / "18/0.mp4"], tmp_path / "a") == ["17-0.png", "18-0.png"]
    assert names_of([clip, clip, {"RAIN": clip}], tmp_path / "b") == [
        f"{tmp_path.name}-rain.png",
        f"{tmp_path.name}-rain (2).png",
        "RAIN.png",
    ]


def test_a_preview_and_another_ending(current, clip, tmp_path):
    assert [path.name for path in mj.each(mj.preview, clip, tmp_path / "a", width=48)] == ["rain.webp"]
    assert [path.name for path in mj.each(mj.preview, clip, tmp_path / "a", ending=".gif", width=48)] == ["rain.gif"]


def test_a_function_of_your_own(current, clip, tmp_path):
    def first_bytes(source, path, *, count):
        path.write_bytes(source.read_bytes()[:count])

    [made] = mj.each(first_bytes, clip, tmp_path / "new" / "folder", ending=".bin", count=8)
    assert made.read_bytes() == clip.read_bytes()[:8]


# What goes wrong


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda clip: mj.each("sheet", clip, "a"), "make"),
        (lambda clip: mj.each(mj.reel, clip, "a"), "make"),
        (lambda _: mj.each(mj.contact_sheet, [], "a"), "clips"),
        (lambda clip: mj.each(mj.contact_sheet, [clip, 4], "a"), "clips"),
        (lambda _: mj.each(mj.contact_sheet, mj.Task("17", clips=(mj.Clip("17", 0),)), "a"), "clips"),
        (lambda clip: mj.each(mj.contact_sheet, clip, clip), "folder"),
        (lambda clip: mj.each(mj.contact_sheet, clip, 4), "folder"),
        (lambda clip: mj.each(shutil.copy, clip, clip.parent, ending=".mp4"), "folder"),
        (lambda clip: mj.each(shutil.copy, clip, "a"), "ending"),
        (lambda clip: mj.each(mj.preview, clip, "a", ending="gif"), "ending"),
        (lambda clip: mj.each(mj.contact_sheet, clip, "a", colums=3), "options"),
        (lambda clip: mj.each(mj.contact_sheet, clip, "a", columns=0), "columns"),
        (lambda clip: mj.each(mj.preview, clip, "a", fps=0), "fps"),
    ],
)
def test_a_wrong_argument_is_named_before_anything_is_made(call, field, current, clip, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidRequest, match=f"^{field}: ") as caught:
        call(clip)
    assert caught.value.field == field
    assert list(tmp_path.glob("a/*")) == []
    assert mp4_of(tmp_path) == ["rain.mp4"]


def test_one_that_fails_costs_no_other_its_file(current, clip, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    with pytest.raises(WorkFailed, match=r"clips: 1 of 2 contact sheets could not be made\. broken\.mp4") as caught:
        mj.each(mj.contact_sheet, [broken, clip], tmp_path / "a", **SMALL)
    assert caught.value.made == (tmp_path / "a" / "rain.png",)
    assert list(caught.value.failures) == [broken]


# What is shown of it


def test_a_script_that_is_no_terminal_says_nothing(current, clip, tmp_path, capfd):
    mj.each(mj.contact_sheet, clip, tmp_path / "a", **SMALL)
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def shown(monkeypatch):
    """What a kernel is told, in order."""
    told = []
    monkeypatch.setattr(progress, "in_kernel", lambda: True)
    monkeypatch.setattr(progress, "display_bundle", lambda bundle, **how: told.append((bundle, how)))
    return told


def test_in_a_notebook_one_line_moves_and_ends_as_a_sentence(current, clip, tmp_path, shown, monkeypatch):
    monkeypatch.setattr(progress, "INTERVAL", 0)
    other = make(tmp_path / "snow.mp4", 4)
    mj.each(mj.contact_sheet, [clip, other], tmp_path / "a", **SMALL)
    words = [bundle["text/plain"] for bundle, _ in shown]
    assert (words[0], words[-1]) == ("0 of 2 contact sheets", f"2 contact sheets in {tmp_path / 'a'}")
    assert [how["update"] for _, how in shown] == [False, *[True] * (len(shown) - 1)]
    assert len({how["name"] for _, how in shown}) == 1
    pages = [bundle["text/html"] for bundle, _ in shown]
    assert 'aria-valuenow="0"' in pages[0]
    assert "progressbar" not in pages[-1]


def test_a_failure_and_a_name_are_text(current, clip, tmp_path, shown):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"")
    with pytest.raises(WorkFailed):
        mj.each(mj.contact_sheet, [broken, clip], tmp_path / "<b>", **SMALL)
    bundle, _ = shown[-1]
    assert bundle["text/plain"] == f"1 of 2 contact sheets in {tmp_path / '<b>'} · 1 failed"
    assert "<b>" not in bundle["text/html"]


def test_it_is_shown_at_most_four_times_a_second(shown, tmp_path):
    with progress.Progress("files", tmp_path) as tell:
        for number in range(1000):
            tell(media.Tally(number, 0, 1000))
    assert len(shown) <= 6


def test_a_kernel_shows_it_and_a_saved_notebook_keeps_the_sentence(clip, tmp_path):
    options = ", ".join(f"{name}={value}" for name, value in SMALL.items())
    source = f"import mjvideo_nb as mj\nlen(mj.each(mj.contact_sheet, {str(clip)!r}, 'sheets', {options}))"
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source, id="each")])
    (tmp_path / "a.ipynb").write_text(json.dumps(book))
    [ran], _ = run_all(tmp_path / "a.ipynb", env={})
    assert ran.status == "ok", ran.text
    assert ran.text == "1 contact sheet in sheets1"
