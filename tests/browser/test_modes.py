"""Clips compared on a card: under a line, in one place, by their difference, and closer; with the pointer and by keys."""

from __future__ import annotations

import io
import string

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from .notebook import in_both_hosts
from .stages import show_stage, write_clip

MARKUP = "<b onclick=x>“wind”</b> " + "a label of very many words " * 40
TRANSFORMS = "return videos.map(video => getComputedStyle(video).transform)"


@pytest.fixture
def four(tmp_path):
    """Clip 1 is clip 0 once more; the others are brighter."""
    shades = (40, 40, 120, 200)
    return [write_clip(tmp_path / f"{index}.mp4", shade=shade) for index, shade in enumerate(shades)]


def pixels(locator):
    """What is seen of an element, as grey values."""
    return np.asarray(Image.open(io.BytesIO(locator.screenshot())).convert("L")).astype(int)


def still_at(stage, place):
    """All clips paused, on one frame, and the whole card in sight."""
    stage.notebook.resize(1280, 1100)
    stage.key("k")
    stage.still()
    stage.card.get_by_role("slider", name="Seek").fill(str(place))
    stage.still()


def shade(picture, across, down=0.8):
    """The grey at a place of a picture, both in shares of its size."""
    height, width = picture.shape
    y, x = int(down * height), int(across * width)
    return int(np.median(picture[y - 3 : y + 4, x - 3 : x + 4]))


def mode(stage, name):
    return stage.card.get_by_role("group", name="Compare").get_by_role("button", name=name)


@in_both_hosts
def test_a_wipe_shows_one_clip_on_each_side_of_a_line(notebooks, four):
    stage = show_stage(notebooks, four).playing()
    still_at(stage, 0)
    stage.key("w")
    expect(mode(stage, "Wipe")).to_have_attribute("aria-pressed", "true")
    stage.key("3")
    line = stage.card.get_by_role("slider", name="Line between [0] and [2]")
    expect(line).to_have_attribute("aria-valuenow", "50")
    seen = pixels(stage.card.locator(".mj-stack"))
    assert shade(seen, 0.45) == pytest.approx(40, abs=8)
    assert shade(seen, 0.55) == pytest.approx(120, abs=8)

    # By the pointer: on the line, or beside it.
    box = stage.card.locator(".mj-stack").bounding_box()
    stage.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 80)
    stage.page.mouse.down()
    stage.page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + 80, steps=5)
    stage.page.mouse.up()
    expect(line).to_have_attribute("aria-valuenow", "20")
    assert shade(pixels(stage.card.locator(".mj-stack")), 0.3) == pytest.approx(120, abs=8)
    stage.page.mouse.click(box["x"] + box["width"] * 0.9, box["y"] + 80)
    expect(line).to_have_attribute("aria-valuenow", "90")
    stage.notebook.screenshot("wipe")

    # By keys, which move no frame meanwhile; and the other way round.
    line.focus()
    for key, value in (("ArrowLeft", "88"), ("PageDown", "78"), ("Home", "0"), ("ArrowRight", "2"), ("End", "100")):
        stage.page.keyboard.press(key)
        expect(line).to_have_attribute("aria-valuenow", value)
    assert stage.still() == [0] * 4
    assert shade(pixels(stage.card.locator(".mj-stack")), 0.9) == pytest.approx(40, abs=8)
    stage.page.keyboard.press("x")
    expect(stage.card.get_by_role("slider", name="Line between [2] and [0]")).to_be_focused()
    assert shade(pixels(stage.card.locator(".mj-stack")), 0.9) == pytest.approx(120, abs=8)
    assert stage.notebook.console_errors == []


def test_a_flicker_shows_one_clip_and_switches_at_once(notebooks, four):
    stage = show_stage(notebooks, four).playing()
    still_at(stage, 0)
    stage.key("f")
    place = stage.card.locator(".mj-stack")
    names = stage.card.get_by_role("group", name="Clips to compare")
    assert shade(pixels(place), 0.5) == pytest.approx(40, abs=8)

    stage.key("4")
    expect(names.get_by_role("button", name="[3]")).to_have_attribute("aria-pressed", "true")
    assert shade(pixels(place), 0.5) == pytest.approx(200, abs=8)
    for switch in (
        lambda: stage.key("x"),
        lambda: stage.key("f"),
        lambda: stage.card.get_by_role("button", name="Switch").click(),
        place.click,
    ):
        before = shade(pixels(place), 0.5)
        switch()
        after = shade(pixels(place), 0.5)
        assert sorted((before, after)) == pytest.approx([40, 200], abs=8)
    names.get_by_role("button", name="[2]").click()
    assert shade(pixels(place), 0.5) == pytest.approx(120, abs=8)
    stage.notebook.screenshot("flicker")

    # All play on in step below what is shown, so that a switch is only one of places.
    stage.key("k")
    stage.in_step()


