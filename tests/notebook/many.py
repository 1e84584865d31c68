"""A library of very many jobs, written in one transaction: what somebody has after a year."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

from PIL import Image, ImageOps
from sqlalchemy import insert

from mjvideo_nb.frames import Frame
from mjvideo_nb.library import JobState, Library
from mjvideo_nb.library.tables import clips, jobs, tags

PROMPTS = (
    "steam rises slowly, morning light moves across the table",
    "the spoon turns once around the saucer",
    "a hand lifts the cup out of the picture",
    "the camera drifts back until the whole café is in sight, people come and go in the window behind",
    "milk blooms in the coffee",
    "",
)
TAGS = ("keep", "client", "morning")
PHOTO = Path(__file__).parents[2] / "notebooks" / "coffee.jpg"
NEWEST = datetime(2026, 3, 28, 17, 5, tzinfo=UTC)
"""When the newest job was asked for; each older one 37 minutes before."""


def fill(folder: Path, count: int = 5000, *, database: str | None = None, people: tuple[str, ...] = ("",)) -> None:
    """Write so many jobs into the library of a folder. Number 0 is the newest; the ids are `job-00000` and so on.

    Of each hundred one is failed, one refused and two in the trash; number 7 is uncertain. Every third was rated. They are
    of these people in turn, and the folder is on the machine of the first.
    """
    library = Library(folder, database)
    frames = [library.stills.keep(frame) for frame in _frames()]
    job_rows, clip_rows, tag_rows = [], [], []
    for number in range(count):
        row, of_clips, of_tags = _job(number, frames)
        row["person"] = people[number % len(people)]
        if number % len(people):
            row["frame"] = "on-another-machine.jpg"
        job_rows.append(row)
        clip_rows += of_clips
        tag_rows += of_tags

    def work(connection):
        connection.execute(insert(jobs), job_rows)
        connection.execute(insert(clips), clip_rows)
        connection.execute(insert(tags), tag_rows)

    library._database.write(work)
    library.close()


def _frames():
    with Image.open(PHOTO) as image:
        photo = image.convert("RGB")
    for look in (photo, ImageOps.mirror(photo), ImageOps.grayscale(photo), ImageOps.solarize(photo, 96)):
        buffer = io.BytesIO()
        look.save(buffer, "JPEG")
        yield Frame(data=buffer.getvalue(), media_type="image/jpeg", name="coffee.jpg")


def _job(number, frames):
    name, task = f"job-{number:05}", str(1773314942177684 - number)
    state = {41: JobState.FAILED, 42: JobState.REFUSED}.get(number % 100, JobState.DONE)
    if number == 7:
        state = JobState.UNCERTAIN
    at = int((NEWEST - timedelta(minutes=37 * number)).timestamp() * 1000)
    error = {
        JobState.FAILED: ("Job Timeout. Most gateways give the price back.", "TaskFailed"),
        JobState.REFUSED: ("possibly contains a sensitive word: storms. Nothing was charged.", "Refused"),
        JobState.UNCERTAIN: (
            "The connection broke after the request was sent. It may be billed.",
            "SubmissionUncertain",
        ),
    }.get(state, ("", ""))
    row = {
        "id": name,
        "created": at,
        "changed": at,
        "ended": at + 64_000,
        "service": "https://api.example",
        "state": state,
        "prompt": PROMPTS[number % len(PROMPTS)],
        "motion": "low" if number % 2 else "high",
        "video_type": "vid_1.1_i2v_720" if number % 5 == 0 else "vid_1.1_i2v_480",
        "frame": frames[number % len(frames)],
        "frame_name": "coffee.jpg",
        "task_id": task if state in {JobState.DONE, JobState.FAILED} else None,
        "status": "SUCCESS",
        "error": error[0],
        "error_kind": error[1],
        "price": 0.6,
        "note": "the best so far" if number % 50 == 3 else "",
        "trashed": at if number % 100 in {60, 61} else None,
    }
    made = state == JobState.DONE
    of_clips = [
        {"job": name, "index": index, "rating": (number % 5 + 1) if number % 3 == 0 and index == number % 4 else None}
        for index in range(4 if made else 0)
    ]
    of_tags = [{"job": name, "tag": TAGS[number % 3]}] if number % 4 == 1 else []
    return row, of_clips, of_tags
