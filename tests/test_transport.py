"""The key goes to the service's own origin only, shows itself nowhere, and a failure says whether it was sent."""

import asyncio
import json
import logging
import traceback

import httpcore
import httpx
import pytest

from mjvideo_nb import (
    AuthenticationError,
    Client,
    Clip,
    MJVideoError,
    RateLimited,
    Refused,
    ServiceError,
    SubmissionUncertain,
    Task,
    VideoRequest,
)
from mjvideo_nb.retries import Retries
from mjvideo_nb.transport import NotSent, Transport
from tests.loopback import DROP, HANG, Server, answer, unused_url

KEY = "sk-5ecret/0123456789"
PROXY_SECRET = "5ecret/0123456789-of-the-proxy"
REQUEST = VideoRequest(image="https://x.example/a.jpg", prompt="petals")
SUCCESS = {"code": 1, "description": "ok", "result": "17"}


def impatient(client):
    """One that never tries a second time; `test_retries` is about the others."""
    client.retries = Retries(deadline=0)
    return client


def chain(error):
    """An error and all that hangs on it, hidden contexts included."""
    found, to_see = [], [error]
    while to_see:
        error = to_see.pop()
        if error is not None and error not in found:
            found.append(error)
            to_see += [error.__cause__, error.__context__]
    return found


def everything_shown(error):
    """What a traceback shows that renders local variables, as `%xmode Verbose` and error reporters do."""
    texts = [f"{error} {error!r} {vars(error)}"]
    for each in chain(error):
        told = traceback.TracebackException.from_exception(each, capture_locals=True)
        # The frames of this file hold what the test compares with.
        told.stack = traceback.StackSummary.from_list([f for f in told.stack if f.filename != __file__])
        texts += told.format(chain=False)
    return "".join(texts)


# To whom the key goes


async def test_the_service_gets_the_key_and_a_storage_host_does_not(tmp_path):
    async with Server(lambda _: answer(404)) as storage:

        def respond(asked):
            if asked.path == "/clip.mp4":
                return answer(302, location=f"{storage.url}/signed.mp4")
            return answer(200, {"id": "17", "status": "SUCCESS", "videoUrl": f"{service.url}/clip.mp4"})

        async with (
            Server(respond) as service,
            Client(KEY, service.url, headers={"MJ-Api-Secret": PROXY_SECRET}) as client,
        ):
            task = await client.fetch("17")
            with pytest.raises(MJVideoError):
                await client.download(task, tmp_path)
    assert {asked.path for asked in service.asked} == {"/mj/task/17/fetch", "/clip.mp4"}
    for asked in service.asked:
        assert asked.headers["authorization"] == f"Bearer {KEY}"
        assert asked.headers["mj-api-secret"] == PROXY_SECRET
    assert storage.asked
    for asked in storage.asked:
        assert "authorization" not in asked.headers
        assert "mj-api-secret" not in asked.headers
        assert "5ecret" not in str(asked)
        assert "Mozilla" in asked.headers["user-agent"]


async def test_a_way_back_to_the_service_has_the_key_again(tmp_path):
    """A storage host may send on to a link of the service: the headers are chosen anew for each host."""

    def away(asked):
        return answer(302, location=f"{service.url}/again.mp4")

    async with (
        Server(away) as storage,
        Server(lambda _: answer(410)) as service,
        impatient(Client(KEY, service.url)) as client,
    ):
        with pytest.raises(MJVideoError):
            await client.download(Task(id="17", clips=(Clip("17", 0, url=f"{storage.url}/a.mp4"),)), tmp_path)
    assert "authorization" not in storage.asked[0].headers
    assert "authorization" in next(asked for asked in service.asked if asked.path == "/again.mp4").headers


@pytest.mark.parametrize("ways", [1, 12])
async def test_redirects_of_a_clip_end_somewhere(ways, tmp_path):
    def respond(asked):
        step = int(asked.path.strip("/") or 0)
        return answer(302, location=f"/{step + 1}") if step < ways else answer(410)

    async with Server(respond) as service, impatient(Client(KEY, service.url)) as client:
        with pytest.raises(MJVideoError, match="410" if ways == 1 else "redirects"):
            await client.download(Task(id="17", clips=(Clip("17", 0, url=f"{service.url}/0"),)), tmp_path)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_of_a_submit_or_a_look_is_not_followed(status):
    async with Server(lambda _: answer(200, SUCCESS)) as elsewhere:
        redirect = answer(status, location=f"{elsewhere.url}/mj/submit/video")
        async with Server(lambda _: redirect) as service, Client(KEY, service.url) as client:
            with pytest.raises(ServiceError, match=r"Nothing was charged.*base URL"):
                await client.submit(REQUEST)
            with pytest.raises(ServiceError, match="base URL"):
                await client.fetch("17")
            with pytest.raises(ServiceError, match="base URL"):
                await client.fetch_many(["17"])
    assert len(service.asked) == 3
    assert elsewhere.asked == []


