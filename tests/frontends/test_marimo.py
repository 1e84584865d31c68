"""marimo: cards and the history in one anywidget, and a cell that runs again by itself pays nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import expect

from tests.patience import PATIENCE

from .playing import PLAYING

FORM = Path(__file__).parents[2] / "notebooks" / "form_in_marimo.py"
AGAIN = """
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo
    import mjvideo_nb as mj

    return mj, mo


@app.cell
def _(mo):
    run = mo.ui.run_button(label="Run it again")
    run
    return (run,)


@app.cell
def _(mj, run):
    run
    job = mj.video("coffee.jpg", prompt="steam rises slowly")
    job
    return (job,)


@app.cell
def _(job, mj, mo):
    job.wait(240)
    two = mj.compare(job[0], job[1], title="Two of them")
    mo.vstack([two, mj.rank(job, title="Which is best?"), mj.sweep("coffee.jpg", prompt=["steam", "smoke"])])
    return


@app.cell
def _(mj, mo):
    try:
        mj.studio()
    except mj.InvalidRequest as error:
        told = str(error)
    mo.md(told)
    return
"""


def test_from_the_form_to_playing_clips_on_from_one_and_into_the_history(folder, serve, page_at):
    shutil.copy(FORM, folder)
    page = page_at(serve("marimo", "run", FORM.name, "--headless", "--no-token", "--port={port}", "--host=127.0.0.1"))

    page.get_by_label("Prompt").fill("the spoon turns once")
    page.get_by_role("button", name="Generate").click(timeout=1000 * PATIENCE)
    card = page.locator(".mj-card").filter(has_text="the spoon turns once").first
    expect(card.locator("video")).to_have_count(4, timeout=1000 * PATIENCE)
    page.wait_for_function(PLAYING, arg=card.element_handle())

    card.get_by_role("button", name="4 stars").nth(1).click()
    expect(page.get_by_role("img", name="4 of 5 stars, clip [1]")).to_be_visible()  # in the history
    card.get_by_role("button", name="high").nth(1).click()
    longer = page.locator(".mj-card").nth(1)
    expect(longer.locator("video")).to_have_count(4, timeout=1000 * PATIENCE)
    longer.scroll_into_view_if_needed()
    expect(longer).to_contain_text("9.2 s", timeout=1000 * PATIENCE)

    page.locator(".mj-h-entry").last.get_by_role("button", name="Open the card of").click()
    expect(page.locator(".mj-card")).to_have_count(4)  # the first card once more, with what was made from it below


def test_a_cell_that_runs_again_shows_what_it_has_made_and_sends_nothing(folder, serve, page_at, submits):
    (folder / "again.py").write_text(AGAIN)
    begun = submits()
    page = page_at(serve("marimo", "run", "again.py", "--headless", "--no-token", "--port={port}", "--host=127.0.0.1"))

    card = page.locator(".mj-card").first
    expect(card.locator("video")).to_have_count(4, timeout=1000 * PATIENCE)
    expect(page.locator(".mj-card").filter(has_text="Two of them").locator("video")).to_have_count(
        2, timeout=1000 * PATIENCE
    )
    expect(page.get_by_role("button", name="Left is better")).to_be_visible()
    expect(page.get_by_role("button", name="Run 2 calls")).to_be_visible()
    page.get_by_role("button", name="Run it again").click()
    expect(card).to_contain_text("Shown again: this cell had made it")
    page.wait_for_function(PLAYING, arg=card.element_handle())
    assert submits() - begun == 1

    expect(page.get_by_text("marimo shows no ipywidgets, of which this form is made")).to_be_visible()
