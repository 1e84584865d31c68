"""How soon four clips are seen, and what they add to a saved notebook: `PYTHONPATH=. python tests/benchmarks/stage.py`.

The same four clips of 9 MB in a real JupyterLab in a real Chromium, on our stage and beside it by what a notebook has
otherwise; each in a notebook of its own, in which everything needed was imported. The time runs from the start of the cell
that shows them until each of the four has painted a frame.
"""

import contextlib
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import av
import numpy as np
from playwright.sync_api import sync_playwright

from tests.browser.chromium import find_or_install, launch
from tests.browser.lab import LabServer
from tests.browser.notebook import Notebooks

SIZE = 9_000_000
FRAMES = 125
ROUNDS = 3
PATIENCE = 120_000
FILES = [f"clip{number}.mp4" for number in range(4)]

WAYS = {
    "mjvideo_nb": ("import mjvideo_nb as mj\nmj.connect(api_key='none')", f"mj.compare(*{FILES!r})"),
    "ipywidgets.Video": (
        "import ipywidgets",
        f"ipywidgets.HBox([ipywidgets.Video.from_file(f, width=220) for f in {FILES!r}])",
    ),
    "IPython.display.Video": (
        "from IPython.display import Video, display",
        f"for f in {FILES!r}: display(Video(f, embed=True, width=220, html_attributes='autoplay muted controls'))",
    ),
    # Its own read_video asks ffmpeg for an option that the newest one has no more, so that it is given the pictures.
    "mediapy.show_videos": (
        "import av, imageio_ffmpeg, mediapy, numpy as np\nmediapy.set_ffmpeg(imageio_ffmpeg.get_ffmpeg_exe())\n"
        "films = {f: np.stack([p.to_ndarray(format='rgb24') for p in av.open(f).decode(video=0)])"
        f" for f in {FILES!r}}}",
        "mediapy.show_videos(films, fps=24, width=220)",
    ),
}
"""What has been run when the clips are there, and what shows them."""

PAINTED = """
() => {
    // Those of the record beside a live view are hidden.
    const videos = [...document.querySelectorAll('.jp-OutputArea video')].filter(video => video.checkVisibility());
    for (const video of videos) {
        if (video.mjSeen !== undefined) continue;
        video.mjSeen = false;
        video.requestVideoFrameCallback(() => { video.mjSeen = true; });
    }
    return videos.length === 4 && videos.every(video => video.mjSeen);
}
"""


def film(path: Path, number: int) -> None:
    """A clip of about 9 MB: what moves in it is noise."""
    random = np.random.default_rng(number)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 832, 464, "yuv420p"
        stream.bit_rate = SIZE * 8 * 24 // FRAMES
        for _ in range(FRAMES):
            picture = random.integers(0, 256, (464, 832, 3), dtype=np.uint8)
            picture[:, : 832 // 2] = 40 * number
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def once(notebooks: Notebooks, before_it: str, code: str, clips: list[Path]) -> tuple[float, int]:
    """Seconds until four frames are painted, and the bytes that the cell adds to the saved notebook."""
    notebook = notebooks.new([before_it, code], files=clips).open()
    notebook.run_cell(0)
    notebook.wait_idle(timeout=60)
    notebook.save()
    before = len(notebook.saved_text())
    begun = time.perf_counter()
    notebook.run_cell(1)
    notebook.page.wait_for_function(PAINTED, timeout=PATIENCE, polling=20)
    took = time.perf_counter() - begun
    notebook.wait_idle(timeout=60)
    notebook.save()
    added = len(notebook.saved_text()) - before
    notebook.close()
    return took, added


def main() -> None:
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; median of {ROUNDS}")
    with tempfile.TemporaryDirectory() as text, sync_playwright() as playwright:
        root = Path(text)
        clips = [root / name for name in FILES]
        for number, clip in enumerate(clips):
            film(clip, number)
        print(f"clips: {', '.join(f'{clip.stat().st_size / 1e6:.1f} MB' for clip in clips)}")
        server = LabServer(root / "lab")
        with contextlib.closing(launch(playwright, find_or_install())) as browser, contextlib.ExitStack() as stack:
            stack.callback(server.stop)
            notebooks = Notebooks(server.start(), browser, "stage", root)
            results = {}
            for way, cells in WAYS.items():
                runs = [once(notebooks, *cells, clips) for _ in range(ROUNDS)]
                print(way, [f"{took:.2f} s, {added} bytes" for took, added in runs], flush=True)
                results[way] = tuple(statistics.median(run[i] for run in runs) for i in (0, 1))
        shutil.rmtree(root / "lab", ignore_errors=True)
    ours = results["mjvideo_nb"]
    for way, (took, added) in results.items():
        print(
            f"{way:24} {took:6.2f} s ({took / ours[0]:5.1f} times ours)  {added / 1000:10.1f} kB ({added / ours[1]:8.1f} times ours)"
        )
    best = min(took for way, (took, _) in results.items() if way != "mjvideo_nb")
    print(
        f"to reach: 2 s (is {ours[0]:.2f}), half of the next best (is {ours[0] / best:.2f}), 60 kB (is {ours[1] / 1000:.1f})"
    )
    print(json.dumps(results))


if __name__ == "__main__":
    main()
