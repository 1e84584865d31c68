"""A kernel in miniature, to be killed: takes over what is open in a folder, makes some more, and brings it all home.

    python child.py BASE_URL FOLDER COUNT

Says "ready" when it begins, and "done" when nothing is left to do.
"""

from __future__ import annotations

import sys
import uuid
from pathlib import Path

from mjvideo_nb.errors import MJVideoError
from mjvideo_nb.models import VideoRequest
from mjvideo_nb.notebook.session import Session

PHOTO = Path(__file__).parents[2] / "notebooks" / "coffee.jpg"


def main(url: str, folder: str, count: int) -> None:
    session = Session("a-key-for-tests", url, library=folder)
    jobs = session.jobs
    picked_up = [jobs.job(entry) for entry in session.library.shelf.open_jobs() if session.library.is_ours(entry)]
    print("ready", flush=True)
    new = [
        jobs.make(VideoRequest(image=PHOTO, prompt="steam rises", state=uuid.uuid4().hex, extra={"batchSize": 1}))
        for _ in range(count)
    ]
    for job in [*picked_up, *new]:
        try:
            job.wait(240)
        except MJVideoError as error:
            print(f"{job.id}: {type(error).__name__}: {error}", flush=True)
    print("done", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