def test_a_difference_is_black_for_equal_clips_and_not_for_others(notebooks, four):
    stage = show_stage(notebooks, four).playing()
    stage.key("d")
    canvas = stage.card.get_by_role("img", name="Difference of [0] and [1]")
    expect(canvas).to_be_visible()
    # While they play, over a seam of the loop, too: no frame is ever compared with another one's.
    brightest = stage.run(
        """
        const canvas = root.querySelector('canvas');
        let brightest = 0, painted = 0, seams = 0, before = 0;
        const paper = canvas.getContext('2d');
        const drawn = CanvasRenderingContext2D.prototype.drawImage;
        paper.drawImage = (...all) => { painted += 1; return drawn.apply(paper, all); };
        await until(() => {
            const time = videos[0].currentTime;
            if (time < before) seams += 1;
            before = time;
            const { data } = paper.getImageData(0, 0, canvas.width, 8);
            for (let i = 0; i < data.length; i += 4) brightest = Math.max(brightest, data[i]);
            return seams > 0 && painted > 60;
        });
        return brightest;
        """
    )
    assert brightest == 0

    still_at(stage, 2)
    assert pixels(canvas)[10:-10, 10:-10].max() <= 1, "inside its round corners"
    stage.key("4")
    # The two chosen last: the first of the pair, and the fourth.
    seen = pixels(stage.card.get_by_role("img", name="Difference of [0] and [3]"))
    assert shade(seen, 0.8) == pytest.approx(160, abs=8)
    bar = (2 / 5.2 * 125 * 2) / 384 + 0.01
    assert shade(seen, bar) < 40, "the white bar is the same in both"
    stage.notebook.screenshot("difference")
    assert stage.notebook.console_errors == []


@pytest.mark.long
def test_clips_are_chosen_in_the_grid_and_under_the_stack(notebooks, four):
    stage = show_stage(notebooks, four).playing()
    second, fourth = (stage.card.get_by_role("button", name=f"Choose [{i}] to compare") for i in (1, 3))
    for button in (second, fourth):
        expect(button).to_have_attribute("aria-pressed", "false")
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
    stage.notebook.screenshot("chosen")
    mode(stage, "Wipe").click()
    expect(stage.card.get_by_role("slider", name="Line between [1] and [3]")).to_be_visible()
    names = stage.card.get_by_role("group", name="Clips to compare")
    names.get_by_role("button", name="[0]").click()
    pressed = names.get_by_role("button", pressed=True)
    expect(pressed).to_have_text(["[0]", "[3]"])
    mode(stage, "Grid").click()
    fourth.focus()
    stage.page.keyboard.press("Enter")
    expect(fourth).to_have_attribute("aria-pressed", "false")


def test_the_same_spot_of_all_is_seen_closer_in_every_mode(notebooks, four):
    stage = show_stage(notebooks, four).playing()
    still_at(stage, 1)
    box = stage.card.locator(".mj-screen").nth(1).bounding_box()
    stage.page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 2)
    stage.page.keyboard.down("Control")
    stage.page.mouse.wheel(0, -60)
    stage.page.mouse.wheel(0, -60)
    stage.page.keyboard.up("Control")
    stage.run("await until(() => root.querySelector('.mj-zoomed'))")
    closer = stage.run(TRANSFORMS)
    assert len(set(closer)) == 1
    assert closer[0] != "none"

    stage.page.mouse.down()
    stage.page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] / 2, steps=4)
    stage.page.mouse.up()
    moved = stage.run(TRANSFORMS)
    assert len(set(moved)) == 1
    assert moved != closer
    expect(stage.card.get_by_role("button", pressed=True, name="Choose")).to_have_count(0)
    stage.notebook.screenshot("closer")

    for name in ("Wipe", "Flicker", "Difference"):
        mode(stage, name).click()
        both = stage.run(TRANSFORMS + ".concat(getComputedStyle(root.querySelector('canvas')).transform)")
        shown = both if name == "Difference" else both[:4]
        assert len(set(shown)) == 1
        assert shown[0] != "none"
    mode(stage, "Grid").click()
    stage.card.locator(".mj-screen").nth(2).dblclick()
    assert set(stage.run(TRANSFORMS)) == {"none"}

    stage.key("+")
    stage.key("+")
    centred = stage.run(TRANSFORMS)[0]
    stage.key("Shift+ArrowRight")
    assert stage.run(TRANSFORMS)[0] != centred
    stage.key("0")
    assert set(stage.run(TRANSFORMS)) == {"none"}
    assert stage.still() == pytest.approx([1] * 4, abs=0.001)


