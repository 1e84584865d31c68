"""How fast the sandbox renders, and how fast it answers meanwhile: `python tests/benchmarks/sandbox.py`.

Four 480p clips of 125 frames, beside the command line of ffmpeg doing one equal zoom of one clip in the same run.
"""

import base64
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import httpx

from mjvideo_nb.sandbox import SandboxProcess

PHOTO = Path(__file__).parents[2] / "notebooks" / "coffee.jpg"
SIZE = "768x512"
FRAMES = 125
ROUNDS = 3


def render(http: httpx.Client, prompt: str) -> tuple[float, list[float]]:
    """Seconds from submit to SUCCESS, and what each poll took in milliseconds."""
    image = "data:image/jpeg;base64," + base64.b64encode(PHOTO.read_bytes()).decode()
    begun = time.perf_counter()
    body = {"motion": "high", "prompt": prompt, "image": image}
    task_id = http.post("/mj/submit/video", json=body).json()["result"]
    polls = []
    while True:
        asked = time.perf_counter()
        task = http.get(f"/mj/task/{task_id}/fetch").json()
        polls.append((time.perf_counter() - asked) * 1000)
        if task["status"] == "SUCCESS":
            return time.perf_counter() - begun, polls
        time.sleep(0.05)


def ffmpeg(program: str, folder: Path) -> float:
    """Seconds that ffmpeg takes for one clip of the same size, frames, preset and a zoom as far."""
    zoom = (
        f"scale=960:640,zoompan=z='1+0.38*on/{FRAMES}':x='(iw-iw/zoom)/2':y='(ih-ih/zoom)/2':d={FRAMES}:s={SIZE}:fps=24"
    )
    command = [
        program, "-v", "error", "-y", "-i", str(PHOTO), "-vf", f"{zoom},format=yuv420p", "-frames:v", str(FRAMES),
        "-c:v", "libx264", "-preset", "superfast", "-crf", "20", "-bf", "0", "-g", "48", "-threads", "1",
        "-x264-params", "no-fast-pskip=1:no-dct-decimate=1", "-movflags", "+faststart", str(folder / "zoom.mp4"),
    ]  # fmt: skip
    begun = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - begun


def main() -> None:
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {SIZE}, {FRAMES} frames a clip, {ROUNDS} rounds")
    with tempfile.TemporaryDirectory() as folder:
        with (
            SandboxProcess.start(seconds=0, store=Path(folder) / "store") as sandbox,
            httpx.Client(base_url=sandbox.url, timeout=30) as http,
        ):
            first, _ = render(http, "warm up")
            rounds = [render(http, f"round {number}") for number in range(ROUNDS)]
        polls = sorted(poll for _, round_ in rounds for poll in round_)
        four = statistics.median(seconds for seconds, _ in rounds)
        print(f"four clips: {four:.2f} s (the first time, with the start of the workers: {first:.2f} s)")
        print(
            f"fetch meanwhile, {len(polls)} polls: median {statistics.median(polls):.1f} ms, "
            f"95th {polls[int(len(polls) * 0.95)]:.1f} ms, worst {polls[-1]:.1f} ms"
        )
        program = shutil.which("ffmpeg")
        if program is None:
            print("No ffmpeg on the PATH: nothing to compare with.")
            return
        one = statistics.median(ffmpeg(program, Path(folder)) for _ in range(ROUNDS))
        print(f"ffmpeg, one clip: {one:.2f} s; the sandbox takes {four / 4 / one:.2f} times that a clip")


if __name__ == "__main__":
    main()