async def test_headers_alone_are_enough_for_a_bare_proxy():
    async with (
        Server(lambda _: answer(200, SUCCESS)) as service,
        Client(base_url=service.url, headers={"mj-api-secret": PROXY_SECRET}) as client,
    ):
        await client.submit(REQUEST)
    assert service.asked[0].headers["mj-api-secret"] == PROXY_SECRET
    assert "authorization" not in service.asked[0].headers


async def test_an_authorization_of_the_users_own_takes_the_place_of_ours():
    async with (
        Server(lambda _: answer(200, SUCCESS)) as service,
        Client(KEY, service.url, headers={"Authorization": "Basic abc"}) as client,
    ):
        await client.submit(REQUEST)
    assert service.asked[0].headers["authorization"] == "Basic abc"


def test_without_a_key_every_way_to_give_one_is_named():
    with pytest.raises(AuthenticationError) as caught:
        Client()
    for way in ("COMETAPI_KEY", "api_key=", "keyring set mjvideo-nb COMETAPI_KEY", "nothing was sent"):
        assert way in str(caught.value)


# Was it sent?


async def test_a_refused_connection_means_that_nothing_was_sent():
    async with impatient(Client(KEY, unused_url())) as client:
        with pytest.raises(ServiceError, match=r"Nothing was sent and nothing is charged.*network") as caught:
            await client.submit(REQUEST)
        assert caught.value.status is None
        with pytest.raises(ServiceError, match=r"Tasks go on.*nothing more is charged"):
            await client.fetch("17")


async def test_a_name_that_does_not_resolve_means_that_nothing_was_sent():
    async with impatient(Client(KEY, "http://no-such-host.invalid")) as client:
        with pytest.raises(ServiceError, match="Nothing was sent"):
            await client.submit(REQUEST)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (DROP, "dropped after the request was read"),
        (HANG, "no answer in time"),
        (answer(200, SUCCESS, content_length="400"), "cut short"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9", "cut short in the head"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "not HTTP"),
        (answer(200, b"not gzip", content_encoding="gzip"), "garbled"),
        (answer(200, b"<html>welcome</html>"), "a page under 200"),
        (answer(200, b""), "nothing under 200"),
        (answer(200, {"code": 1}), "accepted, no id"),
        (answer(500, {"error": {"message": "oops"}}), "500"),
        (answer(502, b"<html>bad gateway</html>"), "502"),
        (answer(504), "504"),
    ],
)
async def test_a_submit_of_unknown_outcome_is_sent_exactly_once(said, why):
    async with Server(lambda _: said) as service, Client(KEY, service.url, timeout=0.5) as client:
        with pytest.raises(SubmissionUncertain, match=r"may have been accepted and billed") as caught:
            await client.submit(REQUEST)
    assert [asked.method for asked in service.asked] == ["POST"]
    assert "before sending it again" in str(caught.value)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (answer(429, b"", retry_after="3"), RateLimited),
        (answer(429, {"description": "saturated", "code": 30}), RateLimited),
        (answer(401, {"error": {"message": "invalid token"}}), AuthenticationError),
        (answer(413, b"<html>"), Refused),
        (answer(200, {"code": 24, "description": "banned", "properties": {"bannedWord": "x"}}), Refused),
    ],
)
async def test_a_submit_that_was_not_accepted_says_so(said, error):
    async with Server(lambda _: said) as service, impatient(Client(KEY, service.url)) as client:
        with pytest.raises(error, match="Nothing was charged"):
            await client.submit(REQUEST)
    assert len(service.asked) == 1


async def test_each_submit_has_a_connection_of_its_own():
    """A connection kept from before may be half closed; a submit lost on it would be of unknown outcome."""
    connections = []

    class Counting(Server):
        async def _serve(self, reader, writer):
            connections.append(writer)
            await super()._serve(reader, writer)

    async with (
        Counting(lambda _: answer(200, SUCCESS, connection="keep-alive")) as service,
        Client(KEY, service.url) as client,
    ):
        for _ in range(3):
            await client.submit(REQUEST)
    assert len(connections) == 3


async def test_a_proxy_of_the_environment_is_not_asked_for_loopback(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, unused_url())
    async with Server(lambda _: answer(200, SUCCESS)) as service, Client(KEY, service.url) as client:
        assert (await client.submit(REQUEST)).id == "17"


async def test_a_ready_client_is_used_with_the_timeout_that_was_asked_for_and_left_open():
    seen = []

    def handler(request):
        seen.append(request.extensions["timeout"]["read"])
        return httpx.Response(200, json=SUCCESS)

    async with httpx.AsyncClient(transport=httpx.MockTransport(handler), timeout=7) as http:
        for timeout in (None, 3, httpx.Timeout(9)):
            async with Client(KEY, "https://gateway.example", timeout=timeout, http=http) as client:
                await client.submit(REQUEST)
        assert not http.is_closed
    assert seen == [7, 3, 9]


# What comes back


