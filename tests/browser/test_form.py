"""The form as its people use it: pictures dropped, pasted and chosen, earlier prompts, flags, and what is remembered."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.patience import PATIENCE

from .notebook import FREEZE, in_both_hosts

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
PHOTO = NOTEBOOKS / "coffee.jpg"
ROCKET = NOTEBOOKS / "rocket.jpg"
STUDIO = "import mjvideo_nb as mj\nstudio = mj.studio()\nstudio"
MADE_BEFORE = "for prompt in ('first\\nof two lines', 'second'):\n    mj.video('coffee.jpg', prompt, extra={'batchSize': 1}).wait(240)"
ASKED = "studio._request()"
LANDING = re.compile("mj-landing")

TRANSFER = """([bytes, name, type]) => {
    const data = new DataTransfer();
    const raw = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
    data.items.add(new File([raw], name, { type }));
    return data;
}"""
HOLD_OVER = """(node, dataTransfer) => {
    const tell = (kind) => node.dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
    tell('dragenter');
    tell('dragover');
    const again = setInterval(tell, 50, 'dragover');
    return () => clearInterval(again);
}"""
PASTE = """(node, data) => (node ?? document.body).dispatchEvent(
    new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }))"""


def transfer(notebook, path, media_type="image/jpeg"):
    """What the browser has of a file that is dragged or copied."""
    content = base64.b64encode(path.read_bytes()).decode()
    return notebook.page.evaluate_handle(TRANSFER, [content, path.name, media_type])


@contextlib.contextmanager
def held_over(target, data):
    """Told again and again, as a browser tells it, until it is dropped or taken away."""
    taken_away = target.evaluate_handle(HOLD_OVER, data)
    yield
    taken_away.evaluate("stop => stop()")


@pytest.fixture
def opened(notebooks):
    """``opened(*cells)``: a notebook that has run, whose last cell is the form, and the form in it."""

    def run(*cells, files=(PHOTO, ROCKET)):
        notebook = notebooks.new([*cells, STUDIO], files=files).open()
        notebook.run_all()
        notebook.wait_idle()
        form = notebook.cell(len(cells)).locator(".mj-form")
        expect(form).to_be_visible()
        return notebook, form

    return run


def prompt_of(form):
    return form.get_by_role("textbox", name="Prompt", exact=True)


def first_frame(form):
    return form.get_by_role("group", name="First frame", exact=True)


@in_both_hosts
def test_a_picture_dropped_anywhere_on_the_form_is_the_first_frame(opened, notebooks):
    notebook, form = opened()
    data = transfer(notebook, PHOTO)
    prompt = prompt_of(form)
    with held_over(prompt, data):
        expect(form).to_have_class(LANDING)
        notebook.screenshot(f"form-drop-{notebooks.host}", form)
    prompt.dispatch_event("drop", {"dataTransfer": data})
    expect(first_frame(form).get_by_text("coffee.jpg · 600 × 400")).to_be_visible()
    expect(form).not_to_have_class(LANDING)
    assert prompt.input_value() == ""
    assert notebook.console_errors == []


@pytest.mark.long
def test_what_is_held_over_the_form_and_taken_away_leaves_it_as_it_was(opened):
    notebook, form = opened()
    with held_over(prompt_of(form), transfer(notebook, PHOTO)):
        expect(form).to_have_class(LANDING)
    expect(form).not_to_have_class(LANDING)
    expect(first_frame(form).get_by_text("Choose, drop or paste an image")).to_be_visible()


def test_what_is_no_picture_is_refused_where_it_is_dropped(opened):
    notebook, form = opened()
    form.dispatch_event("drop", {"dataTransfer": transfer(notebook, notebook.path, "application/json")})
    expect(first_frame(form).get_by_role("alert")).to_contain_text("Choose a JPEG, PNG or WebP picture")


@pytest.mark.default_cases(1)
@pytest.mark.parametrize("where", ["in the prompt", "over the form"])
@in_both_hosts
def test_a_picture_is_pasted_with_the_keys(opened, notebooks, where):
    """The browser's own clipboard and keys: nothing else is pasted by that, no cell either."""
    notebook, form = opened()
    page = notebook.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate(
        """async (bytes) => {
            const raw = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
            const bitmap = await createImageBitmap(new Blob([raw]));
            const canvas = Object.assign(document.createElement('canvas'), { width: bitmap.width, height: bitmap.height });
            canvas.getContext('2d').drawImage(bitmap, 0, 0);
            const png = await new Promise((done) => canvas.toBlob(done, 'image/png'));
            await navigator.clipboard.write([new ClipboardItem({ 'image/png': png })]);
        }""",
        base64.b64encode(PHOTO.read_bytes()).decode(),
    )
    cells = page.locator(".jp-Notebook .jp-Cell").count()
    if where == "in the prompt":
        prompt_of(form).click()
    else:
        page.locator(".jp-Notebook .jp-Cell").first.locator(".jp-InputPrompt").click()
        form.hover(position={"x": 200, "y": 10})
    page.keyboard.press("Control+v")
    expect(first_frame(form).get_by_text("600 × 400")).to_be_visible()
    notebook.screenshot(f"form-pasted-{notebooks.host}", form)
    assert page.locator(".jp-Notebook .jp-Cell").count() == cells
    assert prompt_of(form).input_value() == ""
    assert notebook.console_errors == []


