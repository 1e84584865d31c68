"""The history as somebody uses it who has made videos for a year: found, looked at, sorted, and made again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.notebook.many import fill

PROJECT = Path(__file__).parents[2]
PHOTO = PROJECT / "notebooks" / "coffee.jpg"

HISTORY = "import mjvideo_nb as mj\nmj.history()"
HTML = "<img src=x onerror=\"document.title='run'\"> & <b>bold</b>"
MAKE = f"""
import mjvideo_nb as mj
mj.connect("a-key-for-tests", BASE_URL)
jobs = [mj.video("coffee.jpg", prompt={HTML!r}, motion="high"), mj.video("coffee.jpg", prompt="steam", video_type="720p")]
_ = [job.wait(240) for job in jobs]
"""
TRASH = re.compile(r"^Trash")
STICKS_OUT = """list => [...list.querySelectorAll('li, li *')]
    .filter(node => node.getBoundingClientRect().right > list.getBoundingClientRect().right + 1)
    .map(node => `${node.className}: ${node.textContent}`)"""
PLAYS = "card => { const all = [...card.querySelectorAll('video')]; return all.length > 0 && all.every(v => v.currentTime > 0.2); }"


@pytest.fixture
def year(notebooks):
    """A notebook with a library of 5,000 jobs beside it, and its history open."""
    notebook = notebooks.new([HISTORY], files=[PHOTO])
    fill(notebook.folder / "mjvideo", 5000)
    notebook.open()
    notebook.run_all()
    notebook.wait_idle()
    expect(rows(notebook)).to_have_count(50)
    return notebook


def rows(notebook, cell=0):
    return notebook.cell(cell).locator(".mj-h-entry")


@pytest.mark.long
def test_a_year_of_jobs_is_paged_searched_and_filtered(year):
    history = year.cell(0)
    expect(history.get_by_text("1–50 of 4,900")).to_be_visible()
    expect(history.get_by_text("2,940.00 USD")).to_be_visible()
    expect(rows(year).first).to_contain_text("task 1773314942177684")
    expect(rows(year).first.locator("img")).to_be_visible()
    assert rows(year).nth(40).locator("img").get_attribute("src") is None, "a picture was loaded out of sight"
    year.screenshot("history-light")

    history.get_by_role("button", name="Next page").click()
    expect(history.get_by_text("51–100 of 4,900")).to_be_visible()
    history.get_by_label("Page", exact=True).fill("98")
    history.get_by_label("Page", exact=True).press("Enter")
    expect(history.get_by_text("4,851–4,900 of 4,900")).to_be_visible()

    history.get_by_label("Search").press_sequentially("milk blooms", delay=20)
    expect(history.get_by_text("1–50 of 816")).to_be_visible()
    history.get_by_role("button", name="Filters").click()
    history.get_by_label("Stars", exact=True).select_option("5")
    history.get_by_label("Motion", exact=True).select_option("high")
    history.get_by_label("Search").fill("")
    expect(history.get_by_role("button", name="Filters (2)")).to_be_visible()
    expect(rows(year).first).to_contain_text("high")
    expect(rows(year).first.get_by_role("img", name="5 of 5 stars")).to_be_visible()
    history.get_by_label("From").fill("2026-03-28")
    expect(history.get_by_text("1–1 of 1")).to_be_visible()
    history.get_by_role("button", name="By day").click()
    expect(history.get_by_role("row", name="2026-03-28 16.80 USD")).to_be_visible()
    year.screenshot("history-filters")
    history.get_by_role("button", name="Clear", exact=True).click()
    expect(history.get_by_text("1–50 of 4,900")).to_be_visible()

    year.theme(dark=True)
    history.get_by_role("button", name="Filters").click()
    history.get_by_role("button", name="By day").click()
    year.screenshot("history-dark")
    for width in (1000, 900, 800, 700, 420):
        year.resize(width, 1100)
        history.locator(".mj-h-pager").scroll_into_view_if_needed()
        year.screenshot(f"history-{width}", history)
        assert history.locator(".mj-h-list").evaluate(STICKS_OUT) == [], f"at {width} px"
    assert year.console_errors == []


def test_an_entry_is_rated_tagged_deleted_and_brought_back_by_keyboard_too(year):
    history = year.cell(0)
    cells = year.page.locator(".jp-Cell").count()
    second = rows(year).nth(1)
    second.hover()
    second.get_by_role("button", name="Stars, tags and note").click()
    second.get_by_role("button", name="[2], 4 stars").click()
    expect(second.get_by_role("img", name="4 of 5 stars, clip [2]")).to_be_visible()
    second.get_by_label("Tags, with commas between").fill("best, <b>bold</b>")
    second.get_by_role("textbox", name="Note").fill("for the opening")
    year.screenshot("history-edit")
    second.get_by_role("button", name="Save").click()
    expect(second.get_by_text("<b>bold</b>")).to_be_visible()
    expect(second.get_by_text("for the opening")).to_be_visible()

    second.get_by_role("button", name="Delete").focus()
    year.page.keyboard.press("b")  # JupyterLab would insert a cell
    year.page.keyboard.press("Enter")
    undo = history.get_by_role("button", name="Undo")
    expect(undo).to_be_focused()
    expect(history.get_by_text("1–50 of 4,899")).to_be_visible()
    expect(history.get_by_text("for the opening")).to_have_count(0)
    year.page.keyboard.press("Enter")
    expect(history.get_by_text("for the opening")).to_be_visible()
    expect(history.get_by_text("1–50 of 4,900")).to_be_visible()
    assert year.page.locator(".jp-Cell").count() == cells

    history.get_by_role("button", name=TRASH).click()
    expect(history.get_by_text("1–50 of 100")).to_be_visible()
    history.get_by_role("button", name="Empty the trash").click()
    expect(history.get_by_text("what they cost stays counted")).to_be_visible()
    year.screenshot("history-trash")
    history.get_by_role("button", name="Delete for good").click()
    expect(history.locator(".mj-h-nothing")).to_have_text("The trash is empty.")
    expect(history.get_by_text("2,940.00 USD")).to_be_visible()

    history.get_by_role("button", name=TRASH).click()
    history.get_by_role("button", name="Show it").click()
    expect(rows(year)).to_have_count(1)
    rows(year).get_by_role("button", name="Forget").click()
    expect(history.get_by_text("No request with unknown outcome is left.")).to_be_visible()
    assert year.console_errors == []


def test_what_was_made_is_opened_compared_and_made_again(notebooks, clockwork):
    notebook = notebooks.new([MAKE.replace("BASE_URL", repr(clockwork.url)), HISTORY], files=[PHOTO]).open()
    notebook.run_all()
    notebook.wait_idle()
    history = notebook.cell(1)
    expect(rows(notebook, 1)).to_have_count(2)
    made = rows(notebook, 1).filter(has_text="bold")
    expect(made.locator(".mj-h-title")).to_have_text(HTML)
    expect(made.locator("img")).to_be_visible()
    assert notebook.page.title() != "run"

    made.get_by_role("button", name="Open the card of").click()
    card = history.locator(".mj-card")
    expect(card.locator("video")).to_have_count(4)
    notebook.page.wait_for_function(PLAYS, arg=card.element_handle())
    notebook.screenshot("history-opened")
    made.get_by_role("button", name="Close the card of").click()
    expect(card).to_have_count(0)
    made.hover()
    made.get_by_role("button", name="Extend a clip of").click()
    expect(card.get_by_role("button", name="Extend [0], low motion")).to_be_focused()
    made.get_by_role("button", name="Close the card of").click()

    for row in rows(notebook, 1).all():
        row.get_by_role("checkbox").check()
    history.get_by_role("button", name="Compare").click()
    expect(card.locator("video")).to_have_count(8)
    expect(card.get_by_text("8 clips side by side").first).to_be_visible()
    expect(card.locator(".mj-badge").first).to_have_text("[0] · steam · low · 720p")
    notebook.page.wait_for_function(PLAYS, arg=card.element_handle())
    notebook.screenshot("history-compare")
    history.get_by_role("button", name="Close", exact=True).click()

    made.hover()
    made.get_by_role("button", name="Use the settings of").click()
    form = history.locator(".mj-form")
    expect(form.locator("textarea").first).to_have_value(HTML)
    expect(form.get_by_text("coffee.jpg · 600 × 400")).to_be_visible()
    notebook.screenshot("history-reuse")
    assert notebook.console_errors == []


def test_the_studio_has_a_tab_for_what_was_made(notebooks):
    notebook = notebooks.new(["import mjvideo_nb as mj\nstudio = mj.studio()\nstudio"], files=[PHOTO])
    fill(notebook.folder / "mjvideo", 200)
    notebook.open()
    notebook.run_all()
    notebook.wait_idle()
    studio = notebook.cell(0)
    expect(studio.locator(".mj-form")).to_be_visible()
    notebook.screenshot("studio-make")
    studio.get_by_role("button", name="History").click()
    expect(rows(notebook)).to_have_count(50)
    expect(studio.locator(".mj-form")).to_be_hidden()
    notebook.screenshot("studio-history")
    rows(notebook).nth(3).hover()
    rows(notebook).nth(3).get_by_role("button", name="Use the settings of").click()
    expect(studio.locator(".mj-form")).to_be_visible()
    expect(studio.locator("textarea").first).to_have_value(
        "the camera drifts back until the whole café is in sight, people come and go in the window behind"
    )
    expect(studio.get_by_text("coffee.jpg · 600 × 400")).to_be_visible()
    expect(studio.locator(".mj-frame img")).to_be_visible()
    notebook.screenshot("studio-reused")
    assert notebook.console_errors == []


@pytest.mark.long
def test_a_kernel_that_is_gone_is_said(year):
    history = year.cell(0)
    year.restart_kernel()
    history.get_by_role("button", name="Next page").click()
    expect(history.get_by_role("status")).to_contain_text("kernel")
    assert rows(year).count() == 50
