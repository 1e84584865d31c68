"""`render` and `fetch` from the still image to clips on disk, and each way in which that can end."""

from __future__ import annotations

import json
import re
import signal
import socket
from pathlib import Path

import av
import pytest

from .conftest import AN_HOUR, KEY, ONE_CLIP, an_hour_later, cache


def paths_in(out):
    """The clips that were printed, and the task's id."""
    *paths, last = out.splitlines()
    found = re.fullmatch(r"task (\d{16,17})", last)
    assert found, out
    return [Path(path) for path in paths], found[1]


def seconds_of(path):
    with av.open(str(path)) as clip:
        return clip.duration / av.time_base


def test_a_first_render_without_a_key_then_an_extend_of_it(run, photo):
    """As a first-time user meets it; the embedded sandbox's store outlives each command."""
    first = run("render", photo, "--prompt", "steam rises", "--out", "clips")
    assert first.status == 0, first.err
    paths, task = paths_in(first.out)
    assert paths == [Path("clips", task, f"{index}.mp4") for index in range(4)]
    assert "Sandbox (no key): clips are rendered on this machine, not by Midjourney." in first.err
    lengths = [seconds_of(photo.parent / path) for path in paths]
    assert lengths == pytest.approx([125 / 24] * 4, abs=0.1)

    longer = run("render", "--extend", f"{task}:1", *ONE_CLIP, "--motion", "high", "--out", "clips", "--json")
    assert longer.status == 0, longer.err
    told = json.loads(longer.out)
    assert longer.out.count("\n") == 1
    assert told["task"] != task
    assert told["sandbox"] is True
    assert told["status"] == "SUCCESS"
    (clip,) = told["clips"]
    assert clip["index"] == 0
    assert seconds_of(photo.parent / clip["path"]) == pytest.approx(221 / 24, abs=0.1)


def test_a_task_whose_command_was_killed_is_picked_up_from_the_sandboxs_store(run, start, photo):
    command = start("render", photo, *ONE_CLIP, env=AN_HOUR)
    command.line("accepted")
    command.signal(signal.SIGKILL)
    assert command.end() == -signal.SIGKILL
    assert command.left_behind() == []

    kept = an_hour_later()
    fetched = run("fetch", kept, "--out", "later")
    assert fetched.status == 0, fetched.err
    paths, task = paths_in(fetched.out)
    assert (paths, task) == ([Path("later", task, "0.mp4")], kept)
    assert seconds_of(photo.parent / paths[0]) == pytest.approx(125 / 24, abs=0.1)


def test_a_fetch_says_that_it_looks_and_brings_the_same_clips(run_here, photo, service):
    made = run_here("render", photo, *ONE_CLIP, "--out", "one", env=service)
    assert made.status == 0, made.err
    paths, task = paths_in(made.out)
    fetched = run_here("fetch", task, "--out", "two", "--json", env=service)
    assert fetched.status == 0, fetched.err
    assert fetched.err.splitlines()[0] == "looking"
    assert "accepted" not in fetched.err
    told = json.loads(fetched.out)
    assert (told["task"], told["sandbox"]) == (task, False)
    for mine, theirs in zip(paths, told["clips"], strict=True):
        assert (photo.parent / mine).read_bytes() == (photo.parent / theirs["path"]).read_bytes()


BAD = [
    (("{photo}", "--motion", "medium"), """motion: "low" or "high", not 'medium'.""", "motion"),
    (("{photo}", "--motion", "low", "--prompt", "steam --motion high"), "motion: low is asked for, and", "motion"),
    (("{photo}", "--extend", "nonsense"), "--extend: TASK:INDEX, such as 1773314942177684:2", "task_id"),
    (("{photo}", "--extend", "17733:four"), "--extend: TASK:INDEX", "task_id"),
    (("{photo}", "--extend", ":2"), "--extend: TASK:INDEX", "task_id"),
    (("{photo}", "--extend", ""), "--extend: TASK:INDEX", "task_id"),
    (("{photo}", "--extend", "a task:2"), "--extend: a task's id is one word", "task_id"),
    (("{photo}", "--extend", "17733:4"), "index: 0, 1, 2 or 3, not 4.", "index"),
    ((), "image: choose a first frame", "image"),
    (("missing.jpg",), "image: there is no file 'missing.jpg' (looked in ", "image"),
    (("text.jpg",), "image: text.jpg is not a JPEG, PNG or WebP picture", "image"),
    ((".",), "is a folder; name a picture in it.", "image"),
    (("ftp://example.org/a.jpg",), "is no http(s) URL", "image"),
    (("{photo}", "--extra", "["), "--extra: '[' is not JSON", "extra"),
    (("{photo}", "--extra", "[1]"), "--extra: a JSON object, such as '{\"loop\": true}', not '[1]'.", "extra"),
    (("{photo}", "--state", "s" * 256), "state: 256 characters; the service takes at most 255.", "state"),
    (("{photo}", "--prompt", "steam --bs 3"), "prompt: --bs 3 cannot be sent: write --bs 1", "prompt"),
    (("{photo}", "--type", ""), 'video_type: "480p", "720p" or a type the service names.', "video_type"),
    (
        ("{photo}", "--out", "text.jpg/clips"),
        "--out: the folder text.jpg/clips cannot be made (Not a directory)",
        "out",
    ),
    (("{photo}", "--out", "text.jpg"), "--out: the folder text.jpg cannot be made (File exists)", "out"),
]