@pytest.mark.long
def test_a_paste_elsewhere_is_not_the_forms(opened):
    notebook, form = opened()
    editor = notebook.page.locator(".jp-Notebook .jp-Cell").first.locator(".cm-content")
    editor.click()
    form.hover(position={"x": 200, "y": 10})
    editor.evaluate(PASTE, transfer(notebook, PHOTO))
    prompt = prompt_of(form)
    prompt.click()
    both = transfer(notebook, PHOTO)
    both.evaluate("data => data.setData('text/plain', 'words')")
    prompt.evaluate(PASTE, both)
    expect(first_frame(form).get_by_text("Choose, drop or paste an image")).to_be_visible()


@pytest.mark.long
def test_the_url_of_a_picture_is_dropped_or_pasted_and_what_is_none_is_said(opened):
    """Nothing is fetched for that: a URL goes to the service as it is."""
    notebook, form = opened()
    caption = first_frame(form).locator(".mj-caption")
    data = notebook.page.evaluate_handle("() => new DataTransfer()")
    data.evaluate("data => data.setData('text/uri-list', 'http://127.0.0.1:9/tulip.jpg')")
    with held_over(form, data):
        expect(form).to_have_class(LANDING)
    form.dispatch_event("drop", {"dataTransfer": data})
    expect(caption).to_contain_text("tulip.jpg")
    form.get_by_role("button", name="Generate").focus()
    for text, shown in (("coffee.jpg", "coffee.jpg · 600 × 400"), ("http://127.0.0.1:9/rose.png", "rose.png")):
        words = notebook.page.evaluate_handle("() => new DataTransfer()")
        words.evaluate("(data, text) => data.setData('text/plain', text)", text)
        form.evaluate(PASTE, words)
        expect(caption).to_contain_text(shown)
    words.evaluate("data => data.setData('text/plain', 'some words')")
    form.evaluate(PASTE, words)
    expect(first_frame(form).get_by_role("alert")).to_contain_text("no picture in this")


def test_a_picture_of_the_folder_or_of_before_is_chosen_with_the_keys_alone(opened):
    notebook, form = opened("import mjvideo_nb as mj", MADE_BEFORE)
    page = notebook.page
    button = form.get_by_role("button", name="Choose a picture: first frame")
    button.focus()
    page.keyboard.press("Enter")
    panel = form.get_by_role("dialog", name="Pictures for the first frame")
    expect(panel.get_by_role("group", name="Earlier first frames").get_by_role("button")).to_have_count(1)
    here = panel.get_by_role("group", name="In this folder").get_by_role("button")
    expect(here).to_have_count(2)
    expect(panel.locator(".mj-choice img:visible")).to_have_count(3)
    notebook.screenshot("form-gallery")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(panel.get_by_role("button").first).to_be_focused()
    page.keyboard.press("End")
    name = page.evaluate("document.activeElement.title")
    page.keyboard.press("Enter")
    expect(panel).to_be_hidden()
    expect(button).to_be_focused()
    expect(first_frame(form).locator(".mj-caption")).to_contain_text(f"{name} · ")
    assert notebook.console_errors == []


@pytest.mark.long
def test_many_pictures_come_as_they_are_looked_at(opened, tmp_path):
    many = []
    for number in range(120):
        many.append(tmp_path / f"picture {number:03}.jpg")
        shutil.copy(PHOTO, many[-1])
    notebook, form = opened(files=many)
    form.get_by_role("button", name="Choose a picture: first frame").click()
    panel = form.get_by_role("dialog")
    expect(panel.locator(".mj-choice")).to_have_count(120)
    expect(panel.locator(".mj-choice img:visible").first).to_be_visible()
    last = panel.locator(".mj-choice").last
    assert last.locator("img:visible").count() == 0
    last.scroll_into_view_if_needed()
    expect(last.locator("img")).to_be_visible()
    assert panel.locator("img:visible").count() < 100
    panel.get_by_role("searchbox").fill("07.jpg picture")
    expect(panel.locator(".mj-choice:visible")).to_have_count(2)  # 007 and 107
    notebook.screenshot("form-gallery-many")
    panel.get_by_role("searchbox").press("ArrowDown")
    notebook.page.keyboard.press("Enter")
    expect(first_frame(form).locator(".mj-caption")).to_contain_text("07.jpg")
    notebook.save()
    assert len(notebook.saved_text()) < 300_000


