"""What was made is there again: after a restart of the kernel in the middle, and on a page that is opened anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.patience import PATIENCE

PHOTO = Path(__file__).parents[2] / "notebooks" / "coffee.jpg"
MAKE = "job = mj.video('coffee.jpg', prompt='steam rises', extra={'batchSize': 1})\njob"


def test_a_kernel_that_is_restarted_in_the_middle_goes_on_with_the_same_task(notebooks, sandbox):
    """The service outlives the kernel, as a real one does."""
    connect = f"import mjvideo_nb as mj\nmj.connect('a-key-for-tests', '{sandbox.url}')"
    sandbox.hold(0.5)
    notebook = notebooks.new([connect, MAKE, "mj.open(job.id)"], files=[PHOTO]).open()
    notebook.run_cell(0)
    notebook.run_cell(1)
    card = notebook.cell(1).locator(".mj-card")
    expect(card.get_by_text("In progress").first).to_be_visible(timeout=1000 * PATIENCE)

    notebook.restart_kernel()
    assert sandbox.submits == 1
    notebook.run_cell(0)
    notebook.run_cell(1)
    expect(card.get_by_text("nothing was sent now").first).to_be_visible(timeout=1000 * PATIENCE)
    sandbox.release()
    expect(card.locator("video")).to_have_count(1, timeout=1000 * PATIENCE)
    expect(card.get_by_text("1 clip").first).to_be_visible()
    assert sandbox.submits == 1
    notebook.screenshot("shown-again")

    # The same card on a page that is opened anew, while the kernel lives.
    notebook.save()
    task = card.get_by_text("· task").inner_text()
    notebook.reopen(new_kernel=False)
    again = notebook.cell(1).locator(".mj-card")
    expect(again.get_by_text(task.strip())).to_be_visible(timeout=1000 * PATIENCE)
    expect(again.locator("video")).to_have_count(1)
    again.scroll_into_view_if_needed()
    notebook.page.wait_for_function(
        "card => card.querySelector('video').currentTime > 0.1", arg=again.element_handle(), timeout=1000 * PATIENCE
    )
    notebook.run_cell(2)
    expect(notebook.cell(2).locator(".mj-card").get_by_text("1 clip").first).to_be_visible(timeout=1000 * PATIENCE)
    assert sandbox.submits == 1


@pytest.mark.long
def test_what_was_cut_off_while_it_was_sent_asks_what_to_do(notebooks, sandbox):
    sandbox.misbehave({"name": "slow", "value": PATIENCE, "routes": ["submit"], "times": 1})
    connect = f"import mjvideo_nb as mj\nmj.connect('a-key-for-tests', '{sandbox.url}')"
    notebook = notebooks.new([connect, MAKE], files=[PHOTO]).open()
    notebook.run_cell(0)
    notebook.run_cell(1)
    card = notebook.cell(1).locator(".mj-card")
    expect(card.get_by_text("Sending").first).to_be_visible(timeout=1000 * PATIENCE)
    notebook.restart_kernel()
    notebook.run_cell(0)
    notebook.run_cell(1)
    expect(card.get_by_text("may have been accepted and billed").first).to_be_visible(timeout=1000 * PATIENCE)
    notebook.screenshot("uncertain")
    assert sandbox.submits == 1
    card.get_by_role("button", name="Send it again · about 0.60 USD").click()
    expect(notebook.cell(1).locator(".mj-card")).to_have_count(2)
    expect(notebook.cell(1).locator(".mj-card").nth(1).get_by_text("1 clip").first).to_be_visible(
        timeout=1000 * PATIENCE
    )
    expect(card.first.get_by_role("button", name="Forget it")).to_have_count(0)
    assert sandbox.submits == 2
    notebook.screenshot("sent-again")
