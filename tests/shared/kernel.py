"""A kernel in miniature on a shared account, to be killed: goes on with what is its own, makes some more, brings all of it home.

    python kernel.py BASE_URL FOLDER DATABASE NAME COUNT

Says "ready" when it begins and "done" when nothing is left to do; between, one line for each job that did not end well.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from mjvideo_nb.errors import MJVideoError
from mjvideo_nb.library import line
from mjvideo_nb.models import VideoRequest
from mjvideo_nb.notebook.session import Session

PHOTO = Path(__file__).parents[2] / "notebooks" / "coffee.jpg"
AT_ONCE = 1000  # the account's own limit is what is tried


def main(url: str, folder: str, database: str, name: str, count: int) -> None:
    if seconds := os.environ.get("UNCERTAIN_FOR"):
        line.UNCERTAIN_FOR = float(seconds)  # tasks of the sandbox take seconds, not minutes
    session = Session("a-key-for-tests", url, library=folder, database=database, at_once=AT_ONCE)
    jobs = session.jobs
    print("ready", flush=True)
    new = []
    for number in range(count):
        request = VideoRequest(image=PHOTO, prompt=f"{name} {number}", extra={"batchSize": 1})
        try:
            new.append(jobs.make(request))
        except MJVideoError as error:
            print(f"{name} {number}: {type(error).__name__}: {error}", flush=True)
    picked_up = [jobs.job(entry) for entry in session.library.shelf.open_jobs() if session.library.is_ours(entry)]
    for job in {id(job): job for job in [*picked_up, *new]}.values():
        try:
            job.wait(1800)
        except MJVideoError as error:
            print(f"{job.state.prompt}: {type(error).__name__}: {error}", flush=True)
    print("done", flush=True)
    session.close()
    session.library.close()


if __name__ == "__main__":
    main(*sys.argv[1:5], int(sys.argv[5]))
