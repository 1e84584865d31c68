"""What is told on the way, on a terminal and elsewhere, and what Ctrl-C means at each point of it."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
from pathlib import Path
from socket import create_server

import pexpect
import pytest

from mjvideo_nb.cli.terminal import printable
from tests.patience import PATIENCE, wait_for

from .command import COMMAND, TRACES
from .conftest import AN_HOUR, KEY, ONE_CLIP, an_hour_later

INTERRUPTED = 130


@pytest.fixture
def on_a_terminal(photo):
    """``on_a_terminal("render", ...)``: the command on a pseudo-terminal, as a shell would start it there."""
    children = []

    def spawn(*arguments, env=None):
        child = pexpect.spawn(
            COMMAND[0],
            [*COMMAND[1:], *map(str, arguments)],
            cwd=photo.parent,
            env={**os.environ, **(env or {})},
            timeout=PATIENCE,
            encoding="utf-8",
        )
        children.append(child)
        return child

    yield spawn
    for child in children:
        child.close(force=True)


def ended(child):
    """What it printed last, and its exit status."""
    child.expect(pexpect.EOF)
    child.close()
    assert not any(trace in child.before for trace in TRACES), child.before
    return child.before, child.exitstatus


def test_elsewhere_than_on_a_terminal_each_change_is_one_plain_line(run, photo, service):
    made = run("render", photo, *ONE_CLIP, env=service)
    assert made.status == 0, made.err
    lines = made.err.splitlines()
    assert lines[:2] == ["sending", "accepted"]
    assert lines[-1] == "downloading"
    assert all(re.fullmatch(r"(SUBMITTED|IN_PROGRESS|SUCCESS) \d+%", line) for line in lines[2:-1])
    assert len(set(lines)) == len(lines)
    assert KEY not in made.err + made.out


def test_a_terminal_shows_a_bar_with_the_services_own_status(on_a_terminal, photo, service, sandbox):
    sandbox.hold(0.5)
    child = on_a_terminal("render", photo, *ONE_CLIP, env=service)
    child.expect(r"\rIN_PROGRESS +[1-9]\d?% \|.{30}\| \d\d:\d\d")
    sandbox.release()
    child.expect(r"\rSUCCESS +100% \|█{30}\| \d\d:\d\d")
    said, status = ended(child)
    assert status == 0
    *_, clip, task = said.splitlines()
    assert Path(clip) == Path("clips", task.removeprefix("task "), "0.mp4")
    assert KEY not in said


def test_the_clock_of_the_bar_goes_on_while_nothing_changes(on_a_terminal, photo, service, misbehave):
    misbehave("stuck")
    child = on_a_terminal("render", photo, *ONE_CLIP, env=service)
    child.expect(r"\rIN_PROGRESS +46% \|.{30}\| (\d\d:\d\d)")
    first = child.match[1]
    child.expect(rf"\rIN_PROGRESS +46% \|.{{30}}\| (?!{first})\d\d:\d\d")
    child.sendintr()
    assert ended(child)[1] == INTERRUPTED


def test_the_bar_steps_back_when_the_service_does(on_a_terminal, photo, service, misbehave):
    misbehave("stuck", {"name": "status-steps-back"})
    child = on_a_terminal("render", photo, *ONE_CLIP, env=service)
    child.expect(r"\rIN_PROGRESS +46%")
    child.expect(r"\rSUBMITTED +0%")
    child.sendintr()
    assert ended(child)[1] == INTERRUPTED


def test_ctrl_c_on_a_terminal_names_the_command_that_picks_the_task_up(on_a_terminal, run, photo):
    """The whole group gets the signal there; the sandbox's store keeps the task, and fetch renders it."""
    child = on_a_terminal("render", photo, *ONE_CLIP, env=AN_HOUR)
    child.expect(r"accepted|SUBMITTED")
    child.sendintr()
    said, status = ended(child)
    assert status == INTERRUPTED
    told = re.search(
        r"Interrupted\. Task (\d+) is kept by the sandbox; pick it up with: mjvideo-nb (fetch \1 --out clips --sandbox)",
        said,
    )
    assert told, said
    assert an_hour_later() == told[1]
    fetched = run(*told[2].split())
    assert fetched.status == 0, fetched.err
    assert (photo.parent / "clips" / told[1] / "0.mp4").is_file()


@pytest.mark.default_cases(1)
@pytest.mark.parametrize("group", [False, True], ids=["the process", "its group"])
def test_an_interrupt_while_it_runs_leaves_the_task_to_the_service(
    *, start, run_here, photo, service, misbehave, group
):
    misbehave("stuck")
    command = start("render", photo, *ONE_CLIP, "--json", env=service)
    command.line("IN_PROGRESS 46%")
    command.signal(signal.SIGINT, group=group)
    assert command.end() == INTERRUPTED
    told = re.search(
        r"^Interrupted\. Task (\d+) goes on at the service; pick it up with: mjvideo-nb (fetch \1 --out clips)$",
        command.err,
        re.MULTILINE,
    )
    assert told, command.err
    said = json.loads(command.out)
    assert (said["task"], said["error"]["type"]) == (told[1], "Interrupted")
    assert KEY not in command.out + command.err
    assert run_here(*told[2].split(), "--timeout", "0", env=service).status == 6
    assert command.left_behind() == []


def test_an_interrupt_before_anything_is_sent_says_so(start, photo, tmp_path):
    """While the sandbox starts, which here takes an hour."""
    (tmp_path / "slow").mkdir()
    (tmp_path / "slow" / "uvicorn.py").write_text("import time\ntime.sleep(3600)")
    command = start("render", photo, *ONE_CLIP, path=[tmp_path / "slow"])
    command.line("^Sandbox ")
    wait_for(lambda: command.runs("mjvideo_nb.sandbox"))
    command.signal()
    assert command.end() == INTERRUPTED
    assert command.err.splitlines()[-1] == "Interrupted. Nothing was sent."
    assert command.out == ""
    assert command.left_behind() == []


def test_an_interrupt_while_the_request_is_on_its_way_says_that_nobody_knows(start, photo):
    """A service that takes the request and does not answer."""
    with create_server(("127.0.0.1", 0)) as service:
        env = {"COMETAPI_BASE_URL": f"http://127.0.0.1:{service.getsockname()[1]}", "COMETAPI_KEY": KEY}
        command = start("render", photo, *ONE_CLIP, env=env)
        service.settimeout(PATIENCE)
        connection, _ = service.accept()
        with connection:
            assert b"POST /mj/submit/video" in connection.recv(1 << 16)
            command.signal()
            assert command.end() == INTERRUPTED
    assert command.err.splitlines()[-1].startswith(
        "Interrupted while the request was being sent: it may have been accepted"
    )
    assert KEY not in command.err


def test_a_second_ctrl_c_makes_no_difference(start, photo, service, misbehave):
    misbehave("stuck")
    command = start("render", photo, *ONE_CLIP, env=service)
    command.line("IN_PROGRESS 46%")
    stop = threading.Event()

    def insist():
        while not stop.wait(0.005) and command.process.poll() is None:
            command.signal()

    impatient = threading.Thread(target=insist)
    impatient.start()
    try:
        assert command.end() == INTERRUPTED
    finally:
        stop.set()
        impatient.join()
    assert "goes on at the service; pick it up with: mjvideo-nb fetch" in command.err


def test_a_service_cannot_steer_the_terminal():
    """Words from outside are text: their control characters are written out."""
    assert printable("\x1b[2Jgone\r\x07 “é” \u202e") == "\\x1b[2Jgone\\r\\x07 “é” \\u202e"
