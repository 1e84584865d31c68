"""A picture among the undocumented fields is checked, sent like a first frame, and kept like one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

import mjvideo_nb as mj
from mjvideo_nb import extras, frames
from mjvideo_nb.library import Library


def test_a_path_is_a_picture_and_whatever_else_stays(photo):
    fields = extras.loaded({"endImage": photo, "loop": True, "notifyHook": "https://x.example"})
    assert fields["endImage"].name == "coffee.jpg"
    assert (fields["loop"], fields["notifyHook"]) == (True, "https://x.example")


def test_a_picture_that_cannot_be_read_names_its_field(tmp_path):
    with pytest.raises(mj.InvalidRequest, match=r"^extra: endImage: there is no file") as caught:
        extras.loaded({"endImage": tmp_path / "missing.jpg"})
    assert caught.value.field == "extra"


def test_too_much_for_one_request_is_said(photo):
    with pytest.raises(mj.InvalidRequest, match="together"):
        extras.sendable({"endImage": photo}, "x" * 9_999_000)


async def test_it_goes_out_as_the_first_frame_does(photo):
    bodies = []

    def answer(request):
        bodies.append(json.loads(request.content))
        return httpx.Response(200, json={"code": 1, "result": "0123456789012345"})

    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    async with http, mj.Client("key", http=http) as client:
        request = mj.VideoRequest(image=photo, extra={"endImage": photo, "loop": True})
        task = await client.submit(request)
    (body,) = bodies
    assert body["endImage"] == body["image"] == frames.load(photo).wire
    assert body["loop"] is True
    assert task.request is request


@pytest.fixture
def library(tmp_path):
    library = Library(tmp_path / "library")
    yield library
    library.close()


def add(library, photo, extra):
    request = mj.VideoRequest(image=frames.load(photo), extra=extras.loaded(extra))
    frame, name = library.keep_frame(request)
    return library.ledger.add(request, service="s", frame=frame, frame_name=name)


def test_the_library_keeps_it_as_a_file_and_a_kept_request_can_be_sent_again(library, photo):
    other = replace(frames.load(photo), data=photo.read_bytes() + b"\0")
    entry = add(library, photo, {"endImage": other, "loop": False})
    kept = library.shelf.get(entry.id).request.extra
    assert isinstance(kept["endImage"], Path)
    assert kept["endImage"].read_bytes() == other.data
    assert kept["loop"] is False
    assert extras.sendable(kept, "")["endImage"] == other.wire


def test_it_is_deleted_with_its_job_unless_another_has_it(library, photo):
    other = replace(frames.load(photo), data=photo.read_bytes() + b"\0")
    jobs = [add(library, photo, {"endImage": other}) for _ in range(2)]
    file = library.shelf.get(jobs[0].id).request.extra["endImage"]
    for job, is_there in zip(jobs, (True, False), strict=True):
        library.ledger.refused(job.id, mj.Refused("no"))
        library.shelf.trash([job.id])
        assert library.shelf.empty_trash() == []
        assert file.exists() is is_there
