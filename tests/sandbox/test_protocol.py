"""What the service answers, in the shapes of the API page."""

import re

import pytest

from mjvideo_nb.sandbox import submission

from .conftest import PHOTO, data_uri, picture


def test_a_submit_and_a_fetch_have_the_documented_shapes(caller):
    answer = caller.post(state="my own words", prompt="petals open")
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"code", "description", "result", "properties"}
    assert body["code"] == 1
    assert re.fullmatch(r"\d{17}", body["result"])
    task = caller.wait(body["result"])
    base = str(caller.http.base_url).rstrip("/")
    assert task["id"] == body["result"]
    assert (task["action"], task["prompt"], task["state"]) == ("VIDEO", "petals open", "my own words")
    assert (task["status"], task["progress"], task["failReason"]) == ("SUCCESS", "100%", "")
    assert task["imageUrl"] == f"{base}/mj/image/{task['id']}"
    assert task["videoUrls"] == [{"url": f"{base}/mj/video/{task['id']}/0_{index}.mp4"} for index in range(4)]
    assert task["videoUrl"] == task["videoUrls"][0]["url"]
    assert {"customId", "emoji", "label", "type", "style"} == set(task["buttons"][0])
    assert 1e12 < task["submitTime"] <= task["startTime"] <= task["finishTime"]


def test_a_list_knows_what_it_can_and_leaves_out_the_rest(caller):
    ids = [caller.make()["id"] for _ in range(2)]
    answer = caller.http.post("/mj/task/list-by-condition", json={"ids": [ids[0], "123", ids[1], ids[0]]})
    assert sorted(task["id"] for task in answer.json()) == sorted(ids)


@pytest.mark.parametrize("gateway", ["/mj-fast", "/mj-relax", "/mj-turbo"])
def test_gateways_choose_the_speed_by_a_prefix(caller, gateway):
    task_id = caller.make()["id"]
    assert caller.http.get(f"{gateway}/mj/task/{task_id}/fetch").json()["id"] == task_id


def test_an_unknown_id(caller):
    for task_id in ("17333149421776840", "x", "..%2f..", "1" * 50):
        answer = caller.http.get(f"/mj/task/{task_id}/fetch")
        if answer.status_code != 404:  # not even a path of the service
            assert answer.status_code == 400
            assert answer.json() == {"description": "task_no_found ", "type": "upstream_error", "code": 4}


REFUSED = {
    "motion": ({"motion": "medium"}, "motion"),
    "no motion": ({"motion": None}, "motion"),
    "no image": ({"image": None}, "image"),
    "empty image": ({"image": ""}, "image"),
    "image of no kind": ({"image": "tulip.jpg"}, "image"),
    "image of another alphabet": ({"image": "тюльпан"}, "image"),
    "prompt is no text": ({"prompt": 7}, "prompt"),
    "video type": ({"videoType": "vid_1.1_i2v_1080"}, "videoType"),
    "state too long": ({"state": "x" * 256}, "state"),
    "batch": ({"batchSize": 3}, "batchSize"),
    "end frame": ({"endImage": "tulip.jpg"}, "base64"),
    "batch in the prompt": ({"prompt": "a --bs 7"}, "batchSize"),
    "another action": ({"action": "upscale"}, "action"),
    "no index": ({"action": "extend", "taskId": "1"}, "index"),
    "no parent": ({"action": "extend", "index": 1}, "taskId"),
    "index too large": ({"action": "extend", "index": 4, "taskId": "1"}, "index"),
    "index is no number": ({"action": "extend", "index": True, "taskId": "1"}, "index"),
}


