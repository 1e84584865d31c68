"""Clips on a stage without a service: short files of known pictures, and a cell that shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av
import numpy as np

from tests.cards import card
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

FRAME = 1 / 24
WIDTH, HEIGHT = 384, 256

CELL = """
from mjvideo_nb.notebook.stage import Stage
Stage(card={card}, on_extend=print, on_choice=print, read_clip=lambda index: b"")
"""

# Runs with the card as `root` and its videos as `videos`; `until(f)` waits for a condition.
SCRIPT = """async ([root, argument]) => {{
    const videos = [...root.querySelectorAll('video')];
    const frame = () => new Promise(done => requestAnimationFrame(done));
    const until = async (holds, patience = {patience}) => {{
        const end = performance.now() + patience * 1000;
        while (!holds()) {{
            if (performance.now() > end) throw new Error(`waited in vain for: ${{holds}}`);
            await frame();
        }}
    }};
    // Wait until the videos are within a frame of each other, and stay so for that many looks in a row while they move. How
    // soon they meet, and for how long, is the benchmark's to say: a busy machine starts one long after the other.
    const together = async (place, from = 0, looks = 6) => {{
        let row = 0, before = -1;
        await until(() => {{
            const {{ drift, time, seeking }} = look(place);
            if (time !== before && !seeking) row = time >= from && drift <= 1 / 24 ? row + 1 : 0;
            before = time;
            return row >= looks;
        }});
    }};
    const times = () => videos.map(video => video.currentTime);
    const playing = () => videos.every(video => video.ended || (!video.paused && !video.seeking));
    const still = () => videos.every(video => video.paused && !video.seeking);
    // How far apart the videos are, in a loop each of its own length, at every frame that the browser draws. `gap`: the
    // seconds since the frame before, which a machine that is busy otherwise makes long.
    const look = (place = (time, video) => time % video.duration) => {{
        const lead = videos.reduce((a, b) => (b.duration > a.duration + 0.02 ? b : a));
        const drifts = videos.map(video => {{
            const long = video.duration > lead.duration - 0.02;
            const ahead = video.currentTime - (long ? lead.currentTime : place(lead.currentTime, video));
            const around = video.duration * Math.round(ahead / video.duration);
            return Math.abs(long || place.length === 1 ? ahead : ahead - around);
        }});
        const seeking = videos.some(video => video.seeking);
        return {{ drift: Math.max(...drifts), time: lead.currentTime, seeking }};
    }};
    const watch = async (forSeconds, place) => {{
        const seen = [];
        const end = performance.now() + forSeconds * 1000;
        let last = performance.now();
        while (last < end) {{
            await frame();
            const gap = (performance.now() - last) / 1000;
            last = performance.now();
            seen.push({{ ...look(place), gap }});
        }}
        return seen;
    }};
    {script}
}}"""


def write_clip(path: Path, *, frames: int = 125, shade: int = 40, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Path:
    """An MP4 as the service sends it, H.264 at 24 frames a second: a grey of its own, and a white bar that moves on by
    two pixels a frame."""
    width, height = size
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(frames):
            picture = np.full((height, width, 3), shade, np.uint8)
            picture[:, number * 2 : number * 2 + 12] = 255
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def stage_cell(names: list[str], *, labels: list[str] | None = None, **changes: Any) -> str:
    """The code of a cell that shows these files, which lie beside the notebook, on one stage."""
    clips = [{"index": index, "path": name, "url": None, "name": name} for index, name in enumerate(names)]
    for clip, label in zip(clips, labels or [], strict=False):
        clip["label"] = label
    told = card(clips=clips, headline=f"{len(clips)} clips", aspect=WIDTH / HEIGHT)
    return CELL.format(card=repr({**told, **changes}))


def run(root, script: str, argument: object = None) -> Any:
    """Run a script on the videos in an element, see `SCRIPT`."""
    return root.page.evaluate(SCRIPT.format(script=script, patience=PATIENCE), [root.element_handle(), argument])


class StageOnPage:
    """The card of a notebook's first cell."""

    def __init__(self, notebook) -> None:
        self.notebook = notebook
        self.page = notebook.page
        self.card = notebook.cell(0).locator(".mj-card").first

    def run(self, script: str, argument: object = None) -> Any:
        """Run a script in the page, see `SCRIPT`."""
        return run(self.card, script, argument)

    def playing(self) -> StageOnPage:
        """Wait until all clips have begun to play."""
        self.card.scroll_into_view_if_needed()
        self.run("await until(() => videos.length && playing() && videos[0].currentTime > 0.1)")
        return self

    def in_step(self, words: str = "") -> None:
        """Wait until all clips play within a frame of each other; the words are the arguments of `together`."""
        self.run(f"await until(playing); await together({words})")

    def still(self) -> list[float]:
        """Wait until all clips stand still, and return where."""
        return self.run("await until(still); return times()")

    def key(self, key: str) -> None:
        """Press a key while the focus is on the card."""
        self.card.evaluate("card => card.contains(document.activeElement) || card.focus({preventScroll: true})")
        self.page.keyboard.press(key)


def show_stage(notebooks, files: list[Path], *, media: dict[str, Any] | None = None, **changes: Any) -> StageOnPage:
    """A notebook with these clips on a stage, opened and run. `media`: what the page emulates from the beginning."""
    notebook = notebooks.new([stage_cell([file.name for file in files], **changes)], files=files)
    if media:
        notebook.page.emulate_media(**media)
    notebook.open()
    notebook.run_all()
    notebook.wait_idle()
    return StageOnPage(notebook)
