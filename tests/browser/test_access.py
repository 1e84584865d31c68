"""What people who do not see the page, or do not use a mouse, have of each widget: checked by axe-core, and by the Tab key."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

PHOTO = Path(__file__).parents[2] / "notebooks" / "coffee.jpg"
ONE = "extra={'batchSize': 1}"
CELLS = [
    "import mjvideo_nb as mj\njob = mj.video('coffee.jpg', prompt='steam rises')\njob",
    f"failed = mj.video('coffee.jpg', prompt='a crowd [fault:banned-word]', {ONE})\nfailed",
    f"lost = mj.video('coffee.jpg', prompt='petals [fault:drop-after]', {ONE})\nlost",
    "mj.studio(image='coffee.jpg', prompt='steam rises')",
    f"sweep = mj.sweep('coffee.jpg', prompt='{{red|blue}} tulip', motion=['low', 'high'], {ONE})\nsweep",
    "sweep.start()\nmade = [job.wait(240).status, *sweep.wait(120)]",
    "job.rate(1, 4)\nmj.compare({'before': job[0], 'after': job[1]})",
    "mj.rank(job)",
    "mj.history()",
]
WIDGETS = {
    "card": 0,
    "failed": 1,
    "uncertain": 2,
    "form": 3,
    "sweep": 4,
    "comparison": 6,
    "ranking": 7,
    "history": 8,
}
"""The cell in which each is."""
NAMED = """root => [...root.querySelectorAll('button, a[href], input, select, textarea, video, [role=slider], [tabindex="0"]')]
    .filter(node => node.checkVisibility() && !node.matches('[type=file]'))
    .filter(node => !(node.ariaLabel || node.textContent.trim() || node.labels?.length || node.title || node.placeholder))
    .map(node => node.outerHTML.slice(0, 160))"""


@pytest.fixture(scope="module")
def axe():
    """The engine."""
    return Axe()


def found_by(axe, notebook, cell):
    """What axe-core says against what stands in the output of a cell, in words."""
    output = notebook.cell(cell)
    output.scroll_into_view_if_needed()
    output.evaluate(
        "output => { document.querySelector('[data-axe]')?.removeAttribute('data-axe'); output.dataset.axe = ''; }"
    )
    response = axe.run(notebook.page, context="[data-axe] .jp-OutputArea-output").response
    return [
        f"{rule['id']}: {node['html'][:200]} · {node['failureSummary']}"
        for rule in response["violations"]
        for node in rule["nodes"]
    ]


@pytest.mark.long
def test_every_widget_is_free_of_what_axe_core_finds_light_and_dark(notebooks, axe):
    notebook = notebooks.new(CELLS, files=[PHOTO]).open()
    notebook.run_all()
    notebook.wait_idle()
    expect(notebook.cell(8).locator(".mj-h-entry").first).to_be_visible()
    for dark in (False, True):
        notebook.theme(dark=dark)
        found = {name: found_by(axe, notebook, cell) for name, cell in WIDGETS.items()}
        assert not any(found.values()), f"{'dark' if dark else 'light'}: {found}"
    for name, cell in WIDGETS.items():
        assert notebook.cell(cell).evaluate(NAMED) == [], name

    # What opens only on a press.
    form = notebook.cell(3).locator(".mj-form")
    form.get_by_role("button", name="More", exact=False).first.click()
    form.get_by_role("button", name="End frame").click()
    form.get_by_role("textbox", name="Prompt", exact=True).fill("steam --raw --bs 3 --ar 16:9 --mo")
    expect(form.locator(".mj-flag")).to_have_count(4)
    assert found_by(axe, notebook, 3) == []
    assert notebook.cell(3).evaluate(NAMED) == []
    form.get_by_role("button", name="Choose a picture: first frame").click()
    expect(form.get_by_role("dialog").locator(".mj-choice img:visible").first).to_be_visible()
    assert found_by(axe, notebook, 3) == []
    notebook.page.keyboard.press("Escape")
    card = notebook.cell(0).locator(".mj-card")
    card.scroll_into_view_if_needed()
    card.get_by_role("button", name="Wipe").click()
    assert found_by(axe, notebook, 0) == []
    card.get_by_role("button", name="Grid").click()
    card.get_by_role("button", name="Keys (?)").click()
    assert found_by(axe, notebook, 0) == []
    card.press("Escape")
    card.get_by_role("button", name="More for [1]").click()
    assert found_by(axe, notebook, 0) == []
    assert notebook.console_errors == []
