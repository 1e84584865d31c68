"""`mjvideo-nb doctor`: what it finds, what it says to do, and that the key goes nowhere else and shows nowhere."""

from __future__ import annotations

import asyncio
import re
import time
from email.utils import formatdate

import pytest

from mjvideo_nb import SubmissionUncertain, VideoRequest, config
from mjvideo_nb.cli import checks
from mjvideo_nb.cli.checks import NOTE, OK, WRONG
from mjvideo_nb.library import Library, open_library
from mjvideo_nb.trouble import Reply
from tests.loopback import DROP, HANG, Server, answer, unused_url
from tests.patience import PATIENCE

from .conftest import KEY


def rows_of(text):
    return {line[:12].strip(): line[13:] for line in text.splitlines()}


@pytest.mark.parametrize(
    ("env", "lacks", "status", "rows"),
    [
        ({}, [], 0, {"key": "none", "serves": "the sandbox (no key)", "base URL": "https://api.cometapi.com"}),
        ({"COMETAPI_KEY": KEY}, [], 0, {"key": "from COMETAPI_KEY", "serves": "the service at the base URL"}),
        (
            {"COMETAPI_KEY": KEY, "MJVIDEO_SANDBOX": "1", "MJVIDEO_PRICE": "0.9"},
            [],
            0,
            {"serves": "the sandbox (MJVIDEO_SANDBOX is set)", "price": "0.9 USD a call"},
        ),
        (
            {"COMETAPI_KEY": KEY, "COMETAPI_BASE_URL": "https://example.org/mj-fast/"},
            [],
            0,
            {"base URL": "https://example.org/mj-fast (from COMETAPI_BASE_URL)"},
        ),
        (
            {},
            ["av", "uvicorn"],
            1,
            {
                "sandbox": 'lacks av, uvicorn: pip install "mjvideo-nb[sandbox]"',
                "serves": "wrong: nothing yet: set COMETAPI_KEY, or install the sandbox",
            },
        ),
        ({"COMETAPI_KEY": KEY}, ["av"], 0, {"serves": "the service at the base URL"}),
        ({"COMETAPI_KEY": KEY, "MJVIDEO_SANDBOX": "1"}, ["av"], 1, {}),
        # One setting that does not do must not hide the others.
        ({"COMETAPI_BASE_URL": "nonsense", "MJVIDEO_PRICE": "much"}, [], 1, {"key": "none", "sandbox": "installed"}),
        ({"COMETAPI_KEY": f"{KEY} and more"}, [], 1, {"base URL": "https://api.cometapi.com"}),
    ],
)
def test_the_doctor_says_what_serves_and_never_the_key(*, run_here, lacking, env, lacks, status, rows):
    lacking(*lacks)
    ended = run_here("doctor", "--offline", env=env)
    told = rows_of(ended.out)
    assert rows.items() <= told.items()
    assert ended.status == status, ended.out
    assert ended.err == ""
    assert KEY not in ended.out
    wrong = [name for name, value in told.items() if value.startswith("wrong: ")]
    if "nonsense" in env.values():
        assert wrong == ["base URL", "price"]
    if f"{KEY} and more" in env.values():
        assert wrong == ["key", "serves"]


# Asking the service


UNKNOWN_TASK = answer(400, {"description": "task_no_found ", "type": "upstream_error", "code": 4})
QUOTA = {"username": "u", "total_quota": 12.345, "total_used_quota": 1, "request_count": 3, "keys": []}


async def doctor(run, *arguments, env=None):
    """The command, while this loop serves it."""
    return await asyncio.to_thread(run, "doctor", *arguments, env=env)


async def test_all_is_well(run):
    now = formatdate(time.time(), usegmt=True)
    well = answer(400, {"description": "task_no_found ", "type": "upstream_error", "code": 4}, date=now)
    async with Server(lambda _: well) as service, Server(lambda _: answer(200, QUOTA)) as query:
        env = {"COMETAPI_KEY": KEY, "COMETAPI_BASE_URL": f"{service.url}/mj-fast"}
        ended = await doctor(run, "--balance", query.url, env=env)
    told = rows_of(ended.out)
    assert ended.status == 0, ended.out
    assert told["service"] == "answers and accepts the key"
    assert told["clock"] == "agrees with the service's"
    assert told["balance"] == "12.35 USD, enough for about 20 calls"
    assert KEY not in ended.out + ended.err
    assert [(asked.method, asked.path) for asked in service.asked] == [("GET", "/mj-fast/mj/task/0/fetch")]
    assert service.asked[0].headers["authorization"] == f"Bearer {KEY}"
    assert [asked.path for asked in query.asked] == [f"/user/quota?key={KEY}"]
    assert "authorization" not in query.asked[0].headers