@pytest.mark.parametrize(("fields", "named"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_do_is_refused_by_name(caller, fields, named):
    answer = caller.post(**fields)
    assert answer.status_code == 200
    assert answer.json()["code"] == 4
    assert named in answer.json()["description"]
    assert caller.http.get("/sandbox/stats").json()["accepted"] == 0


def test_an_unknown_parent(caller):
    answer = caller.post(action="extend", index=0, taskId="17333149421776840")
    assert (answer.status_code, answer.json()["description"]) == (400, "task_no_found ")


def test_a_parent_that_has_not_ended(caller):
    caller.faults({"name": "stuck"})
    parent = caller.submit()
    answer = caller.post(action="extend", index=0, taskId=parent)
    assert answer.status_code == 400
    assert answer.json() == {"description": "task_status_not_success ", "type": "upstream_error", "code": 4}


def test_four_extends_and_no_more(caller):
    task = caller.make()
    for _ in range(4):
        task = caller.make(action="extend", index=3, taskId=task["id"], image=None)
    answer = caller.post(action="extend", index=0, taskId=task["id"]).json()
    assert (answer["code"], "4 times" in answer["description"]) == (4, True)


def test_a_banned_word_is_refused_always(caller):
    answer = caller.post(prompt="a scene of Torture").json()
    assert answer["code"] == 24
    assert answer["properties"] == {"promptEn": "a scene of Torture", "bannedWord": "torture"}


@pytest.mark.parametrize(
    ("fields", "clips"), [({"batchSize": 1}, 1), ({"batchSize": 2}, 2), ({"prompt": "a --bs 2"}, 2)]
)
def test_fewer_variants_when_asked_for(caller, fields, clips):
    task = caller.make(**fields)
    assert len(caller.clips(task)) == clips
    assert caller.http.get(f"/mj/video/{task['id']}/0_{clips}.mp4").status_code == 404


def test_a_motion_in_the_prompt_wins():
    asked = {"motion": "low", "image": "https://x.example/a.jpg"}
    assert submission.read(asked).motion == "low"
    assert submission.read({**asked, "prompt": "steam --motion high"}).motion == "high"


def test_no_storage_links_to_where_the_clip_was_made(caller):
    task = caller.make(noStorage=True)
    assert "/mj/" not in task["videoUrl"]
    assert caller.clips(task)[0].startswith(b"clip 0")


@pytest.mark.parametrize(
    ("asked", "status", "content_range", "content"),
    [
        ("bytes=0-5", 206, "bytes 0-5/700", b"clip 2"),
        ("bytes=690-", 206, "bytes 690-699/700", b"2 clip 2 "[-10:]),
        ("bytes=-7", 206, "bytes 693-699/700", b"clip 2 "),
        ("bytes=700-", 416, "bytes */700", None),
    ],
)
def test_a_clip_comes_in_ranges(caller, asked, status, content_range, content):
    url = caller.make()["videoUrls"][2]["url"]
    whole = caller.http.get(url)
    assert (whole.headers["content-type"], whole.headers["accept-ranges"]) == ("video/mp4", "bytes")
    part = caller.http.get(url, headers={"Range": asked})
    assert (part.status_code, part.headers["content-range"]) == (status, content_range)
    if content is not None:
        assert part.content.endswith(content)


def test_no_clip_before_success(caller):
    caller.faults({"name": "stuck"})
    assert caller.http.get(f"/mj/video/{caller.submit()}/0_0.mp4").status_code == 404


def test_a_picture_that_is_none_fails_later_as_in_the_real_service(caller):
    task = caller.make(image=data_uri(b"not a picture"))
    assert task["status"] == "FAILURE"
    assert task["failReason"].startswith("[Image denied]")
    cut = caller.make(image=data_uri(PHOTO.read_bytes()[:3000]))
    assert cut["failReason"].startswith("[Image denied]")


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_pictures_of_many_kinds(caller, kind):
    assert caller.make(image=data_uri(picture(64, 48, kind=kind)))["status"] == "SUCCESS"


def test_a_body_over_40_mb_is_too_large(caller):
    answer = caller.post(image="A" * (40 * 1024 * 1024))
    assert answer.status_code == 413


def test_a_page_in_the_browser_cannot_call_it(caller):
    """Neither under a name of its own (DNS rebinding) nor by posting what needs no leave."""
    assert caller.http.get("/sandbox/stats", headers={"Host": "evil.example"}).status_code == 400
    plain = caller.http.post("/mj/submit/video", content=b"{}", headers={"Content-Type": "text/plain"})
    assert plain.status_code == 415


def test_requests_are_counted_by_route(caller):
    caller.make()
    caller.post(motion="x")
    stats = caller.http.get("/sandbox/stats").json()
    assert (stats["requests"]["submit"], stats["accepted"]) == (2, 1)