@pytest.mark.parametrize(("arguments", "message", "field"), BAD, ids=[" ".join(a)[-40:] or "nothing" for a, *_ in BAD])
def test_bad_input_is_named_before_anything_is_started(run_here, photo, arguments, message, field):
    (photo.parent / "text.jpg").write_text("this is no picture")
    ended = run_here("render", "--json", *(text.format(photo=photo.name) for text in arguments))
    assert ended.status == 2
    (line,) = ended.err.splitlines()
    assert line.startswith("mjvideo-nb: Check the input. ")
    assert message in line
    told = json.loads(ended.out)
    assert ended.out.count("\n") == 1
    assert (told["error"]["type"], told["error"]["field"]) == ("InvalidRequest", field)
    assert told["clips"] == []
    # The sandbox would have made its store here.
    assert list(cache().iterdir()) == []


@pytest.mark.parametrize("text", ["abc", "-1", "nan", "inf"])
def test_a_time_that_is_none_is_refused(run_here, photo, text):
    ended = run_here("render", photo, f"--timeout={text}")
    assert ended.status == 2
    assert ended.err.splitlines()[-1].endswith(f"argument --timeout: a number of seconds, 0 or more, not {text!r}")


@pytest.mark.parametrize("text", ["", "17 73", "../17733", "a/b"])
def test_an_id_that_is_none_is_refused(run_here, text):
    ended = run_here("fetch", text)
    assert ended.status == 2
    assert ended.err == (
        f"mjvideo-nb: Check the input. task: a task's id is one word, such as 1773314942177684, not {text!r}.\n"
    )


def test_a_folder_that_cannot_be_written_is_found_before_it_is_paid_for(run_here, photo, service, submits):
    (photo.parent / "clips").write_text("a file, where the folder should be")
    ended = run_here("render", photo, env=service)
    assert ended.status == 2
    assert "--out: the folder clips cannot be made" in ended.err
    assert submits() == 0


def test_with_neither_key_nor_sandbox_both_remedies_are_named(run_here, photo, lacking):
    lacking("av", "PIL")
    ended = run_here("render", photo)
    assert ended.status == 2
    (line,) = ended.err.splitlines()
    assert "There is no key, and the sandbox is not installed." in line
    assert "Set the environment variable COMETAPI_KEY" in line
    assert 'pip install "mjvideo-nb[sandbox]"' in line
    assert "Nothing was sent." in line


def test_a_sandbox_that_is_asked_for_and_not_there_is_not_blamed_on_the_key(run_here, photo, service, lacking):
    lacking("av", "PIL")
    ended = run_here("render", photo, "--sandbox", env=service)
    assert ended.status == 2
    assert "It lacks av, pillow." in ended.err
    assert "no key" not in ended.err.replace("without a key", "")


OUTCOMES = [
    ("refused-4", 3, "Refused by the service. “Parameter error” (code 4). Nothing was charged."),
    ("banned-word", 3, "Refused by the service. "),
    ("quota", 3, "No credit left. "),
    ("queue-full", 3, "The queue is full. "),
    ("http-429-empty", 3, "Too many requests. "),
    ("http-401", 2, "The key was not accepted. "),
    ("fail-timeout", 4, "The task failed. "),
    ("cancel", 4, "The task failed. "),
    ("drop-after", 5, "Outcome unknown. "),
    ("accepted-500", 5, "Outcome unknown. "),
    ("http-502", 5, "Outcome unknown. "),
    ("http-301", 1, "Trouble with the service. "),
]


@pytest.mark.parametrize(("fault", "status", "headline"), OUTCOMES, ids=[fault for fault, *_ in OUTCOMES])
def test_each_outcome_has_its_exit_status_and_the_key_is_nowhere(
    *, run_here, photo, service, misbehave, submits, fault, status, headline
):
    misbehave(fault)
    ended = run_here("render", photo, *ONE_CLIP, "--json", "--patience", "0", env=service)
    assert ended.status == status, ended.err
    assert submits() == 1  # sent once, whatever came of it
    assert f"mjvideo-nb: {headline}" in ended.err.splitlines()[-1]
    told = json.loads(ended.out)
    assert told["error"]["message"]
    assert told["clips"] == []
    assert KEY not in ended.out + ended.err


