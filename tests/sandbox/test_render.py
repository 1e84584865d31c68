"""The clips themselves: real, smooth, the user's own picture, and an extend that goes on without a seam."""

import hashlib
import io
import itertools
from dataclasses import dataclass

import av
import httpx
import numpy as np
import pytest
from PIL import Image, ImageOps

from mjvideo_nb.sandbox import render
from mjvideo_nb.sandbox.process import SandboxProcess

from .conftest import PHOTO, Caller, data_uri, picture


@dataclass
class Film:
    first: np.ndarray
    """The first frame in colour."""
    frames: list[np.ndarray]
    """All frames in grey."""
    digests: list[bytes]
    """All frames as they were decoded."""
    codec: str
    pix_fmt: str
    rate: float
    size: tuple[int, int]
    raw: bytes

    @classmethod
    def of(cls, raw: bytes) -> "Film":
        with av.open(io.BytesIO(raw)) as container:
            stream = container.streams.video[0]
            first, frames, digests = None, [], []
            for frame in container.decode(stream):
                first = frame.to_ndarray(format="rgb24") if first is None else first
                frames.append(frame.to_ndarray(format="gray"))
                digests.append(hashlib.sha256(frame.to_ndarray().tobytes()).digest())
            context = stream.codec_context
            size = (context.width, context.height)
            return cls(first, frames, digests, context.name, context.pix_fmt, float(stream.average_rate), size, raw)

    def steps(self) -> list[float]:
        """The mean difference between neighbouring frames, in levels of 0 to 255."""
        return [difference(one, other) for one, other in itertools.pairwise(self.frames)]


def difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(np.int16) - other).mean())


def cropped(raw: bytes, size: tuple[int, int]) -> np.ndarray:
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(raw))).convert("RGB")
    return np.asarray(ImageOps.fit(upright, size, Image.Resampling.LANCZOS))


@pytest.fixture(scope="module")
def made(real):
    """Four clips of high motion, one of the same request with low, and an extend of the third variant."""
    low = real.submit(motion="low", batchSize=1)
    high = real.make(motion="high")
    longer = real.submit(action="extend", index=2, taskId=high["id"], image=None, motion="high", batchSize=2)
    all_of_them = {"high": high, "low": real.wait(low), "longer": real.wait(longer)}
    return {name: [Film.of(raw) for raw in real.clips(task)] for name, task in all_of_them.items()}


def test_four_clips_as_the_real_service_makes_them(made):
    for film in [*made["high"], *made["low"]]:
        assert len(film.frames) == 125
        assert (film.codec, film.pix_fmt, film.rate, film.size) == ("h264", "yuv420p", 24, (768, 512))
        assert 0 < film.raw.index(b"moov") < film.raw.index(b"mdat")


def test_the_first_frame_of_every_variant_is_the_users_picture(made):
    wanted = cropped(PHOTO.read_bytes(), (768, 512))
    for film in [*made["high"], *made["low"]]:
        # All but the corner with the mark, and within what the coding loses.
        assert difference(film.first[:460], wanted[:460]) < 3


def test_every_frame_is_marked(made):
    for frame in made["high"][1].frames:
        corner = frame[470:505, 660:765].astype(int)
        assert corner.max() > 150
        assert np.std(corner) > 15


def test_low_motion_is_much_calmer_than_high(made):
    """That it is so in every variant, the camera's own tests say."""
    assert np.mean(made["high"][0].steps()) > 2 * np.mean(made["low"][0].steps())


def test_variants_go_different_ways(made):
    for one, other in itertools.combinations(made["high"], 2):
        assert difference(one.frames[-1], other.frames[-1]) > 10


def test_no_frame_jumps(made):
    for film in itertools.chain.from_iterable(made.values()):
        steps = film.steps()
        assert max(steps) < 4 * np.mean(steps) + 1


def test_an_extend_keeps_what_was_there_and_goes_on(made):
    parent = made["high"][2]
    for film in made["longer"]:
        assert len(film.frames) == 221
        assert film.digests[:125] == parent.digests
        seam = film.steps()[120:130]
        assert seam[4] < 2 * max(seam[:4] + seam[5:])
    for one, other in itertools.combinations(made["longer"], 2):
        assert difference(one.frames[-1], other.frames[-1]) > 8


def test_the_same_request_gives_the_same_bytes_also_without_a_folder_of_finished_clips(made, tmp_path, monkeypatch):
    monkeypatch.delenv("MJVIDEO_SANDBOX_CLIPS")
    with SandboxProcess.start(seconds=0, store=tmp_path) as another, httpx.Client(base_url=another.url) as http:
        again = Caller(http).clips(Caller(http).make(batchSize=1))
    assert again[0] == made["high"][0].raw


