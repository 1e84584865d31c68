"""Posters, last frames and contact sheets: the right frames, in the right size, legible."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from mjvideo_nb import media
from mjvideo_nb.errors import InvalidRequest
from mjvideo_nb.media.stills import GAP, GROUND

from .clips import make, pictures_of, trimmed


def pixels(image):
    return np.asarray(image.convert("RGB")).astype(int)


def unlike(one, other):
    return float(np.abs(one - other).mean())


def test_a_poster_is_the_first_frame_and_small(clips, out):
    with Image.open(media.poster(clips["plain"], out / "a.jpg")) as image:
        assert (image.format, image.size) == ("JPEG", (64, 48))
        differences = [unlike(pixels(image), frame) for frame in pictures_of(clips["plain"])]
    assert np.argmin(differences) == 0


def test_a_poster_of_a_real_clip_fits_into_a_notebook(rendered, out):
    path = media.poster(rendered[0], out / "a.jpg")
    assert 6_000 < path.stat().st_size < 16_000
    with Image.open(path) as image:
        assert image.size == (320, 213)


def test_a_poster_of_noise_is_small_as_well(tmp_path):
    noise = make(tmp_path / "noise.mp4", 1, size=(320, 240))
    with Image.open(media.poster(noise, tmp_path / "a.jpg", width=160)) as image:
        assert image.size == (160, 120)
    assert (tmp_path / "a.jpg").stat().st_size < 8_000


@pytest.mark.parametrize("name", ["plain", "reordered", "slow", "single"])
def test_the_last_frame_is_the_last_that_is_shown(clips, name):
    image = media.last_frame(clips[name])
    assert image.mode == "RGB"
    assert unlike(pixels(image), pictures_of(clips[name])[-1]) == 0


@pytest.mark.parametrize("b_frames", [0, 2])
def test_the_last_frame_is_not_one_that_an_edit_list_hides(tmp_path, b_frames):
    part = trimmed(make(tmp_path / "a.mp4", 24, b_frames=b_frames), skip=2, milliseconds=250)
    shown = pictures_of(part)
    assert len(shown) == 6
    assert unlike(pixels(media.last_frame(part)), shown[-1]) == 0


def test_the_last_frame_of_a_real_clip(rendered):
    assert unlike(pixels(media.last_frame(rendered[2])), pictures_of(rendered[2], every=220)[-1]) == 0


def test_a_clip_of_a_phone_is_upright(clips, tmp_path):
    assert media.last_frame(clips["turned"]).size == (48, 64)
    upright = np.rot90(pictures_of(clips["turned"])[-1])
    assert unlike(pixels(media.last_frame(clips["turned"])), upright) == 0
    with Image.open(media.contact_sheet(clips["turned"], tmp_path / "a.png", columns=2, rows=1, width=200)) as sheet:
        assert sheet.height > sheet.width / 2


def cells(sheet, columns, rows, width, shape):
    """The frames on a sheet, without their labels (the upper half of each)."""
    cell = (width - GAP * (columns + 1)) // columns
    tall = round(cell * shape)
    margin = (width - columns * cell - GAP * (columns - 1)) // 2
    whole = pixels(sheet)
    assert whole.shape == (rows * (tall + GAP) - GAP + 2 * margin, width, 3)
    places = [(margin + r * (tall + GAP), margin + c * (cell + GAP)) for r in range(rows) for c in range(columns)]
    return [whole[top : top + tall, left : left + cell] for top, left in places]


@pytest.mark.parametrize("name", ["plain", "reordered"])
def test_a_sheet_shows_frames_at_even_distances_from_the_first_to_the_last(clips, out, name):
    path = media.contact_sheet(clips[name], out / "a.png", columns=3, rows=2, width=420)
    frames = pictures_of(clips[name])
    with Image.open(path) as sheet:
        assert sheet.format == "PNG"
        found = cells(sheet, 3, 2, 420, 48 / 64)
    small = [pixels(Image.fromarray(cell.astype(np.uint8)).resize((64, 48)))[:30] for cell in found]
    nearest = [int(np.argmin([unlike(cell, frame[:30]) for frame in frames])) for cell in small]
    assert nearest == [round(number * (len(frames) - 1) / 5) for number in range(6)]


def test_a_sheet_has_its_ground_around_and_between_the_frames(clips, tmp_path):
    with Image.open(media.contact_sheet(clips["plain"], tmp_path / "a.png", columns=2, rows=2, width=300)) as sheet:
        whole = pixels(sheet)
    for line in (whole[0], whole[-1], whole[:, 0], whole[:, -1], whole[:, 150], whole[whole.shape[0] // 2]):
        assert (line == GROUND).all()


def test_every_frame_of_a_sheet_has_a_label_with_light_on_dark(tmp_path):
    for colour in ((0, 0, 0), (255, 255, 255)):
        clip = make(tmp_path / "a.mp4", 12, colour=colour)
        with Image.open(media.contact_sheet(clip, tmp_path / "a.png", columns=2, rows=2, width=300)) as sheet:
            for cell in cells(sheet, 2, 2, 300, 48 / 64):
                corner = cell[-26:, :50].mean(axis=2)
                assert corner.max() - np.median(corner[corner < 200]) > 100


def test_a_sheet_of_a_clip_with_few_frames_is_as_large_as_it_needs(clips, tmp_path):
    with Image.open(media.contact_sheet(clips["single"], tmp_path / "a.png", width=400)) as sheet:
        assert sheet.width == 400
        assert sheet.height < 100


@pytest.mark.parametrize(
    ("options", "field"),
    [({"columns": 0}, "columns"), ({"rows": 1.5}, "rows"), ({"width": 100}, "width"), ({"width": True}, "width")],
)
def test_a_sheet_that_cannot_be_is_refused_by_name(clips, tmp_path, options, field):
    with pytest.raises(InvalidRequest, match="a whole number from") as caught:
        media.contact_sheet(clips["plain"], tmp_path / "a.png", **options)
    assert caught.value.field == field
    assert list(tmp_path.iterdir()) == []


def test_a_poster_that_cannot_be_is_refused_by_name(clips, tmp_path):
    with pytest.raises(InvalidRequest, match="width: a whole number"):
        media.poster(clips["plain"], tmp_path / "a.jpg", width=0)