def test_a_queue_that_is_full_for_a_moment_is_waited_out(run_here, photo, service, misbehave, submits):
    misbehave("queue-full", "saturated")
    ended = run_here("render", photo, *ONE_CLIP, "--timeout", "0", env=service)
    assert ended.status == 6, ended.err
    assert submits() == 3
    said = ended.err.splitlines()
    assert said[0] == said[2] == said[4] == "sending"
    assert re.fullmatch(r"The queue is full; trying again in \d s", said[1])
    assert re.fullmatch(r"Too many requests; trying again in \d s", said[3])


def test_a_queue_that_stays_full_ends_with_the_patience(run_here, photo, service, misbehave):
    misbehave({"name": "queue-full"})
    ended = run_here("render", photo, "--patience", "1.5", env=service)
    assert ended.status == 3
    assert "trying again" in ended.err
    last = ended.err.splitlines()[-1]
    assert last.startswith("mjvideo-nb: The queue is full. ")
    assert re.search(r"Nothing was charged\..* It was tried \d+ times in \d+ s\.$", last)


def test_an_interrupt_between_two_tries_has_sent_nothing(start, photo, service, misbehave):
    misbehave({"name": "http-429", "value": 30})
    command = start("render", photo, env=service)
    command.line("trying again in 3[0-9] s")
    command.signal()
    assert command.end() == 130
    assert command.err.splitlines()[-1] == "Interrupted. Nothing was sent."


def test_a_task_that_runs_on_is_status_6_and_can_be_fetched(run, photo, service):
    ended = run("render", photo, *ONE_CLIP, "--timeout", "0", "--out", "my clips", env=service)
    assert ended.status == 6
    assert "mjvideo-nb: Still running. " in ended.err
    pick_up = ended.err.splitlines()[-1]
    found = re.fullmatch(r"Pick it up with: mjvideo-nb fetch (\d+) --out 'my clips'", pick_up)
    assert found, ended.err
    assert KEY not in ended.out + ended.err
    fetched = run("fetch", found[1], "--out", "my clips", env=service)
    assert fetched.status == 0, fetched.err


def test_an_address_where_nobody_answers_is_status_1(run_here, photo):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # taken, and nobody listens
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        ended = run_here("render", photo, "--patience", "1", env={"COMETAPI_BASE_URL": address, "COMETAPI_KEY": KEY})
    assert ended.status == 1
    assert re.search(r"^Trouble with the service; trying again in \d s$", ended.err, re.MULTILINE)
    assert ended.err.splitlines()[-1].startswith("mjvideo-nb: Trouble with the service. ")
    assert "Nothing was sent" in ended.err
    assert "Pick it up" not in ended.err
    assert KEY not in ended.out + ended.err


def test_an_unknown_task_is_status_3(run_here, service):
    ended = run_here("fetch", "1773314942177684", env=service)
    assert ended.status == 3
    assert "Task not found." in ended.err
    assert "Pick it up" not in ended.err


def test_a_refusal_after_the_task_was_accepted_does_not_look_like_one_that_cost_nothing(
    run_here, photo, service, misbehave
):
    """Here the service takes the request and then will not tell of the task: paid for, so not status 3."""
    misbehave({"name": "task-forgotten"})
    ended = run_here("render", photo, env=service)
    assert ended.status == 1
    assert re.search(r"^Pick it up with: mjvideo-nb fetch \d+ --out clips$", ended.err, re.MULTILINE)


def test_a_key_that_is_refused_after_the_task_was_accepted_does_not_look_like_one_that_cost_nothing(
    run_here, photo, service, misbehave, submits
):
    misbehave({"name": "http-401", "routes": ["fetch"]})
    ended = run_here("render", photo, *ONE_CLIP, "--json", env=service)
    assert submits() == 1
    assert json.loads(ended.out)["error"]["type"] == "AuthenticationError"
    assert ended.status == 1, ended.err
    assert re.search(r"^Pick it up with: mjvideo-nb fetch \d+ --out clips$", ended.err, re.MULTILINE)


def test_trouble_while_waiting_is_waited_out(run_here, photo, service, misbehave):
    misbehave({"name": "http-502", "routes": ["fetch"], "times": 1})
    ended = run_here("render", photo, *ONE_CLIP, env=service)
    assert ended.status == 0, ended.err
    assert ended.err.splitlines()[:2] == ["sending", "accepted"]
    assert re.search(r"HTTP 502\..* it goes on, and nothing more is charged", ended.err)


@pytest.mark.parametrize("key", ["two words", "ключ"])
def test_a_key_that_no_header_can_hold_is_not_shown(run_here, photo, key):
    ended = run_here("render", photo, env={"COMETAPI_KEY": key})
    assert ended.status == 2
    assert "COMETAPI_KEY: the key holds" in ended.err
    assert key not in ended.err
