"""The history as somebody uses it who has made videos for a year: found, looked at, sorted, and made again."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.notebook.many import fill

PROJECT = Path(__file__).parents[2]
PHOTO = PROJECT / "notebooks" / "coffee.jpg"

SHOW = "from mjvideo_nb.notebook.history import History\nfrom mjvideo_nb.notebook.session import current\n"
HISTORY = f"{SHOW}History(current())"
HTML = "<img src=x onerror=\"document.title='run'\"> & <b>bold</b>"
MAKE = f"""
import mjvideo_nb as mj
job = mj.video("coffee.jpg", prompt={HTML!r}, motion="high")
_ = job.wait(120)
"""


@pytest.fixture
def year(notebooks):
    """A notebook with a library of 5,000 jobs beside it, and its history open."""
    notebook = notebooks.new([HISTORY], files=[PHOTO])
    fill(notebook.folder / "mjvideo", 5000)
    notebook.open()
    notebook.run_all()
    notebook.wait_idle()
    notebook.page.wait_for_timeout(2000); notebook.screenshot("setup"); print(notebook.console_errors, notebook.cell(0).inner_text())
    expect(notebook.cell(0).locator(".mj-h-entry")).to_have_count(50)
    return notebook


def test_look(year):
    expect(year.cell(0).locator(".mj-h-poster img:visible").first).to_be_visible()
    year.page.wait_for_timeout(1500)
    year.screenshot("history-light")
    year.cell(0).locator(".mj-h-entry").nth(2).get_by_role("button", name="Edit").or_(year.cell(0).locator(".mj-h-entry").nth(2).get_by_text("Edit")).first.click()
    year.cell(0).get_by_text("Filters").click()
    year.cell(0).get_by_text("By day").click()
    year.page.wait_for_timeout(500)
    year.screenshot("history-edit")
    year.theme(dark=True)
    year.page.wait_for_timeout(500)
    year.screenshot("history-dark")
    year.resize(420, 900)
    year.page.wait_for_timeout(500)
    year.screenshot("history-narrow")
    assert year.console_errors == []
