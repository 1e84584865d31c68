"""A sweep as somebody uses it who compares prompts: the price first, then the matrix, also over a restart of the kernel."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.patience import PATIENCE

from .stages import run

PROJECT = Path(__file__).parents[2]
PHOTO = PROJECT / "notebooks" / "coffee.jpg"

HTML = "<img src=x onerror=\"document.title='run'\"> & <b>bold</b>"
PLAYS = """root => { const all = [...root.querySelectorAll('video')];
    return all.length >= %d && all.every(v => v.currentTime > 0.2); }"""
TOGETHER = """root => { const times = [...root.querySelectorAll('video')].map(v => v.currentTime);
    return Math.max(...times) - Math.min(...times) < 0.005; }"""


def connect_to(sandbox, *, at_once=5):
    """The cell that chooses the test's own sandbox, so that its submits can be counted."""
    return f"import mjvideo_nb as mj\nmj.connect(api_key='sk-test', base_url={sandbox.url!r}, at_once={at_once})"


@pytest.fixture
def connect(clockwork):
    return connect_to(clockwork)


@pytest.fixture
def submits(clockwork):
    return lambda: clockwork.submits


def cell_of(sweep, number):
    return sweep.locator(f"td[data-number='{number}']")


def test_the_price_comes_first_then_the_matrix_fills_and_plays_in_step(notebooks, connect, submits):
    prompts = [HTML, "storm [fault:banned-word]"]
    notebook = notebooks.new(
        [connect, f"mj.sweep('coffee.jpg', prompt={prompts!r}, motion=['low', 'high'])"],
        files=[PHOTO],
    ).open()
    before = submits()
    notebook.run_all()
    notebook.wait_idle()
    sweep = notebook.cell(1).locator(".mj-sweep")
    expect(sweep.get_by_text("4 calls, about 2.40 USD")).to_be_visible()
    expect(sweep.get_by_role("columnheader", name="motion high")).to_be_visible()
    expect(sweep.locator("td[data-state='planned']")).to_have_count(4)
    notebook.screenshot("sweep-plan")
    assert submits() == before

    # A double click pays once, and does not stop what it has started.
    sweep.get_by_role("button", name="Run 4 calls · about 2.40 USD").dblclick()
    expect(cell_of(sweep, 2).get_by_text("storm")).to_be_visible(timeout=1000 * PATIENCE)
    notebook.screenshot("sweep-running")
    expect(sweep.get_by_text("2 done · 2 failed")).to_be_visible(timeout=1000 * PATIENCE)
    assert submits() == before + 4
    assert notebook.page.title() != "run"
    expect(cell_of(sweep, 3).get_by_role("button", name="Retry · about 0.60 USD")).to_be_visible()

    notebook.page.wait_for_function(PLAYS % 2, arg=sweep.element_handle(), timeout=1000 * PATIENCE)
    assert sweep.locator("video").count() == 2
    notebook.screenshot("sweep-one")
    sweep.get_by_role("button", name="Clip [2] of each").click()
    expect(cell_of(sweep, 1).locator(".mj-badge")).to_have_text("[2]")
    sweep.get_by_role("button", name="All clips of each").click()
    notebook.page.wait_for_function(PLAYS % 8, arg=sweep.element_handle(), timeout=1000 * PATIENCE)
    run(sweep, "await together()")
    sweep.get_by_role("button", name="Pause").click()
    notebook.page.wait_for_function(TOGETHER, arg=sweep.element_handle())
    notebook.screenshot("sweep-all")
    assert notebook.console_errors == []


@pytest.mark.long
def test_cells_are_opened_by_keyboard_made_again_and_read_in_the_dark_and_on_a_phone(notebooks, connect, submits):
    asked = "prompt=['steam', 'storm [fault:banned-word]'], motion=['low', 'high'], extra={'batchSize': 2}"
    notebook = notebooks.new(
        [
            connect,
            f"sweep = mj.sweep('coffee.jpg', {asked})\nsweep",
            "_ = sweep.start().wait()",
        ],
        files=[PHOTO],
    ).open()
    before = submits()
    notebook.run_all()
    notebook.wait_idle()
    sweep = notebook.cell(1).locator(".mj-sweep")
    expect(sweep.get_by_text("2 done · 2 failed")).to_be_visible()
    cells = notebook.page.locator(".jp-Cell").count()
    cell_of(sweep, 0).get_by_role("button", name="Open the card of").focus()
    notebook.page.keyboard.press("b")  # JupyterLab would insert a cell
    notebook.page.keyboard.press("Enter")
    card = notebook.cell(1).locator(".mj-opened .mj-card")
    expect(card.locator("video")).to_have_count(2)
    assert notebook.page.locator(".jp-Cell").count() == cells
    notebook.screenshot("sweep-opened")
    cell_of(sweep, 0).get_by_role("button", name="Close the card of").click()
    expect(card).to_have_count(0)

    # Another price, and once; the fault is in the prompt, so it fails again.
    cell_of(sweep, 2).get_by_role("button", name="Retry").dblclick()
    expect(cell_of(sweep, 2).get_by_role("button", name="Retry")).to_be_enabled(timeout=1000 * PATIENCE)
    assert submits() == before + 5

    notebook.theme(dark=True)
    notebook.screenshot("sweep-dark")
    for width in (700, 420, 320):
        notebook.resize(width, 1000)
        sweep.scroll_into_view_if_needed()
        notebook.screenshot(f"sweep-{width}")
        box, output = sweep.bounding_box(), notebook.cell(1).bounding_box()
        assert box["x"] + box["width"] <= output["x"] + output["width"] + 1, f"wider than its cell at {width} px"
    assert notebook.console_errors == []


