"""The harness sees what happens in the page while it happens; the tests beside this one stand on that."""

from __future__ import annotations

import sys

import pytest
from playwright.sync_api import expect

MOVE = """\
import threading, time
import ipywidgets
bar = ipywidgets.IntProgress(value=0, max=40, description="moves")
halt = threading.Event()
def move():
    while not halt.wait(0.1) and bar.value < bar.max:
        bar.value += 1
threading.Thread(target=move, daemon=True).start()
bar"""
BUSY = """\
from pathlib import Path
while not Path("let-go").exists(): time.sleep(0.05)
print("busy, bar at", bar.value)"""


def test_the_browser_plays_what_the_service_sends(chromium):
    page = chromium.new_page()
    answer = page.evaluate("""document.createElement('video').canPlayType('video/mp4; codecs="avc1.42E01E"')""")
    page.close()
    assert answer == "probably", "This Chromium has no H.264: name another one by MJVIDEO_CHROMIUM."


@pytest.mark.long
def test_a_widget_is_seen_to_move_while_a_cell_runs(notebooks):
    nb = notebooks.new([MOVE, BUSY]).open()
    nb.run_all()

    bar = nb.cell(0).locator(".progress-bar")
    for _ in range(3):
        expect(bar).not_to_have_attribute("style", bar.get_attribute("style"))
    expect(nb.cell(1)).to_have_text("")  # that cell is busy: it has not printed

    (nb.folder / "let-go").touch()
    nb.wait_idle()
    expect(nb.cell(1)).to_contain_text("busy, bar at")
    assert nb.console_errors == []


def test_the_kernel_is_that_of_the_tests_and_knows_nothing_of_the_developer(notebooks, monkeypatch):
    nb = notebooks.new(
        [
            "import os, sys, pathlib; print(sys.executable)",
            "print(sorted(name for name in os.environ if name.startswith(('COMETAPI', 'MJVIDEO'))))",
            "print(pathlib.Path.home(), pathlib.Path.cwd(), os.environ['XDG_CACHE_HOME'])",
        ]
    ).open()
    nb.run_all()
    nb.wait_idle()
    expect(nb.cell(0)).to_have_text(sys.executable)
    expect(nb.cell(1)).to_have_text("['MJVIDEO_SANDBOX_CLIPS', 'MJVIDEO_SANDBOX_SECONDS']")
    folder = notebooks.server.folder
    expect(nb.cell(2)).to_have_text(f"{folder / 'home'} {nb.folder} {folder / 'cache'}")


@pytest.mark.long
def test_one_cell_runs_and_a_restart_forgets(notebooks):
    nb = notebooks.new(["word = 'once'", "print(word)"]).open()
    nb.run_cell(0)
    nb.run_cell(1)
    nb.wait_idle()
    expect(nb.cell(1)).to_have_text("once")

    nb.restart_kernel()
    nb.run_cell(1)
    nb.wait_idle()
    expect(nb.cell(1)).to_contain_text("NameError")


@pytest.mark.long
def test_an_interrupt_ends_a_cell(notebooks):
    nb = notebooks.new(["import time; print('asleep'); time.sleep(600)"]).open()
    nb.run_all()
    expect(nb.cell(0)).to_contain_text("asleep")
    nb.interrupt_kernel()
    nb.wait_idle()
    expect(nb.cell(0)).to_contain_text("KeyboardInterrupt")


@pytest.mark.long
def test_a_saved_notebook_is_on_disk_and_opens_again(notebooks, tmp_path):
    nb = notebooks.new(["print('kept' + '!' * 3)"]).open()
    nb.run_all()
    nb.wait_idle()
    assert "kept!!!" not in nb.saved_text()
    nb.save()
    assert "kept!!!" in nb.saved_text()

    nb.reopen()
    expect(nb.cell(0)).to_have_text("kept!!!")

    copy = notebooks.existing(nb.path).open()
    expect(copy.cell(0)).to_have_text("kept!!!")
    assert copy.path != nb.path


@pytest.mark.long
def test_the_theme_and_the_size_change_what_is_seen(notebooks):
    nb = notebooks.new(["print('look')"]).open()
    light = nb.screenshot("harness-light").read_bytes()
    nb.theme(dark=True)
    dark = nb.screenshot("harness-dark").read_bytes()
    nb.resize(640, 700)
    narrow = nb.screenshot("harness-narrow").read_bytes()

    assert _size(light) == _size(dark) == (1280, 900)
    assert _size(narrow) == (640, 700)
    assert _brightness(light) > 200
    assert _brightness(dark) < 80


@pytest.mark.long
def test_the_next_notebook_is_light_again(notebooks):
    nb = notebooks.new(["print('look')"]).open()
    assert nb.page.evaluate("document.body.dataset.jpThemeLight") == "true"


def test_an_error_in_the_page_is_noted(notebooks):
    nb = notebooks.new(
        ["from IPython.display import Javascript; Javascript('console.error(\"seen \" + 6 * 7)')"]
    ).open()
    nb.run_all()
    nb.wait_idle()
    expect(nb.cell(0)).to_be_attached()
    assert any("seen 42" in line for line in nb.console_errors), nb.console_errors


def _image(png: bytes):
    import io

    from PIL import Image

    return Image.open(io.BytesIO(png))


def _size(png: bytes) -> tuple[int, int]:
    return _image(png).size


def _brightness(png: bytes) -> float:
    """Mean brightness of a picture, 0-255."""
    small = _image(png).convert("L").resize((1, 1))
    return small.getpixel((0, 0))