@pytest.mark.default_cases(1)
@pytest.mark.parametrize("fields", [{"loop": True}, {"prompt": "steam --end loop"}])
def test_a_loop_ends_on_its_first_frame(real, fields):
    film = Film.of(real.clips(real.make(batchSize=1, **fields))[0])
    assert difference(film.frames[0], film.frames[-1]) < 3
    assert max(difference(film.frames[0], frame) for frame in film.frames[::10]) > 8


@pytest.mark.long
def test_four_extends_make_21_seconds(real):
    task = real.make(batchSize=1)
    for _ in range(4):
        task = real.make(action="extend", index=0, taskId=task["id"], image=None, batchSize=1)
    film = Film.of(real.clips(task)[0])
    assert len(film.frames) == 125 + 4 * 96
    assert real.post(action="extend", index=0, taskId=task["id"]).json()["code"] == 4


@pytest.mark.parametrize(
    ("shape", "video_type", "size"),
    [
        ((1600, 900), "vid_1.1_i2v_480", (832, 464)),
        ((500, 500), "vid_1.1_i2v_480", (624, 624)),
        ((900, 1600), "vid_1.1_i2v_480", (464, 832)),
        ((1600, 900), "vid_1.1_i2v_720", (1248, 696)),
        ((500, 500), "vid_1.1_i2v_720", (936, 936)),
        ((900, 1600), "vid_1.1_i2v_720", (696, 1248)),
        ((3000, 300), "vid_1.1_i2v_480", (880, 448)),
        ((1, 1000), "vid_1.1_i2v_480", None),
    ],
)
def test_the_shape_follows_the_first_frame(tmp_path, shape, video_type, size):
    resolution = "720" if video_type.endswith("720") else "480"
    if size is None:
        (tmp_path / "source").write_bytes(picture(*shape))
        with pytest.raises(render.PictureError):
            render.prepare(tmp_path / "source", tmp_path / "f.jpg", tmp_path / "p.jpg", resolution)
    else:
        assert render.frame_size(shape, resolution) == size
        assert size[0] % 2 == size[1] % 2 == 0


@pytest.mark.long
def test_720p_comes_out_as_large_as_it_says(real):
    raw = picture(1600, 900, kind="JPEG", quality=95)
    task = real.make(image=data_uri(raw), videoType="vid_1.1_i2v_720", batchSize=1)
    film = Film.of(real.clips(task)[0])
    assert film.size == (1248, 696)
    assert difference(film.first[:600], cropped(raw, film.size)[:600]) < 3


def test_a_photo_on_its_side_is_turned_upright(real):
    exif = Image.Exif()
    exif[0x0112] = 6
    raw = picture(900, 600, kind="JPEG", exif=exif)
    task = real.make(image=data_uri(raw), batchSize=1)
    film = Film.of(real.clips(task)[0])
    assert film.size == (512, 768)
    assert difference(film.first[:700], cropped(raw, film.size)[:700]) < 3
    poster = Image.open(io.BytesIO(real.http.get(task["imageUrl"]).content))
    assert (poster.format, poster.size) == ("JPEG", film.size)


def test_a_transparent_picture_lies_on_white(tmp_path):
    Image.new("RGBA", (64, 64), (255, 0, 0, 0)).save(tmp_path / "source", "PNG")
    render.prepare(tmp_path / "source", tmp_path / "f.jpg", tmp_path / "p.jpg", "480")
    assert Image.open(tmp_path / "f.jpg").getpixel((300, 300)) == (255, 255, 255)


def test_a_task_of_a_dead_sandbox_is_taken_up_by_the_next(tmp_path):
    with SandboxProcess.start(seconds=0, store=tmp_path) as first, httpx.Client(base_url=first.url) as http:
        done = Caller(http).make(batchSize=1)
        unfinished = Caller(http).submit(batchSize=1, prompt="unfinished")
    with SandboxProcess.start(seconds=0, store=tmp_path) as second, httpx.Client(base_url=second.url) as http:
        caller = Caller(http)
        assert caller.fetch(done["id"])["status"] == "SUCCESS"
        assert len(Film.of(caller.clips(caller.wait(unfinished))[0]).frames) == 125
        longer = caller.make(action="extend", index=0, taskId=done["id"], image=None, batchSize=1)
        assert len(Film.of(caller.clips(longer)[0]).frames) == 221