async def test_a_service_that_does_not_accept_the_key(run_here):
    refuses = answer(401, {"error": {"message": f"invalid token {KEY}"}})
    async with Server(lambda _: refuses) as service, Server(lambda _: refuses) as query:
        env = {"COMETAPI_KEY": KEY, "COMETAPI_BASE_URL": service.url}
        ended = await doctor(run_here, "--balance", query.url, env=env)
    told = rows_of(ended.out)
    assert ended.status == 1
    assert told["service"].startswith(
        "wrong: answers, but does not accept the key: “invalid token [secret]” (HTTP 401)."
    )
    assert told["balance"] == f"wrong: {query.url} answered “invalid token [secret]” (HTTP 401). Check the key."
    assert KEY not in ended.out + ended.err


async def test_without_a_network_nothing_is_waited_for_and_it_says_so(run_here, monkeypatch):
    monkeypatch.setattr(checks, "PATIENCE", 10 * PATIENCE)
    env = {"COMETAPI_KEY": KEY, "COMETAPI_BASE_URL": unused_url()}
    ended = await doctor(run_here, "--balance", unused_url(), env=env)
    told = rows_of(ended.out)
    assert ended.status == 1
    assert re.match(r"wrong: http://\S+ gives no answer \(.+\): check the network, the proxy", told["service"])
    assert re.match(r"note: http://\S+ could not be reached", told["balance"])
    assert told["sandbox"] == "installed"


async def test_a_service_that_nobody_uses_here_need_not_answer(run_here):
    ended = await doctor(run_here, env={"COMETAPI_BASE_URL": unused_url()})
    told = rows_of(ended.out)
    assert ended.status == 0, ended.out
    assert told["service"].startswith("note: ")
    assert told["balance"] == "not asked: there is no key"


async def test_offline_asks_nobody(run_here):
    async with Server(lambda _: UNKNOWN_TASK) as service:
        env = {"COMETAPI_KEY": KEY, "COMETAPI_BASE_URL": service.url}
        ended = await doctor(run_here, "--offline", "--balance", service.url, env=env)
    assert ended.status == 0
    assert service.asked == []
    assert {"service", "balance", "clock"}.isdisjoint(rows_of(ended.out))


async def test_a_key_of_another_gateway_is_not_sent_to_cometapi():
    check = await checks.ask_balance(config.Secret(KEY), "https://gateway.example/mj-fast", None)
    assert check.state == OK
    assert check.words.startswith("not asked")


# Each check by itself


def reply(status, body=b"", **headers):
    return Reply(status, body, headers)


SERVICE = [
    ("204", reply(204), OK, "answers and accepts the key"),
    ("null", reply(200, b"null"), OK, "accepts the key"),
    ("unknown task", reply(400, b'{"description":"task_no_found ","code":4}'), OK, "accepts the key"),
    ("400 in other words", reply(400, b'{"error":"id"}'), OK, "accepts the key"),
    ("busy", reply(429), OK, "accepts the key"),
    ("401", reply(401), WRONG, "does not accept the key"),
    ("403", reply(403, b'{"error":"ip blocked"}'), WRONG, "ip blocked"),
    ("404", reply(404, b"<html>"), WRONG, "no video service at this address: check the base URL"),
    ("301", reply(301), WRONG, "no video service at this address"),
    ("a page", reply(200, b"<html>"), NOTE, "check the base URL"),
    ("502", reply(502), NOTE, "answers, but: HTTP 502"),
]


@pytest.mark.parametrize(("said", "state", "words"), [row[1:] for row in SERVICE], ids=[row[0] for row in SERVICE])
def test_what_an_answer_says_of_address_and_key(said, state, words):
    check = checks.service(said, "https://gateway.example", has_key=True)
    assert check.state == state
    assert words in check.words


def test_without_a_key_a_service_that_wants_one_is_well():
    assert checks.service(reply(401), "https://x.example", has_key=False).state == OK


@pytest.mark.parametrize(
    ("off", "state", "words"),
    [
        (0, OK, "agrees"),
        (59, OK, "agrees"),
        (-90, NOTE, "90 s behind"),
        (7200, NOTE, "7200 s ahead of"),
        (None, OK, "not compared"),
    ],
)
def test_a_clock_that_is_off_is_told(off, state, words):
    now = 1_700_000_000
    headers = {} if off is None else {"date": formatdate(now - off, usegmt=True)}
    check = checks.clock(Reply(204, b"", headers), now)
    assert check.state == state
    assert words in check.words


BALANCES = [
    (answer(200, QUOTA | {"total_quota": 0.3}), WRONG, "0.30 USD, enough for about 0 calls: top up the account."),
    (answer(200, QUOTA | {"total_quota": 2}), NOTE, "2.00 USD, enough for about 3 calls"),
    (answer(200, QUOTA | {"total_quota": -1.5}), WRONG, "-1.50 USD, enough for about 0 calls: top up the account."),
    (answer(200, QUOTA | {"total_quota": "much"}), NOTE, "nothing that can be read as a balance (HTTP 200). Try again"),
    (answer(200, b"<html>"), NOTE, "nothing that can be read as a balance"),
    (answer(302, b"", location="https://elsewhere.example/"), NOTE, "(HTTP 302)"),
    (answer(500, {"error": "oops"}), NOTE, "answered “oops” (HTTP 500)"),
    (DROP, NOTE, "could not be reached"),
]


