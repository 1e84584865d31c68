"""A library in the test's folder, once with its tables in a file there and once on a server."""

from __future__ import annotations

import pytest

from mjvideo_nb.library import Library
from mjvideo_nb.models import Clip, Task, VideoRequest
from mjvideo_nb.part import Copy


@pytest.fixture(params=["sqlite", "postgresql"])
def another(request, tmp_path):
    """``another()``: one more kernel on the library of this test."""
    database = request.getfixturevalue("shared_database") if request.param == "postgresql" else None
    opened = []

    def open_one():
        opened.append(Library(tmp_path / "mjvideo", database))
        return opened[-1]

    yield open_one
    for library in opened:
        if not library.closed:
            library.close()


@pytest.fixture
def library(another):
    return another()


@pytest.fixture
def made(library):
    """``made(prompt, ...)``: a job that was accepted and whose clips are kept, as far as the tables know."""
    numbers = iter(range(1, 1000))

    def make(prompt="petals open", *, clips=4, price=0.6, **fields):
        request = VideoRequest(**{"image": "https://x.example/a.jpg", "prompt": prompt, **fields})
        entry = library.ledger.add(request, service="https://gateway.example", price=price)
        library.ledger.sending(entry.id)
        task_id = f"{next(numbers):016d}"
        task = Task(
            task_id, status="SUCCESS", clips=tuple(Clip(task_id, i, url=f"https://x.example/{i}") for i in range(clips))
        )
        library.ledger.accepted(entry.id, task)
        library.ledger.finished(entry.id, task)
        folder = library.clips_folder / task_id
        folder.mkdir(parents=True)
        copies = {}
        for clip in task.clips:
            path = folder / f"{clip.index}.mp4"
            path.write_bytes(b"clip")
            copies[clip.index] = Copy(path, 4, "d" * 64)
        library.ledger.kept(entry.id, copies)
        return library.shelf.get(entry.id)

    return make