ECHOES = [
    (401, {"error": {"message": f"invalid token {KEY}", "code": KEY}}),
    (400, {"description": f"{KEY} {PROXY_SECRET}", "code": 4}),
    (403, f"<html>{KEY}</html>".encode()),
    (429, {"error": KEY}),
    (500, {"error": {"message": f"Bearer {KEY}"}}),
    (502, f"<html>{KEY}</html>".encode()),
    (200, KEY.encode()),
    (200, {"code": 24, "description": "no", "properties": {"bannedWord": KEY}}),
    (200, {"code": 1, "description": KEY}),
    (200, {"code": KEY, "result": KEY}),
    (200, json.dumps({"code": 9, "description": KEY}).replace("/", r"\/").encode()),
    (301, b""),
]


@pytest.mark.parametrize(("status", "body"), ECHOES)
async def test_a_key_that_the_service_repeats_is_in_no_error_and_no_traceback(status, body):
    said = answer(status, body, location=f"http://x.example/?key={KEY.replace('/', '%2F')}", x_request_id=f"r {KEY}")
    async with (
        Server(lambda _: said) as service,
        impatient(Client(KEY, service.url, headers={"mj-api-secret": PROXY_SECRET})) as client,
    ):
        for call in (lambda: client.submit(REQUEST), lambda: client.fetch("17"), lambda: client.fetch_many(["17"])):
            with pytest.raises(MJVideoError) as caught:
                await call()
            shown = everything_shown(caught.value)
            assert "5ecret" not in shown
            assert "Traceback" in shown


@pytest.mark.parametrize("said", [DROP, HANG, f"{KEY} is no HTTP\r\n\r\n".encode()])
async def test_a_lost_answer_leaves_no_key_in_the_traceback(said, tmp_path):
    async with (
        Server(lambda _: said) as service,
        impatient(Client(KEY, service.url, timeout=0.2, headers={"mj-api-secret": PROXY_SECRET})) as client,
    ):
        task = Task(id="17", clips=(Clip("17", 0, url=f"{service.url}/a.mp4"),))
        for call in (
            lambda: client.submit(REQUEST),
            lambda: client.fetch("17"),
            lambda: client.wait("17", timeout=0.3),
            lambda: client.download(task, tmp_path),
        ):
            with pytest.raises(MJVideoError) as caught:
                await call()
            shown = everything_shown(caught.value)
            assert "Traceback" in shown
            assert "sk-" not in shown
            assert "of-the-proxy" not in shown


async def test_a_value_that_is_no_json_leaves_no_key_in_the_traceback():
    async with Client(KEY, "http://127.0.0.1:9") as client:
        for value in (object(), float("nan"), "\ud83d"):
            with pytest.raises(MJVideoError, match="extra") as caught:
                await client.submit(VideoRequest(image="https://x/a.jpg", extra={"loop": value}))
            shown = everything_shown(caught.value)
            assert "Traceback" in shown
            assert "5ecret" not in shown


async def test_the_key_is_in_no_log(caplog):
    caplog.set_level(logging.DEBUG)
    async with (
        Server(lambda _: answer(401, {"error": KEY})) as service,
        Client(KEY, service.url, headers={"mj-api-secret": PROXY_SECRET}) as client,
    ):
        with pytest.raises(AuthenticationError):
            await client.fetch("17")
    assert caplog.records
    assert "5ecret" not in caplog.text


async def test_what_is_no_secret_is_left_in_the_answer():
    """A referer is no key: taken out of an answer, every link of the service would be broken."""
    url = "https://gateway.example/a.mp4"
    handler = httpx.MockTransport(
        lambda _: httpx.Response(200, json={"id": "17", "status": "SUCCESS", "videoUrl": url})
    )
    async with httpx.AsyncClient(transport=handler) as http:
        client = Client(KEY, "https://gateway.example", headers={"referer": "https://gateway.example/"}, http=http)
        assert (await client.fetch("17"))[0].url == url


async def test_a_clip_is_read_in_larger_pieces_than_the_library_asks_for():
    """Else a download has four fifths of its speed; a later version of the library may keep its connections elsewhere."""
    async with (
        Server(lambda _: answer(body=bytes(4_000_000))) as server,
        Client(KEY, server.url) as client,
        client._transport.stream(f"{server.url}/a.mp4") as stream,
    ):
        sizes = [len(chunk) async for chunk in stream.chunks]
    assert sum(sizes) == 4_000_000
    assert max(sizes) > 64 * 1024


async def test_a_connection_that_comes_when_all_are_closed_is_closed_too(monkeypatch):
    """Else it would stay open with nobody to close it."""
    connect, connected, closed, streams = httpcore.AnyIOBackend.connect_tcp, asyncio.Event(), asyncio.Event(), []

    async def slowly(*args, **options):
        streams.append(await connect(*args, **options))
        connected.set()
        await closed.wait()
        return streams[0]

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", slowly)
    async with Server(lambda _: answer(200, SUCCESS, connection="keep-alive")) as server:
        transport = Transport(server.url, None)
        asking = asyncio.create_task(transport.get("/x"))
        await connected.wait()
        await transport.close()
        closed.set()
        with pytest.raises(NotSent):
            await asking
        assert server.asked == []
    assert streams[0].get_extra_info("socket").fileno() == -1
