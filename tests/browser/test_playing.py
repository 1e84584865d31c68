"""Clips that play in step on a card, as somebody has them who looks closely: on one bar, to the frame, in a loop."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from .stages import FRAME, show_stage, write_clip

SHORT = 36  # frames: many ends in little time
LOOP_EACH = "(time, video) => time % video.duration"
HOLD = "(time, video) => Math.min(time, video.duration)"


@pytest.fixture
def four(tmp_path):
    return [write_clip(tmp_path / f"{index}.mp4", shade=40 + 40 * index) for index in range(4)]


@pytest.fixture
def uneven(tmp_path):
    return [write_clip(tmp_path / f"{n}.mp4", frames=frames, shade=60) for n, frames in enumerate((72, 31, 50))]


def test_clips_come_into_step_through_seeks_speeds_and_loops(notebooks, tmp_path):
    files = [write_clip(tmp_path / f"{index}.mp4", frames=SHORT, shade=40 + 40 * index) for index in range(4)]
    stage = show_stage(notebooks, files).playing()
    stage.in_step()
    for speed in ("0.25", "2", "1.5", "1"):
        stage.card.get_by_role("combobox", name="Speed").select_option(speed)
        stage.in_step()
    for place in ("1.1", "0.2", "0.7"):
        stage.card.get_by_role("slider", name="Seek").fill(place)
        stage.in_step()
    assert stage.notebook.console_errors == []


@pytest.mark.long
def test_a_clip_that_has_fallen_behind_is_brought_back_while_all_play_on(notebooks, four):
    stage = show_stage(notebooks, four).playing()
    stage.run("await until(() => videos[2].currentTime > 0.2); videos[2].currentTime -= 0.1")
    stage.in_step()


def test_a_part_is_marked_by_keys_looped_and_cleared(notebooks, four):
    stage = show_stage(notebooks, four).playing()
    starts, ends = (stage.card.get_by_role("slider", name=f"{end} of the part") for end in ("Start", "End"))
    expect(starts).to_have_count(0)
    stage.key("k")
    stage.still()
    stage.card.get_by_role("slider", name="Seek").fill("1")
    stage.still()
    stage.key("i")
    stage.card.get_by_role("slider", name="Seek").fill("1.6")
    stage.still()
    stage.key("o")
    assert float(starts.get_attribute("aria-valuenow")) == pytest.approx(24.5 * FRAME, abs=0.006)
    assert float(ends.get_attribute("aria-valuenow")) == pytest.approx(39 * FRAME, abs=0.006)
    expect(stage.card.get_by_role("button", name="Loop a part")).to_have_attribute("aria-pressed", "true")

    stage.key("k")
    stage.in_step()
    first = stage.run(
        """
        let loops = 0, before = 0, first = Infinity;
        await until(() => {
            const time = videos[0].currentTime;
            if (time < before) loops += 1;
            before = time;
            first = Math.min(first, time);
            return loops >= 3;
        });
        return first;
        """
    )
    assert first >= 24 * FRAME, "it came round by the beginning of the clip"
    stage.notebook.screenshot("part")

    stage.key("c")
    expect(starts).to_have_count(0)
    stage.run("await until(() => videos[0].currentTime > 2)")


@pytest.mark.long
def test_the_ends_of_a_part_are_moved_by_pointer_and_keys(notebooks, four):
    stage = show_stage(notebooks, four).playing()
    stage.key("k")
    stage.card.get_by_role("button", name="Loop a part").click()
    starts, ends = (stage.card.get_by_role("slider", name=f"{end} of the part") for end in ("Start", "End"))
    expect(starts).to_be_visible()
    track = stage.card.locator(".mj-track").bounding_box()

    grip = ends.bounding_box()
    stage.page.mouse.move(grip["x"] + grip["width"] / 2, grip["y"] + 8)
    stage.page.mouse.down()
    stage.page.mouse.move(track["x"] + track["width"] * 0.8, grip["y"] + 8, steps=4)
    stage.page.mouse.up()
    dragged = float(ends.get_attribute("aria-valuenow"))
    assert dragged == pytest.approx(0.8 * 125 * FRAME, abs=0.15)
    assert stage.still()[0] == pytest.approx(dragged - FRAME / 2, abs=0.01), "the frame at the end is shown"

    stage.page.keyboard.press("ArrowLeft")
    assert float(ends.get_attribute("aria-valuenow")) == pytest.approx(dragged - FRAME, abs=0.011)
    starts.focus()
    stage.page.keyboard.press("PageUp")
    assert float(starts.get_attribute("aria-valuenow")) == pytest.approx(12.5 * FRAME, abs=0.01)
    # Not past the other end.
    for _ in range(12):
        stage.page.keyboard.press("PageUp")
    assert float(starts.get_attribute("aria-valuenow")) < float(ends.get_attribute("aria-valuenow"))
    assert stage.notebook.console_errors == []


def test_clips_of_different_length_begin_again_or_hold_their_last_frame(notebooks, uneven):
    stage = show_stage(notebooks, uneven).playing()
    choice = stage.card.get_by_role("combobox", name="Clips that end first")
    expect(choice).to_have_value("loop")
    stage.in_step(f"{LOOP_EACH}, {31 * FRAME}")
    stage.notebook.screenshot("uneven")

    choice.select_option("hold")
    stage.in_step(f"{HOLD}, {31 * FRAME}")
    held = stage.run("await until(() => videos[0].currentTime > 2.3); return times()")
    assert held[1:] == pytest.approx([31 * FRAME, 50 * FRAME], abs=0.01)

    stage.key("k")
    choice.select_option("loop")
    stage.card.get_by_role("slider", name="Seek").fill("2.2")
    assert stage.still() == pytest.approx([2.2, 2.2 - 31 * FRAME, 2.2 - 50 * FRAME], abs=0.01)


@pytest.mark.long
def test_clips_of_one_length_have_no_such_choice(notebooks, four):
    stage = show_stage(notebooks, four[:2]).playing()
    expect(stage.card.get_by_role("combobox", name="Clips that end first")).to_have_count(0)


@pytest.mark.long
def test_seeking_is_by_dragging_and_hovering_does_nothing(notebooks, four):
    stage = show_stage(notebooks, four).playing()
    stage.key("k")
    before = stage.still()
    for part in stage.card.locator(".mj-screen, .mj-track").all():
        box = part.bounding_box()
        stage.page.mouse.move(box["x"] + 5, box["y"] + box["height"] / 2)
        stage.page.mouse.move(box["x"] + box["width"] - 5, box["y"] + box["height"] / 2, steps=5)
    assert stage.still() == before

    stage.key("k")
    stage.run("await until(playing)")
    box = stage.card.get_by_role("slider", name="Seek").bounding_box()
    middle = box["y"] + box["height"] / 2
    stage.page.mouse.move(box["x"] + box["width"] * 0.2, middle)
    stage.page.mouse.down()
    stage.page.mouse.move(box["x"] + box["width"] * 0.7, middle, steps=10)
    # While the finger is on it, all stand still on the frame below it.
    assert stage.still() == pytest.approx([0.7 * 125 * FRAME] * 4, abs=0.1)
    stage.page.mouse.up()
    stage.run("await until(() => playing() && videos[0].currentTime > 3.9)")


def test_frame_by_frame_and_speed_by_keys(notebooks, four):
    stage = show_stage(notebooks, four).playing()
    stage.key("ArrowRight")
    before = stage.still()
    stage.key("ArrowRight")
    stage.still()
    stage.key("ArrowRight")
    after = stage.still()
    assert after == pytest.approx([before[0] + 2 * FRAME] * 4, abs=0.001)
    stage.key("End")
    assert stage.still() == pytest.approx([124.5 * FRAME] * 4, abs=0.01)
    stage.key("Home")
    assert stage.still() == [0] * 4
    stage.key("[")
    expect(stage.card.get_by_role("combobox", name="Speed")).to_have_value("0.5")
    stage.key("k")
    stage.run("await until(playing)")
    stage.run("await until(() => videos.every(video => Math.abs(video.playbackRate - 0.5) < 0.15))")


@pytest.mark.long
def test_whoever_wants_no_motion_gets_stills_to_begin_with(notebooks, four):
    stage = show_stage(notebooks, four, media={"reduced_motion": "reduce"})
    stage.run("await until(() => videos.length === 4 && videos.every(video => video.readyState >= 3))")
    assert stage.still() == [0] * 4
    stage.card.get_by_role("button", name="Play").click()
    stage.playing()