@pytest.mark.long
def test_labels_are_shown_whole_only_as_a_title_and_are_never_markup(notebooks, four):
    stage = show_stage(notebooks, four[:3], labels=[MARKUP, "low · 480p", "العربية"]).playing()
    badges = stage.card.locator(".mj-badge")
    expect(badges.nth(0)).to_have_text(MARKUP.strip())
    assert badges.nth(0).evaluate("badge => badge.scrollWidth > badge.clientWidth && badge.clientHeight < 30")
    expect(stage.card.locator(".mj-pick").nth(0)).to_have_attribute("title", MARKUP)
    stage.key("w")
    expect(stage.card.get_by_role("slider", name="Line between <b onclick=x>“wind”</b> a label")).to_be_visible()
    assert stage.card.locator("b[onclick]").count() == 0
    assert stage.card.evaluate("card => card.scrollWidth <= card.clientWidth")
    stage.notebook.screenshot("labels")


@in_both_hosts
def test_no_key_at_the_clips_reaches_the_notebook(notebooks, four):
    stage = show_stage(notebooks, four[:2]).playing()
    stage.card.locator(".mj-head").click()
    for key in [*string.ascii_lowercase, *string.digits, *string.punctuation, " ", "Home", "End", "ArrowLeft"]:
        stage.key(key)
        if stage.card.locator("dialog[open]").count():
            stage.page.keyboard.press("b")
            stage.page.keyboard.press("Escape")
    stage.key("Shift+M")
    # Not even when the control with the focus is hidden by its own key.
    for mode_key, control in (("w", "[role=slider].mj-wipe"), ("g", ".mj-pick"), ("i", ".mj-mark.mj-from")):
        stage.key(mode_key)
        stage.card.locator(control).first.focus()
        stage.page.keyboard.press({"w": "f", "g": "w", "i": "c"}[mode_key])
        stage.page.keyboard.press("b")
    assert stage.page.locator(".jp-NotebookPanel .jp-Cell").count() == 1
    assert stage.page.locator(".jp-Dialog").count() == 0
    expect(stage.card).to_be_visible()
    assert stage.notebook.console_errors == []


@pytest.mark.long
def test_the_keys_are_listed_and_the_list_closes_again(notebooks, four):
    stage = show_stage(notebooks, four[:2]).playing()
    panel = stage.card.get_by_role("dialog", name="Keys")
    stage.key("?")
    expect(panel).to_be_visible()
    expect(panel.get_by_role("button", name="Close")).to_be_focused()
    for words in ("Play or pause", "Wipe", "Flicker", "Difference", "Loop from here", "Closer"):
        expect(panel.get_by_text(words).first).to_be_visible()
    stage.notebook.screenshot("help")
    stage.page.keyboard.press("w")
    expect(mode(stage, "Grid")).to_have_attribute("aria-pressed", "true")
    stage.page.keyboard.press("Escape")
    expect(panel).to_be_hidden()

    opener = stage.card.get_by_role("button", name="Keys (?)")
    opener.click()
    expect(panel).to_be_visible()
    stage.page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(opener).to_be_focused()


@pytest.mark.long
def test_one_clip_has_nothing_to_be_compared_with(notebooks, four):
    stage = show_stage(notebooks, four[:1]).playing()
    expect(stage.card.get_by_role("group", name="Compare")).to_have_count(0)
    stage.key("w")
    stage.key("1")
    expect(stage.card.get_by_role("button", name="Choose")).to_have_count(0)
    stage.notebook.screenshot("one")


