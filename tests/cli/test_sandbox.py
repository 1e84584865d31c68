"""`sandbox` by hand: one line when it is ready, a clear word where it cannot be, and a clean end."""

from __future__ import annotations

import json
import re
import signal
import socket
import urllib.error
import urllib.request

import pytest

from mjvideo_nb.sandbox.faults import TABLE
from tests.patience import PATIENCE, wait_for

from .conftest import KEY, ONE_CLIP


@pytest.mark.default_cases(1)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_it_serves_until_it_is_told_to_stop(start, run_here, photo, tmp_path, number):
    sandbox = start("sandbox", "--seconds", "20", "--store", tmp_path / "store", "--clips", tmp_path / "clips")
    ready = json.loads(sandbox.line(r"^\{.*\}$")[0])
    wait_for(lambda: re.match(r"Sandbox: .* Ctrl-C stops it\.", sandbox.err))  # of two streams either may be read first
    assert ready["pid"] == sandbox.process.pid
    # It renders when the signal comes: the processes that do that have to go as well.
    sent = run_here(
        "render", photo, *ONE_CLIP, "--timeout", "0", env={"COMETAPI_BASE_URL": ready["url"], "COMETAPI_KEY": KEY}
    )
    assert sent.status == 6
    wait_for(lambda: len(sandbox.offspring()) > 1)
    sandbox.signal(number, group=number == signal.SIGINT)
    assert sandbox.end() == 0
    assert sandbox.out.count("\n") == 1
    assert sandbox.err.count("\n") == 1
    assert sandbox.left_behind() == []


def test_faults_are_switched_on_from_the_start_and_it_can_go_by_the_clock_alone(start, tmp_path):
    faults = ("--fault", "fetch:http-502*2", "--fault", "submit:slow=8")
    sandbox = start("sandbox", *faults, "--no-render", "--max-list", "1", "--store", tmp_path)
    url = json.loads(sandbox.line(r"^\{.*\}$")[0])["url"]
    wait_for(lambda: sandbox.err.startswith("Sandbox: one ready-made clip for every task, not by Midjourney"))
    with urllib.request.urlopen(f"{url}/sandbox/faults", timeout=PATIENCE) as answer:
        names = [fault["name"] for fault in json.load(answer)["faults"]]
    assert names == ["http-502", "slow"]
    body = json.dumps({"ids": ["1", "2"]}).encode()
    asked = urllib.request.Request(f"{url}/mj/task/list-by-condition", body, {"content-type": "application/json"})
    with pytest.raises(urllib.error.HTTPError, match="413"):
        urllib.request.urlopen(asked, timeout=PATIENCE)


def test_a_port_that_is_taken_is_one_clear_line(run_here):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = run_here("sandbox", "--port", port)
    assert ended.status == 2
    assert ended.out == ""
    assert ended.err == (
        f"mjvideo-nb: Check the input. --port: {port} is taken or not allowed; give another, or leave it out for a "
        "free one.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--port", "65536"), "mjvideo-nb sandbox: error: argument --port: a number from 0 to 65535, not '65536'"),
        (("--port=-1",), "mjvideo-nb sandbox: error: argument --port: a number from 0 to 65535, not '-1'"),
        (("--port", "http"), "mjvideo-nb sandbox: error: argument --port: a number from 0 to 65535, not 'http'"),
        (("--seconds=-1",), "mjvideo-nb sandbox: error: argument --seconds: a number of seconds, 0 or more, not '-1'"),
        (("--fault", "unknown"), "mjvideo-nb: Check the input. --fault unknown: no fault is called 'unknown'"),
        (("--max-list", "0"), "mjvideo-nb sandbox: error: argument --max-list: a number, 1 or more, not '0'"),
        (("--fault", "slow=x"), "mjvideo-nb: Check the input. --fault slow=x: "),
        (
            ("--store", "/dev/null/store"),
            "mjvideo-nb: Check the input. --store: the folder /dev/null/store cannot be made",
        ),
    ],
)
def test_an_option_that_does_not_do_is_named(run_here, arguments, message):
    ended = run_here("sandbox", *arguments)
    assert ended.status == 2
    assert ended.out == ""
    assert ended.err.splitlines()[-1].startswith(message)
    assert "Ctrl-C" not in ended.err


@pytest.mark.default_cases(1)
@pytest.mark.parametrize("option", [("--faults",), ("--fault", "help")])
def test_the_faults_can_be_read(run, option):
    ended = run("sandbox", *option)
    assert (ended.status, ended.err) == (0, "")
    told = dict(line.split(maxsplit=1) for line in ended.out.splitlines())
    assert set(told) == set(TABLE)
    assert told["http-502"] == "502, HTML"


def test_without_its_packages_it_names_the_extra(run_here, lacking):
    lacking("av", "PIL")
    ended = run_here("sandbox")
    assert ended.status == 2
    assert ended.err == (
        "mjvideo-nb: The sandbox cannot start. "
        'It lacks av, pillow. Install its extra: pip install "mjvideo-nb[sandbox]"\n'
    )
