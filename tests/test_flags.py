"""Flags in a prompt: recognised, explained, refused where they cannot be sent, and the same wherever a prompt is typed."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mjvideo_nb as mj
from mjvideo_nb import flags
from tests.properties import TRIED


def said(prompt):
    return [(str(flag), flag.meaning or flag.problem or flag.doubt) for flag in flags.find(prompt)]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("--raw", "closer to your words"),
        ("--bs 1", "1 clip; whether the call costs less is not known"),
        ("--bs 4", "4 clips"),
        ("--end loop", "ends as it begins"),
        ("--end https://x.example/b.jpg", "ends on this picture"),
        ("--motion high", "high motion"),
        ("--video 1", "a video, which it is anyhow"),
    ],
)
@pytest.mark.parametrize("prompt", ["{}", "steam rises {}", "steam {} rises", "steam\n{}\n"])
def test_a_known_flag_says_what_it_does_wherever_it_stands(typed, words, prompt):
    assert said(prompt.format(typed)) == [(typed, words)]


def test_several_are_found_in_their_order_and_case_does_not_matter():
    assert said("steam --RAW --Motion HIGH --bs 2 rises") == [
        ("--raw", "closer to your words"),
        ("--motion high", "high motion"),
        ("--bs 2", "2 clips; whether the call costs less is not known"),
    ]


@pytest.mark.parametrize("prompt", ["", "a -- b", "a--raw", "half--price sale", "—raw", "-raw", "--", "--3"])
def test_dashes_that_are_no_flag_are_left_alone(prompt):
    assert flags.find(prompt) == ()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("--bs 3", "write --bs 1, --bs 2 or --bs 4"),
        ("--bs", "write --bs 1"),
        ("--motion medium", "write --motion low or --motion high"),
        ("--motion --raw", "write --motion low or --motion high"),
        ("--end", "write --end loop"),
        ("--end tulip.jpg", "the URL of a picture"),
        ("--raw --raw", "it stands there twice, or take it away"),
        ("--motion low --motion high", "it stands there twice, or take it away"),
    ],
)
def test_what_cannot_be_sent_names_the_field_and_what_to_write(typed, words):
    with pytest.raises(mj.InvalidRequest, match=words) as caught:
        flags.check(f"steam {typed} and more")
    assert caught.value.field == "prompt"


@pytest.mark.parametrize("typed", ["--ar 16:9", "--seed 7", "--bs=1", "--colour"])
def test_an_unknown_flag_is_doubted_and_sent(typed):
    (flag,) = flags.find(f"steam {typed} ")
    assert "not" in flag.doubt
    flags.check(f"steam {typed}")


def test_the_shape_is_known_to_be_the_first_frames():
    assert "shape is that of the first frame" in flags.find("--ar 16:9")[0].doubt


@pytest.mark.parametrize(
    ("prompt", "hint"),
    [
        ("steam --m", "--motion"),
        ("--motion", "--motion low or --motion high"),
        ("--motion ", "--motion low or --motion high"),
        ("--motion h", "--motion low or --motion high"),
        ("--motion h ", "--motion low or --motion high"),
        ("--motion x", ""),
        ("--motion h and", ""),
        ("--m and", ""),
        ("--colour", ""),
        ("--raw", ""),
    ],
)
def test_what_may_still_be_typed_says_how_it_goes_on(prompt, hint):
    assert flags.find(prompt)[-1].hint == hint


@pytest.mark.parametrize(
    ("prompt", "extra"),
    [
        ("--bs 1", {"batchSize": 2}),
        ("--bs 1", {"batchSize": "4"}),
        ("--end loop", {"endImage": "https://x.example/b.jpg"}),
        ("--end https://x.example/a.jpg", {"endImage": "https://x.example/b.jpg"}),
        ("--end https://x.example/a.jpg", {"loop": True}),
    ],
)
def test_a_field_that_says_something_else_is_refused(prompt, extra):
    with pytest.raises(mj.InvalidRequest, match="Take one of the two away") as caught:
        flags.check(prompt, extra)
    assert caught.value.field == "extra"


@pytest.mark.parametrize(
    ("prompt", "extra"),
    [
        ("--bs 1", {"batchSize": 1}),
        ("--end loop", {"loop": True}),
        ("--end loop", {"loop": False}),
        ("--end https://x.example/a.jpg", {"endImage": "https://x.example/a.jpg"}),
        ("--raw", {"notifyHook": "https://x.example"}),
        ("", {"loop": True}),
    ],
)
def test_a_field_that_says_the_same_or_nothing_is_sent(prompt, extra):
    flags.check(prompt, extra)


def test_the_motion_of_a_request_is_the_one_that_its_prompt_names():
    assert mj.VideoRequest(image="a.jpg", prompt="steam --motion high").motion == "high"
    assert mj.VideoRequest(image="a.jpg", motion="high", prompt="steam --motion low").motion == "low"
    assert mj.VideoRequest(image="a.jpg", motion="high", prompt="steam --motion medium").motion == "high"


def test_an_extend_with_another_motion_changes_the_flag_of_the_prompt_it_takes_over():
    task = mj.Task("1", request=mj.VideoRequest(image="a.jpg", prompt="steam --motion low --raw"))
    longer = task.extend(0, motion="high")
    assert (longer.prompt, longer.motion) == ("steam --motion high --raw", "high")
    assert task.extend(0).prompt == "steam --motion low --raw"
    assert task.extend(0, prompt="rain --motion high").motion == "high"


@settings(TRIED, max_examples=100)
@given(st.text(alphabet="-abloprmtiwnehs1234 \n", max_size=60))
def test_any_text_is_read_and_rewriting_changes_the_motion_alone(prompt):
    found = flags.find(prompt)
    assert [flag.start for flag in found] == sorted(flag.start for flag in found)
    assert all(prompt[flag.start : flag.end].lower().split()[0] == f"--{flag.name}" for flag in found)
    other = flags.rewritten(prompt, "motion", "high")
    assert flags.value(other, "motion") == ("high" if any(flag.name == "motion" for flag in found) else None)


async def test_a_flag_that_cannot_be_sent_is_not():
    asked = []

    def answer(request):
        asked.append(request)
        return httpx.Response(500)

    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    async with http, mj.Client("key", http=http) as client:
        with pytest.raises(mj.InvalidRequest, match="--bs 3"):
            await client.submit(mj.VideoRequest(image="https://x.example/a.jpg", prompt="steam --bs 3"))
    assert asked == []