@pytest.mark.long
def test_no_more_play_than_a_browser_decodes_and_none_out_of_sight(notebooks, connect):
    asked = "prompt='{steam|milk|petals} over an old table', motion=['low', 'high']"
    types = "prompt=['steam rises slowly', 'the camera drifts back until all is in sight'], motion=['low', 'high']"
    notebook = notebooks.new(
        [
            connect,
            f"mj.sweep('coffee.jpg', {types}, video_type=['480p', '720p'])",
            f"sweep = mj.sweep('coffee.jpg', {asked})\nsweep.start().wait()\nsweep",
        ],
        files=[PHOTO],
    ).open()
    notebook.resize(1280, 2400)
    notebook.run_all()
    notebook.wait_idle()
    notebook.screenshot("sweep-three", notebook.cell(1))
    sweep = notebook.cell(2).locator(".mj-sweep")
    sweep.get_by_role("button", name="All clips of each").click()
    expect(sweep.locator(".mj-s-screen")).to_have_count(24)
    sweep.scroll_into_view_if_needed()
    notebook.page.wait_for_function(PLAYS % 8, arg=sweep.element_handle(), timeout=1000 * PATIENCE)
    assert sweep.locator("video").count() <= 16
    expect(sweep.locator(".mj-s-screen img").last).to_be_visible()
    notebook.resize(1280, 700)
    cell_of(sweep, 5).scroll_into_view_if_needed()
    expect(cell_of(sweep, 5).locator("video")).to_have_count(4)
    expect(cell_of(sweep, 0).locator("video")).to_have_count(0)
    notebook.screenshot("sweep-scrolled")
    assert notebook.console_errors == []


@pytest.mark.long
def test_a_sweep_goes_on_where_it_was_after_a_restart(notebooks, sandboxes):
    with sandboxes.sandbox(seconds=3, render=False) as sandbox:
        goes_on_after_a_restart(notebooks, sandbox)


def goes_on_after_a_restart(notebooks, sandbox):
    sweep_cell = "mj.sweep('coffee.jpg', prompt='{red|blue|green|white} tulip', extra={'batchSize': 1})"
    notebook = notebooks.new([connect_to(sandbox, at_once=1), sweep_cell], files=[PHOTO]).open()
    notebook.run_all()
    notebook.wait_idle()
    sweep = notebook.cell(1).locator(".mj-sweep")
    sweep.get_by_role("button", name="Run 4 calls").click()
    # The first is finished, and what is sent next is held before its own end.
    while sandbox.submits < 2:
        notebook.page.wait_for_timeout(50)
    sandbox.hold(0.5)
    expect(cell_of(sweep, 0).locator("video")).to_have_count(1, timeout=1000 * PATIENCE)
    expect(cell_of(sweep, 3).get_by_text("To be sent")).to_be_visible()

    notebook.restart_kernel()
    made = sandbox.submits
    assert 2 <= made < 4
    notebook.run_all()
    notebook.wait_idle()
    left = 4 - made
    words = "1 call" if left == 1 else f"{left} calls"
    go_on = sweep.get_by_role("button", name=f"Go on: {words} · about {left * 0.6:.2f} USD")
    expect(go_on).to_be_visible(timeout=1000 * PATIENCE)
    expect(sweep.get_by_text(f"{left} not made")).to_be_visible()
    expect(cell_of(sweep, 0).locator("video")).to_have_count(1)
    expect(sweep.get_by_text("nothing was sent now")).to_be_visible()
    notebook.screenshot("sweep-go-on")
    assert sandbox.submits == made, "something was sent by itself"
    sandbox.release()
    go_on.click()
    expect(sweep.get_by_text("4 done")).to_be_visible(timeout=1000 * PATIENCE)
    assert sandbox.submits == 4
    notebook.page.wait_for_function(PLAYS % 4, arg=sweep.element_handle(), timeout=1000 * PATIENCE)
    notebook.screenshot("sweep-columns")

    # Behind a kernel that is gone, a press says so and nothing more.
    notebook.restart_kernel()
    cell_of(sweep, 1).get_by_role("button", name="Open the card of").click()
    expect(sweep.get_by_text("kernel").first).to_be_visible()
    assert sandbox.submits == 4
    assert notebook.console_errors == []