@pytest.mark.long
def test_earlier_prompts_come_by_the_arrow_keys_and_what_was_typed_comes_back(opened):
    notebook, form = opened("import mjvideo_nb as mj", MADE_BEFORE)
    prompt = prompt_of(form)
    prompt.click()
    expect(form.get_by_text("↑ earlier prompts")).to_be_visible()
    prompt.press_sequentially("being typed")
    prompt.press("ArrowUp")
    expect(prompt).to_have_value("second")
    expect(form.get_by_text("Earlier prompt 1 of 2")).to_be_visible()
    notebook.screenshot("form-recall", form)
    prompt.press("ArrowUp")
    expect(prompt).to_have_value("first\nof two lines")
    prompt.press("ArrowUp")
    expect(prompt).to_have_value("first\nof two lines")
    prompt.press("ArrowDown")
    expect(prompt).to_have_value("second")
    prompt.press("ArrowDown")
    expect(prompt).to_have_value("being typed")
    prompt.press("ArrowDown")
    expect(prompt).to_have_value("being typed")

    # Inside of a text of several lines the keys move the caret, also where only the field has wrapped it.
    for text in ("one\ntwo", "wide " * 80):
        prompt.fill(text)
        prompt.press("ArrowUp")
        expect(prompt).to_have_value(text)
        assert prompt.evaluate("field => field.selectionStart") < len(text)
    prompt.press("Control+Home")
    prompt.press("ArrowUp")
    expect(prompt).to_have_value("second")
    notebook.run_cell(2)  # the kernel has what is shown
    assert notebook.console_errors == []


def asked(notebook, cell):
    """What a press on Generate would ask for now."""
    notebook.run_cell(cell)
    notebook.wait_idle()
    return notebook.cell(cell).inner_text()


def test_flags_are_explained_as_they_are_typed_and_the_motion_follows(notebooks):
    notebook = notebooks.new([STUDIO, ASKED], files=[PHOTO]).open()
    notebook.run_cell(0)
    notebook.wait_idle()
    form = notebook.cell(0).locator(".mj-form")
    first_frame(form).get_by_label("First frame: a path or URL").fill("coffee.jpg")
    prompt = prompt_of(form)
    prompt.click()
    expect(first_frame(form).get_by_text("coffee.jpg · 600 × 400")).to_be_visible()
    height = form.bounding_box()["height"]
    prompt.press_sequentially("steam --mo")
    flags = form.get_by_role("list", name="Flags in the prompt").get_by_role("listitem")
    expect(flags).to_have_text(["--mo --motion"])
    prompt.press_sequentially("tion high")
    expect(flags.first).to_have_text("--motion high high motion")
    assert form.bounding_box()["height"] == height
    high, low = (form.get_by_role("button", name=name, exact=True) for name in ("High", "Low"))
    expect(high).to_have_class(re.compile("mod-active"))
    prompt.press_sequentially(" --raw --bs 3")
    expect(flags.filter(has_text="--bs 3")).to_contain_text("write --bs 1, --bs 2 or --bs 4")
    notebook.screenshot("form-flags", form)
    form.get_by_role("button", name="Generate").click()
    expect(form.locator(".mj-error:visible")).to_contain_text("--bs 3 cannot be sent")
    expect(notebook.cell(0).locator(".mj-card")).to_have_count(0)
    notebook.screenshot("form-flags-refused", form)
    prompt.press("End")
    prompt.press("Backspace")
    prompt.press_sequentially("1 --end loop --ar 16:9")
    expect(flags.filter(has_text="--ar")).to_contain_text("the shape is that of the first frame")
    low.click()
    expect(prompt).to_have_value("steam --motion low --raw --bs 1 --end loop --ar 16:9")
    assert "motion='low', prompt='steam --motion low --raw" in asked(notebook, 1)
    form.get_by_role("button", name="Generate").click()
    card = notebook.cell(0).locator(".mj-card")
    expect(card.locator("video")).to_have_count(1, timeout=1000 * PATIENCE)
    assert notebook.console_errors == []


@pytest.mark.long
def test_settings_are_remembered_in_the_library_and_not_in_the_notebook(opened):
    notebook, form = opened()
    form.get_by_role("button", name="High", exact=True).click()
    form.get_by_role("button", name="720p").click()
    form.get_by_role("button", name="More").click()
    form.get_by_role("button", name="Loop").click()
    first_frame(form).locator("input[type=file]").set_input_files(PHOTO)
    expect(first_frame(form).get_by_text("coffee.jpg · 600 × 400")).to_be_visible()
    prompt_of(form).fill("--bs 1")
    form.get_by_role("button", name="Generate").click()
    expect(notebook.cell(0).locator(".mj-card video")).to_have_count(1, timeout=1000 * PATIENCE)
    notebook.restart_kernel()
    notebook.run_all()
    notebook.wait_idle()
    form = notebook.cell(0).locator(".mj-form")
    for name in ("High", "720p", "Loop"):
        expect(form.get_by_role("button", name=name, exact=True)).to_have_class(re.compile("mod-active"))
    notebook.screenshot("form-remembered", form)
    assert prompt_of(form).input_value() == ""


