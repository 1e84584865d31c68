"""Voila: the form as an app, one page without code."""

from __future__ import annotations

import nbformat
from playwright.sync_api import expect

from tests.patience import PATIENCE

from .playing import PLAYING

APP = """import mjvideo_nb as mj
mj.studio("coffee.jpg", prompt="steam rises slowly")"""


def test_from_the_form_to_playing_clips_and_on_from_one(folder, serve, page_at):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(APP)])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, folder / "form.ipynb")
    words = ["voila", "form.ipynb", "--no-browser", "--port={port}", "--Voila.ip=127.0.0.1"]
    page = page_at(serve(*words, r"--VoilaConfiguration.file_allowlist=['.*\.mp4']"))
    files = []
    page.on("response", lambda answer: files.append(answer.status) if "/voila/files/" in answer.url else None)

    page.get_by_placeholder("What happens?").fill("the spoon turns once")
    page.get_by_role("button", name="Generate").click()
    card = page.locator(".mj-card").filter(has_text="the spoon turns once")
    expect(card.locator("video")).to_have_count(4, timeout=1000 * PATIENCE)
    page.wait_for_function(PLAYING, arg=card.element_handle())
    assert files == [200] * 4, "they come from the folder"

    card.get_by_role("button", name="high").nth(2).click()
    longer = page.locator(".mj-card").nth(1)
    expect(longer.locator("video")).to_have_count(4, timeout=1000 * PATIENCE)
    longer.scroll_into_view_if_needed()
    expect(longer).to_contain_text("9.2 s", timeout=1000 * PATIENCE)