@pytest.mark.long
def test_from_a_phone_to_a_wall_nothing_is_cut_off_or_jumps(notebooks, four):
    stage = show_stage(notebooks, four, labels=["low", "high, a label of many words", "[2]", "[3]"]).playing()
    stage.card.get_by_role("button", name="Loop a part").click()
    stage.key("k")
    for width in (436, 760, 1280, 1600, 3840):  # the narrowest leaves a card of 320 CSS pixels
        stage.notebook.resize(width)
        heights = set()
        for name in ("Grid", "Wipe", "Flicker", "Difference"):
            mode(stage, name).click()
            inside = stage.card.evaluate(
                """card => {
                    const edge = card.getBoundingClientRect();
                    const out = [...card.querySelectorAll('button, select, a, [role=slider], .mj-time, .mj-screen')]
                        .filter(node => node.checkVisibility() && !node.closest('dialog'))
                        .filter(node => {
                            const box = node.getBoundingClientRect();
                            return box.left < edge.left || box.right > edge.right || box.bottom > edge.bottom;
                        });
                    return [card.clientWidth, card.scrollWidth <= card.clientWidth, out.map(node => node.outerHTML)];
                }"""
            )
            assert inside[1:] == [True, []], f"at {inside[0]} CSS pixels, {name}"
            if name != "Grid":
                heights.add(round(stage.card.bounding_box()["height"]))
            stage.notebook.screenshot(f"{width}-{name}", stage.card)
        assert len(heights) == 1, f"the card jumps between modes at {inside[0]} CSS pixels"


@pytest.mark.long
def test_the_bar_stays_under_the_pointer_when_the_mode_changes(notebooks, four):
    stage = show_stage(notebooks, four).playing()
    stage.page.evaluate("document.querySelector('.jp-Cell').style.marginTop = '900px'")
    stage.card.get_by_role("button", name="Keys (?)").scroll_into_view_if_needed()
    before = mode(stage, "Wipe").bounding_box()
    for name in ("Wipe", "Flicker", "Difference"):
        mode(stage, name).click()
        assert mode(stage, "Wipe").bounding_box() == pytest.approx(before, abs=1.5)


@pytest.mark.long
@pytest.mark.parametrize("look", ["dark", "contrast"])
def test_it_can_be_read_in_the_dark_and_in_high_contrast(notebooks, four, look):
    media = {"forced_colors": "active"} if look == "contrast" else {}
    stage = show_stage(notebooks, four, media=media).playing()
    if look == "dark":
        stage.notebook.theme(dark=True)
    stage.card.get_by_role("button", name="Loop a part").click()
    stage.card.get_by_role("button", name="Choose [1] to compare").click()
    stage.notebook.screenshot(f"{look}-grid")
    stage.key("w")
    stage.notebook.screenshot(f"{look}-wipe")
    chosen, other = (
        mode(stage, name).evaluate("b => getComputedStyle(b).backgroundColor") for name in ("Wipe", "Grid")
    )
    assert chosen != other
    stage.key("?")
    stage.notebook.screenshot(f"{look}-help")


@pytest.mark.long
def test_every_control_has_a_name_a_focus_that_is_seen_and_valid_roles(notebooks, four):
    stage = show_stage(notebooks, four).playing()
    stage.key("i")
    stage.key("w")
    lacking = stage.run(
        """
        const controls = [...root.querySelectorAll('button, select, a[href], input, [role=slider], canvas')]
            .filter(node => node.checkVisibility());
        const name = node => node.getAttribute('aria-label') || node.textContent.trim();
        const out = controls.filter(node => !name(node)).map(node => `no name: ${node.outerHTML}`);
        for (const node of controls.filter(node => node.tagName !== 'CANVAS' && !node.disabled)) {
            node.focus({ preventScroll: true });
            if (document.activeElement !== node) out.push(`no focus: ${node.outerHTML}`);
        }
        for (const node of root.querySelectorAll('[role=slider]')) {
            if (!node.checkVisibility()) continue;
            const [low, now, high] = ['min', 'now', 'max'].map(end => parseFloat(node.getAttribute(`aria-value${end}`)));
            if (!(low <= now && now <= high)) out.push(`no value: ${node.outerHTML}`);
        }
        return out;
        """
    )
    assert lacking == []
    stage.card.get_by_role("button", name="Loop a part").focus()
    seen = []
    for _ in range(6):
        stage.page.keyboard.press("Tab")
        seen.append(stage.page.evaluate("getComputedStyle(document.activeElement).outlineStyle"))
    assert set(seen) == {"solid"}
