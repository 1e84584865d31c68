"""A page that is used again is as one that was just loaded."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from .notebook import Notebooks
from .pages import WIDE, Pages

LOOK = """() => ({
    light: document.body.dataset.jpThemeLight,
    size: [innerWidth, innerHeight],
    open: [...window.jupyterapp.shell.widgets('main')].map(widget => widget.context?.path),
    sidebars: [window.jupyterapp.shell.leftCollapsed, window.jupyterapp.shell.rightCollapsed],
    mode: window.jupyterapp.shell.mode,
    own: Object.keys(window).filter(name => /^mj(?!Page$|Started$)/.test(name)),
    dialogs: document.querySelectorAll('.jp-Dialog, .lm-Menu').length,
})"""


@pytest.fixture
def after_another(lab, chromium, tmp_path):
    """``after_another()``: the notebooks of the next test, in pages that none but these tests use."""
    pages, made = Pages(chromium), []

    def another(*, failed=False):
        for notebooks in made:
            notebooks.failed = failed
            notebooks.close()
        made[:] = [Notebooks(lab, chromium, "pages", tmp_path, pages=pages)]
        return made[0]

    yield another
    for notebooks in made:
        notebooks.close()
    pages.close()


def test_the_next_notebook_finds_nothing_of_the_one_before(after_another):
    before = after_another().new(["word = 'before'", "import ipywidgets; ipywidgets.IntSlider()"]).open()
    before.run_all()
    before.wait_idle()
    look = before.page.evaluate(LOOK)
    before.theme(dark=True)
    before.resize(700, 500)
    before.page.evaluate("() => window.jupyterapp.commands.execute('filebrowser:activate')")
    before.page.evaluate(
        "() => { window.mjLeft = 1; navigator.clipboard.writeText = () => {}; console.error('by the one before'); }"
    )
    before.page.evaluate("() => { window.jupyterapp.commands.execute('apputils:display-shortcuts'); }")
    expect(before.page.locator(".jp-Dialog")).to_be_visible()

    after = after_another().new(["print('word' in globals())"]).open()
    assert after.page is before.page
    assert after.page.evaluate(LOOK) == {**look, "open": [f"{after.place}/notebook.ipynb"]}
    assert look["size"] == list(WIDE)
    assert after.page.evaluate("Object.keys(navigator.clipboard)") == []
    after.run_all()
    after.wait_idle()
    expect(after.cell(0)).to_have_text("False")
    assert after.console_errors == []
    assert any("by the one before" in line for line in before.console_errors)
    paths = [session["path"] for session in after_another().server.request("GET", "api/sessions")]
    assert not [path for path in paths if path.startswith((before.place, after.place))]


MISSING = """from IPython.display import display
display({"application/vnd.jupyter.widget-view+json": {"model_id": "0" * 32, "version_major": 2, "version_minor": 0}}, raw=True)"""
"""Shows a widget that the kernel does not have, as a saved notebook does: JupyterLab looks for it for two seconds."""


def test_a_complaint_of_a_widget_that_is_still_looked_for_never_reaches_the_next_notebook(after_another):
    before = after_another().new([MISSING]).open()
    before.run_all()
    before.wait_idle()
    after = after_another().new([])
    told = any("widget model not found" in line for line in before.console_errors)
    assert told or after.page is not before.page


@pytest.mark.parametrize(
    "change",
    [
        lambda page: page.emulate_media(forced_colors="active"),
        lambda page: page.route("**/*.mp4", lambda route: route.abort()),
        lambda page: page.context.grant_permissions(["clipboard-read"]),
        lambda page: page.context.new_page(),
        lambda page: page.evaluate("() => { window.mjPage = 'of another loading'; }"),
        None,
    ],
    ids=["media", "route", "permission", "second-page", "loaded-again", "failed"],
)
@pytest.mark.default_cases(1)
def test_a_page_that_is_changed_for_good_is_not_used_again(after_another, change):
    before = after_another().new([]).open()
    if change:
        change(before.page)
    after = after_another(failed=change is None).new([])
    assert after.page is not before.page
    assert before.page.is_closed()