@pytest.mark.parametrize(("said", "state", "words"), BALANCES)
async def test_what_is_left_and_what_to_do(said, state, words):
    async with Server(lambda _: said) as query:
        check = await checks.ask_balance(config.Secret(KEY), config.DEFAULT_BASE_URL, query.url)
    assert check.state == state
    assert words in check.words
    assert KEY not in repr(check)


async def test_a_service_that_is_silent_is_not_waited_for_long(monkeypatch):
    monkeypatch.setattr(checks, "PATIENCE", 0.2)
    async with Server(lambda _: HANG) as service:
        found = await checks.network_checks(config.Secret(KEY), service.url, service.url)
    assert [check.state for check in found] == [WRONG, NOTE]


def test_a_library_that_cannot_be_written_is_wrong(tmp_path):
    (tmp_path / "file").write_text("")
    check = checks.disk(tmp_path / "file" / "library")
    assert check.state == WRONG
    assert "name another folder with library= or MJVIDEO_LIBRARY" in check.words


def test_what_the_library_holds_is_told_and_what_to_settle(tmp_path):
    assert checks.records(tmp_path).words == "none yet"
    assert not any(tmp_path.iterdir())
    library = open_library(tmp_path)
    request = VideoRequest(image="https://x.example/a.jpg")
    entry = library.ledger.add(request, service="s", frame="https://x.example/a.jpg", price=0.6)
    check = checks.records(tmp_path)
    assert (check.state, check.words) == (OK, "1 job, 0.60 USD spent; 1 not ended")
    library.ledger.uncertain(entry.id, SubmissionUncertain("who knows"))
    check = checks.records(tmp_path)
    assert check.state == NOTE
    assert "1 with unknown outcome: settle them in mj.history()" in check.words
    library.close()
    (tmp_path / "library.sqlite").write_bytes(b"no database" * 500)
    check = checks.records(tmp_path)
    assert check.state == WRONG
    assert "damaged" in check.words


def test_what_a_shared_library_holds_is_told_and_none_is_made(tmp_path, shared_database, cluster):
    assert checks.records(tmp_path, shared_database).words == "none yet"
    assert checks.records(tmp_path, shared_database).words == "none yet"  # the first look has made none
    library = Library(tmp_path, shared_database)
    library.ledger.add(VideoRequest(image="https://x.example/a.jpg"), service="s", price=0.6)
    check = checks.records(tmp_path, shared_database)
    assert (check.state, check.words) == (OK, "1 job in the shared database, 0.60 USD spent; 1 not ended")
    library.close()
    nowhere = cluster.url("nowhere").replace("owner@", "owner:hunter2@")
    for wrong in (nowhere, "videos", "postgresql://host"):
        check = checks.records(tmp_path, wrong)
        assert check.state == WRONG
        assert "hunter2" not in check.words


def test_a_library_that_is_not_there_yet_is_not_made(tmp_path):
    check = checks.disk(tmp_path / "a" / "b")
    assert check.state == OK
    assert "GB free, room for about" in check.words
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_is_told(tmp_path, monkeypatch):
    for free, state in ((10**6, WRONG), (3 * 10**8, NOTE)):
        monkeypatch.setattr(checks.shutil, "disk_usage", lambda _, free=free: type("Usage", (), {"free": free}))
        assert checks.disk(tmp_path).state == state


@pytest.mark.parametrize(
    ("check", "state", "words"),
    [
        (checks.kernel("7.4.0", ""), OK, "ipykernel 7.4.0"),
        (checks.kernel("6.31.0", "1.6.0"), OK, "ipykernel 6.31.0"),
        (checks.kernel("7.4.0", "1.6.0"), NOTE, "Use nest-asyncio2 instead"),
        (checks.kernel("", ""), NOTE, "pip install ipykernel"),
        (checks.widgets("8.1.9", "0.11.0", "3.0.17"), OK, "ipywidgets 8.1.9, anywidget 0.11.0"),
        (checks.widgets("7.8.0", "0.11.0", "1.1.0"), WRONG, "ipywidgets>=8.1"),
        (checks.widgets("8.1.9", "", "3.0.17"), WRONG, "anywidget"),
        (checks.widgets("8.1.9", "0.11.0", ""), NOTE, "jupyterlab-widgets"),
        (checks.front_end("4.6.6", "7.6.5"), OK, "JupyterLab 4.6.6, Notebook 7.6.5"),
        (checks.front_end("3.6.1", ""), NOTE, "JupyterLab 4"),
        (checks.front_end("", "6.5.0"), NOTE, "Notebook 7"),
        (checks.front_end("", ""), NOTE, "pip install jupyterlab"),
    ],
)
def test_kernel_and_front_end(check, state, words):
    assert check.state == state
    assert words in check.words


def test_a_proxy_is_named_and_its_password_is_not_shown(monkeypatch):
    monkeypatch.setenv("https_proxy", "http://user:hunter2@proxy.example:3128")
    check = checks.proxy()
    assert check.words == "from HTTPS_PROXY"
