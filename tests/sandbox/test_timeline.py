"""A task's life as polls see it, without waiting for it."""

import pytest

from mjvideo_nb.sandbox.camera import Pose
from mjvideo_nb.sandbox.tasks import Ending, Task, from_json, moment, to_json

START = 1_757_399_847_039
ALL = 4 * 125


def task(**fields):
    return Task(
        id="17573998470390001", motion="low", prompt="p", resolution="480", batch=4, state="", no_storage=False,
        submitted=START, seconds=10, **fields,
    )  # fmt: skip


def seen(a_task, seconds, frames=0):
    now = moment(a_task, START + round(seconds * 1000), frames)
    return now.status, now.progress


def test_the_time_line_of_the_real_service():
    quick = task(rendered=START + 500)
    assert seen(quick, 0) == ("", "")
    assert seen(quick, 1) == ("SUBMITTED", "0%")
    assert seen(quick, 5.81) == ("IN_PROGRESS", "50%")
    assert seen(quick, 9.99) == ("IN_PROGRESS", "99%")
    assert seen(quick, 10) == ("SUCCESS", "100%")


def test_progress_is_the_least_of_time_and_frames():
    assert seen(task(), 9, frames=ALL // 4) == ("IN_PROGRESS", "25%")
    assert seen(task(), 3, frames=ALL) == ("IN_PROGRESS", "16%")


def test_never_a_success_before_the_clips_are_there():
    assert seen(task(), 1000, frames=ALL) == ("IN_PROGRESS", "99%")
    late = task(rendered=START + 30_000)
    assert moment(late, START + 31_000, ALL).finished == START + 30_000


def test_no_nominal_time_means_as_fast_as_it_renders():
    fast = task()
    fast.seconds = 0
    assert seen(fast, 0) == ("IN_PROGRESS", "0%")
    fast.rendered = START
    assert seen(fast, 0) == ("SUCCESS", "100%")


@pytest.mark.parametrize(("status", "ends"), [("FAILURE", True), ("CANCEL", True), ("MODAL", False)])
def test_a_planned_end_shows_when_its_time_has_come(status, ends):
    planned = task(ending=Ending(status, "because", "100%", at=0.5))
    assert seen(planned, 4.9)[0] == "IN_PROGRESS"
    now = moment(planned, START + 5000, 0)
    assert (now.status, now.reason, now.progress) == (status, "because", "100%")
    assert bool(now.finished) is ends


def test_a_task_comes_back_from_the_disk_as_it_was():
    kept = task(size=(832, 464), ends=[Pose(1.2, 0.1, 0, 3)], ending=Ending("CANCEL"), start=Pose(zoom=1.5))
    assert from_json(to_json(kept)) == kept