@pytest.mark.long
def test_an_end_frame_is_chosen_apart_from_the_first(notebooks):
    notebook = notebooks.new([STUDIO, ASKED], files=[PHOTO, ROCKET]).open()
    notebook.run_cell(0)
    notebook.wait_idle()
    form = notebook.cell(0).locator(".mj-form")
    form.get_by_role("button", name="More").click()
    expect(form.get_by_text("Not documented by the provider").first).to_be_visible()
    form.get_by_role("button", name="End frame").click()
    end = form.get_by_role("group", name="End frame", exact=True)
    first_frame(form).locator("input[type=file]").set_input_files(PHOTO)
    data = transfer(notebook, ROCKET)
    with held_over(end.locator(".mj-frame"), data):
        expect(form).not_to_have_class(LANDING)
    end.locator(".mj-frame").dispatch_event("drop", {"dataTransfer": data})
    expect(end.locator(".mj-caption")).to_contain_text("rocket.jpg")
    expect(first_frame(form).locator(".mj-caption")).to_contain_text("coffee.jpg")
    notebook.screenshot("form-end-frame", form)
    said = asked(notebook, 1)
    assert "endImage" in said
    assert "rocket.jpg" in said
    notebook.theme(dark=True)
    form.scroll_into_view_if_needed()
    notebook.screenshot("form-end-frame-dark", form)
    notebook.resize(360, 900)
    notebook.screenshot("form-360", form)
    form.get_by_role("button", name="Choose a picture: first frame").click()
    expect(form.get_by_role("dialog").locator(".mj-choice img:visible")).to_have_count(2)
    notebook.screenshot("form-gallery-360")
    notebook.resize(1280, 900)
    prompt_of(form).fill("steam --bs 1")
    form.get_by_role("button", name="Generate").click()
    expect(notebook.cell(0).locator(".mj-card video")).to_have_count(1, timeout=1000 * PATIENCE)
    notebook.save()
    assert json.loads(notebook.saved_text())
    assert notebook.console_errors == []


def test_a_picture_is_dragged_from_the_file_browser_of_jupyterlab(opened):
    notebook, form = opened()
    page = notebook.page
    page.evaluate("() => window.jupyterapp.commands.execute('filebrowser:activate')")
    item = page.locator(".jp-DirListing-item", has_text="rocket.jpg")
    expect(item).to_be_visible()
    item.hover()
    page.mouse.down()
    box = prompt_of(form).bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 20, steps=8)
    expect(form).to_have_class(LANDING)
    page.mouse.up()
    expect(first_frame(form).get_by_text("rocket.jpg · 640 × 427")).to_be_visible()
    expect(form).not_to_have_class(LANDING)
    assert notebook.console_errors == []


def test_what_was_typed_last_is_what_is_made_though_the_kernel_was_busy(opened):
    """A press on Generate pays: it must not be there before the text."""
    notebook, form = opened("0")
    notebook.write_cell(0, FREEZE)
    first_frame(form).get_by_label("First frame: a path or URL").fill("coffee.jpg")
    prompt_of(form).click()
    expect(first_frame(form).get_by_text("coffee.jpg · 600 × 400")).to_be_visible()
    notebook.run_cell(0)
    notebook.wait_for_file("frozen")
    prompt_of(form).press_sequentially("steam --bs 1")
    form.get_by_role("button", name="Generate").click()
    (notebook.folder / "let-go").write_bytes(b"")
    expect(notebook.cell(1).locator(".mj-card .mj-title")).to_have_text("steam --bs 1")


def test_a_press_after_typing_counts_though_the_kernel_was_busy(opened):
    notebook, form = opened("0")
    notebook.write_cell(0, FREEZE)
    prompt, low = prompt_of(form), form.get_by_role("button", name="Low", exact=True)
    prompt.fill("steam --motion high")
    expect(form.get_by_role("button", name="High", exact=True)).to_have_class(re.compile("mod-active"))
    notebook.run_cell(0)
    notebook.wait_for_file("frozen")
    prompt.press("End")
    prompt.press_sequentially(" --raw")
    low.click()
    (notebook.folder / "let-go").write_bytes(b"")
    notebook.wait_idle()
    expect(prompt).to_have_value("steam --motion low --raw")
    expect(low).to_have_class(re.compile("mod-active"))
