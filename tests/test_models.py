"""Requests are checked before anything is sent; tasks know their clips."""

import pickle

import pytest

from mjvideo_nb import Clip, InvalidRequest, Refused, Task, TaskTimeout, VideoRequest

DONE = Task(
    id="0773314942177684",
    status="SUCCESS",
    clips=tuple(Clip(task_id="0773314942177684", index=i, url=f"https://x/{i}.mp4") for i in (0, 1)),
    request=VideoRequest(
        image="tulip.jpg", prompt="petals", motion="high", video_type="720p", state="s", extra={"loop": True}
    ),
)


@pytest.mark.parametrize(
    ("field", "values", "words"),
    [
        ("motion", {"motion": "medium"}, ["low", "high", "medium"]),
        ("index", {"action": "extend", "task_id": "1", "index": 4}, ["0, 1, 2 or 3", "4"]),
        ("index", {"action": "extend", "task_id": "1", "index": -1}, ["-1"]),
        ("index", {"action": "extend", "task_id": "1", "index": True}, ["True"]),
        ("index", {"action": "extend", "task_id": "1"}, ["needs the variant"]),
        ("task_id", {"action": "extend", "index": 1}, ["needs the id"]),
        ("action", {"index": 1}, ['action="extend"']),
        ("action", {"task_id": "1"}, ['action="extend"']),
        ("state", {"state": "x" * 256}, ["256", "255"]),
        ("image", {"image": ""}, ["first frame"]),
        ("image", {"image": None}, ["first frame"]),
        ("prompt", {"prompt": None}, ["text"]),
        ("video_type", {"video_type": ""}, ["480p"]),
        ("extra", {"extra": [1]}, ["mapping"]),
        ("state", {"state": 5}, ["text", "int"]),
        ("task_id", {"action": "extend", "index": 1, "task_id": 773314942177684}, ["text", "leading zero"]),
        ("action", {"action": 1, "index": 1, "task_id": "1"}, ["text", "int"]),
        ("no_storage", {"no_storage": "false"}, ["True or False", "'false'"]),
        ("prompt", {"prompt": "half a smile \ud83d"}, ["character", "\\ud83d"]),
        ("state", {"state": "\udc00"}, ["character"]),
    ],
)
def test_a_wrong_field_is_named_with_its_remedy(field, values, words):
    with pytest.raises(InvalidRequest) as caught:
        VideoRequest(**{"image": "tulip.jpg", **values})
    assert caught.value.field == field
    assert all(word in str(caught.value) for word in words)


@pytest.mark.parametrize("image", [b"\xff\xd8" * 1_000_000, "data:image/jpeg;base64," + "A" * 2_000_000])
def test_a_task_can_be_printed_at_each_update_without_its_picture(image):
    """`on_update=print` is what people write; a first frame in memory has megabytes."""
    request = VideoRequest(image=image, prompt="petals")
    shown = repr(Task(id="17", request=request))
    assert len(shown) < 600
    assert "petals" in shown
    assert "17" in shown


@pytest.mark.parametrize("error", [InvalidRequest("m", field="f"), TaskTimeout("m", task_id="1"), Refused("m", code=4)])
def test_an_error_survives_the_way_to_another_process(error):
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error)
    assert (str(back), vars(back)) == (str(error), vars(error))


def test_short_words_mean_the_documented_types_and_others_pass():
    assert VideoRequest(image="a", video_type="480p").video_type == "vid_1.1_i2v_480"
    assert VideoRequest(image="a", video_type="720p").video_type == "vid_1.1_i2v_720"
    assert VideoRequest(image="a", video_type="vid_2_i2v_1080").short_type == "vid_2_i2v_1080"


def test_an_extend_takes_over_what_is_not_given():
    longer = DONE.extend(1, motion="low")
    assert (longer.action, longer.index, longer.task_id) == ("extend", 1, "0773314942177684")
    assert (longer.motion, longer.prompt, longer.short_type, longer.image) == ("low", "petals", "720p", "tulip.jpg")
    assert longer.state is None
    assert longer.extra == {}


def test_an_extend_of_a_task_known_by_id_alone_needs_no_image():
    assert Task(id="1", status="SUCCESS").extend(2).image == ""


@pytest.mark.parametrize("task", [DONE, Task(id="1", status="FAILURE")])
def test_a_clip_that_is_not_there_cannot_be_extended(task):
    with pytest.raises(InvalidRequest, match="no clip"):
        task.extend(3)


def test_clips_are_found_by_their_badge():
    assert DONE[1].url == "https://x/1.mp4"
    with pytest.raises(IndexError, match=r"\[0\], \[1\]"):
        DONE[2]


@pytest.mark.parametrize("status", ["", "NOT_START", "SUBMITTED", "IN_PROGRESS", "SOMETHING_NEW"])
def test_an_unknown_status_counts_as_running(status):
    assert not Task(id="1", status=status).ended
