"""The main job, as somebody does it who opens the tour for the first time."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
from playwright.sync_api import expect

from tests.patience import PATIENCE

from .notebook import in_both_hosts

PROJECT = Path(__file__).parents[2]
TOUR = PROJECT / "notebooks" / "01_first_video.ipynb"
PHOTO = PROJECT / "notebooks" / "coffee.jpg"
FORM, SLEEP = 3, 7
"""The cells of the tour: the form, and the one that keeps the kernel busy for five seconds."""
BUSY = "import time, pathlib\nwhile not pathlib.Path('let-go').exists(): time.sleep(0.05)"
"""In its place: for as long as the test wants."""
MOVED = """([card, at]) => {
    const said = card.querySelector('[role=progressbar]')?.getAttribute('aria-valuenow') ?? at;
    const now = card.querySelector('video') ? '100' : said;
    return now !== at && now;
}"""

PLAYING = (
    """videos => videos.map(v => ({time: v.currentTime, duration: v.duration, size: [v.videoWidth, v.videoHeight]}))"""
)


def videos(card):
    return card.locator("video").evaluate_all(PLAYING)


def frames(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def goes_on_from(parent, child):
    """Its first five seconds are the parent's."""
    before, longer = frames(parent), frames(child)
    assert (len(before), len(longer)) == (125, 221)
    assert all(np.array_equal(a, b) for a, b in zip(before, longer, strict=False))


@in_both_hosts
def test_from_the_photograph_to_four_clips_and_on_from_the_best(notebooks):
    tour = notebooks.existing(TOUR, files=[PHOTO]).open()
    tour.in_kernel("import os; os.environ.pop('MJVIDEO_SANDBOX_SECONDS')")  # ten, as in the tour
    tour.write_cell(SLEEP, BUSY)
    (tour.folder / "let-go").touch()
    tour.run_all()
    tour.wait_idle()

    # Pick the photograph, choose high motion, press Generate.
    studio = tour.cell(FORM)
    expect(studio.get_by_text("Sandbox").first).to_be_visible()
    studio.locator("input[type=file]").set_input_files(PHOTO)
    expect(studio.get_by_text("coffee.jpg · 600 × 400")).to_be_visible()
    studio.get_by_role("button", name="High").click()
    studio.get_by_role("button", name="Generate").click()
    card = studio.locator(".mj-card").first
    progress = card.get_by_role("progressbar")
    expect(progress).to_have_attribute("aria-valuenow", "0", timeout=1000 * PATIENCE)

    # The card moves, up to its clips, while a plain cell is busy.
    (tour.folder / "let-go").unlink()
    tour.run_cell(SLEEP)
    prompt = tour.page.locator(".jp-Cell").nth(SLEEP).locator(".jp-InputPrompt").first
    expect(prompt).to_contain_text("*")
    seen = ["0"]
    while seen[-1] != "100":
        moved = tour.page.wait_for_function(MOVED, arg=[card.element_handle(), seen[-1]], timeout=1000 * PATIENCE)
        seen.append(moved.json_value())
    assert len(seen) >= 3, f"the progress while the cell was busy: {seen}"
    expect(card.locator("video")).to_have_count(4)
    expect(prompt).to_contain_text("*")
    (tour.folder / "let-go").touch()

    # Four clips advance, of the right size, in step.
    expect(card.locator("video")).to_have_count(4, timeout=1000 * PATIENCE)
    card.scroll_into_view_if_needed()
    tour.page.wait_for_function(
        "card => [...card.querySelectorAll('video')].every(v => v.currentTime > 0.3)", arg=card.element_handle()
    )
    first = videos(card)
    tour.page.wait_for_function(
        "([card, at]) => [...card.querySelectorAll('video')].every((v, i) => v.currentTime !== at[i])",
        arg=[card.element_handle(), [video["time"] for video in first]],
    )
    assert [video["size"] for video in first] == [[768, 512]] * 4
    assert all(abs(video["duration"] - 125 / 24) < 0.05 for video in first)
    tour.screenshot("clips")

    # On from clip [1].
    card.get_by_role("button", name="Extend [1], high motion").click()
    longer = studio.locator(".mj-card").nth(1)
    expect(longer.get_by_text("[1] of task").first).to_be_visible(timeout=1000 * PATIENCE)
    expect(longer.locator("video")).to_have_count(4, timeout=1000 * PATIENCE)
    longer.scroll_into_view_if_needed()
    tour.page.wait_for_function(
        "card => [...card.querySelectorAll('video')].every(v => v.duration > 0)", arg=longer.element_handle()
    )
    assert all(abs(video["duration"] - 9) < 0.25 for video in videos(longer))
    tour.screenshot("extended")

    folders = sorted((tour.folder / "mjvideo" / "clips").iterdir(), key=lambda folder: folder.stat().st_mtime)
    goes_on_from(folders[-2] / "1.mp4", folders[-1] / "0.mp4")
    tour.save()
    saved = tour.saved_text()
    assert "COMETAPI_KEY" not in json.dumps(json.loads(saved)["cells"][FORM].get("outputs", []))
    assert tour.console_errors == []


def test_no_key_is_in_the_saved_notebook(notebooks):
    key = "sk-marked-4711-never-to-be-seen"
    notebook = notebooks.new(
        [
            f"import os; os.environ['COMETAPI_KEY'] = '{key[:9]}' + '{key[9:]}'",
            "import mjvideo_nb as mj\nsession = mj.connect(base_url='http://127.0.0.1:9')\nsession",
            "mj.studio('coffee.jpg', prompt='steam')",
            "job = mj.video('coffee.jpg', prompt='steam')\njob",
            "repr(job), str(job.error)",
        ],
        files=[PHOTO],
    ).open()
    notebook.run_all()
    notebook.wait_idle()
    expect(notebook.cell(3).get_by_text("Nothing was sent and nothing is charged").first).to_be_visible(
        timeout=1000 * PATIENCE
    )
    assert notebook.cell(2).get_by_text("Sandbox").count() == 0
    notebook.save()
    everything = notebook.saved_text() + notebook.page.content()
    assert "127.0.0.1:9" in everything
    assert key not in everything
