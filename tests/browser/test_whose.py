"""The history on an account that people share: mine or everybody's, and who made what."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from mjvideo_nb.models import VideoRequest
from mjvideo_nb.notebook.session import Session
from tests.notebook.many import fill

from .test_access import axe, found_by  # noqa: F401 - a fixture
from .test_history import STICKS_OUT, rows

PHOTO = Path(__file__).parents[2] / "notebooks" / "coffee.jpg"
PEOPLE = ("alice", "bob", "<i>maria-magdalena.von-hohenlohe-langenburg@studio.example</i>")
OPEN = """
import os
os.environ["JUPYTERHUB_USER"] = "alice"
import mjvideo_nb as mj
_ = mj.connect("sk-none", "https://elsewhere.example", database={database!r})
mj.history()
"""
WIDTHS = {940: 1280, 360: 476}
"""Of the list, and of the window in which it is so wide."""


@pytest.fixture
def shared(notebooks, shared_database):
    """Alice's notebook, and its history open; what bob and maria have made is on their machines."""
    notebook = notebooks.new([OPEN.format(database=shared_database)], files=[PHOTO])
    fill(notebook.folder / "mjvideo", 120, database=shared_database, people=PEOPLE)
    notebook.open()
    notebook.run_all()
    notebook.wait_idle()
    expect(rows(notebook)).not_to_have_count(0)
    return notebook


def test_the_history_is_mine_or_everybodys(shared, axe):  # noqa: F811
    history = shared.cell(0)
    whose = history.get_by_label("Whose")
    expect(whose).to_have_value("")
    expect(history.get_by_text("1–39 of 39")).to_be_visible()
    expect(history.locator(".mj-h-by")).to_have_count(0)
    expect(rows(shared).first.locator("img")).to_be_visible()
    for wide, window in WIDTHS.items():
        shared.resize(window, 1100)
        shared.screenshot(f"whose-mine-{wide}", history)
    shared.resize(1280, 900)

    whose.select_option("Everybody’s")
    expect(history.get_by_text("1–50 of 118")).to_be_visible()
    expect(rows(shared).nth(0).locator(".mj-h-by")).to_have_text("by alice")
    expect(rows(shared).nth(1).locator(".mj-h-by")).to_have_text("by bob")
    expect(rows(shared).nth(2).locator(".mj-h-by")).to_have_text(f"by {PEOPLE[2]}")
    theirs = rows(shared).nth(1)
    theirs.hover()
    expect(theirs.get_by_role("button", name="Only bob can delete it")).to_be_disabled()
    theirs.get_by_role("button", name="Stars of").click()
    expect(theirs.get_by_text("Tags and note are for bob to change")).to_be_visible()
    expect(theirs.get_by_role("textbox")).to_have_count(0)
    theirs.get_by_role("button", name="[0], 4 stars").click()
    expect(theirs.get_by_role("img", name="4 of 5 stars, clip [0]")).to_be_visible()
    assert found_by(axe, shared, 0) == []
    for wide, window in WIDTHS.items():
        shared.resize(window, 1100)
        shared.screenshot(f"whose-everybody-{wide}", history)
        assert history.locator(".mj-h-list").evaluate(STICKS_OUT) == [], f"at {wide} px"
    shared.resize(1280, 900)
    theirs.get_by_role("button", name="Done").click()

    theirs.get_by_role("button", name="Open the card of").click()
    card = history.locator(".mj-card")
    expect(card.get_by_text("Made by bob on another machine.")).to_be_visible()
    expect(card.get_by_text("Ask bob")).to_be_visible()
    expect(card.get_by_role("button", name="Try again").first).to_be_visible()
    shared.screenshot("whose-elsewhere", card)

    history.get_by_role("button", name="Trash").click()
    expect(rows(shared)).to_have_count(2)
    expect(history.get_by_role("button", name="Only bob can restore it")).to_be_disabled()
    history.get_by_role("button", name="Empty mine").click()
    expect(history.get_by_text("Delete 1 video of yours for good")).to_be_visible()
    shared.screenshot("whose-trash", history)
    history.get_by_role("button", name="Delete for good").click()
    expect(history.get_by_text("Your trash is empty.")).to_be_visible()
    expect(rows(shared)).to_have_count(1)
    expect(history.get_by_role("button", name="Empty mine")).to_be_hidden()
    assert shared.console_errors == []


SEE = """
import os
os.environ["JUPYTERHUB_USER"] = "alice"
import mjvideo_nb as mj
_ = mj.connect("sk-none", {service!r}, library={storage!r}, database={database!r})
mj.history(everybody=True)
"""


def test_a_row_shows_what_another_machine_has_made(notebooks, sandbox, shared_database, tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_USER", "bob")
    storage, his = (tmp_path / "store").as_uri(), tmp_path / "bob"
    his.mkdir()
    monkeypatch.chdir(his)
    bob = Session("sk-none", sandbox.url, library=storage, database=shared_database)
    made = bob.jobs.make(VideoRequest(image=PHOTO, prompt="steam rises", extra={"batchSize": 1}))
    made.wait(240)
    poster = (his / "mjvideo" / "posters" / made.id / "0.jpg").read_bytes()
    bob.close()
    bob.library.close()

    notebook = notebooks.new([SEE.format(service=sandbox.url, storage=storage, database=shared_database)])
    notebook.open()
    notebook.run_all()
    notebook.wait_idle()
    expect(notebook.cell(0).get_by_label("Whose")).to_have_value("everybody")
    expect(rows(notebook).first.locator("img")).to_be_visible()
    notebook.screenshot("whose-picture", notebook.cell(0))
    assert (notebook.folder / "mjvideo" / "posters" / made.id / "0.jpg").read_bytes() == poster
    assert not (notebook.folder / "mjvideo" / "clips").exists()
    assert notebook.console_errors == []
