"""A marked key through every failure: the mark is in no log, warning, traceback, repr, pickle, answer or terminal.

And it goes to the service alone: certificates are verified, proxies are those of the environment.
"""

import asyncio
import contextlib
import copy
import gc
import inspect
import json
import logging
import pickle
import pprint
import ssl
import traceback
import warnings

import httpx
import pytest
import trustme

from mjvideo_nb import Client, Clip, InvalidRequest, MJVideoError, ServiceError, Task, VideoRequest, config
from mjvideo_nb.account import balance
from mjvideo_nb.cli import commands
from mjvideo_nb.exchange import Exchange
from mjvideo_nb.notebook.session import Session
from mjvideo_nb.pace import Pace
from mjvideo_nb.retries import Retries
from mjvideo_nb.transport import Transport
from tests.loopback import DROP, HANG, Server, answer, unused_url
from tests.patience import PATIENCE

MARK = "MARKED"
KEY = f"sk-{MARK}/4711+never=to:be,seen"
HEADER = f"Token {MARK}-of-the-proxy/0815"
HEADERS = {"MJ-Api-Secret": HEADER}
REQUEST = VideoRequest(image="https://x.example/a.jpg", prompt="petals")
EXTEND = VideoRequest(image="", action="extend", index=0, task_id="17")
QUICK = Retries(deadline=0.02, first_pause=0.001, longest_pause=0.002)


@pytest.fixture
def logged():
    """All that any logger says at DEBUG, httpx and httpcore included, with what its records hold."""
    lines = []

    class Handler(logging.Handler):
        def emit(self, record):
            lines.append(f"{record.name} {record.getMessage()} {record.args!r} {vars(record)!r}")

    handler, root = Handler(), logging.getLogger()
    names = ("httpx", "httpcore", "httpcore.http11", "httpcore.connection", "httpcore.proxy", "asyncio", "tenacity")
    before = {name: logging.getLogger(name).level for name in names} | {"": root.level}
    root.addHandler(handler)
    for name in before:
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield lines
    root.removeHandler(handler)
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def patience(request):
    """Seconds for an answer: few only where none comes."""
    return 0.2 if request.node.callspec.id == "silent" else PATIENCE


def chain(error):
    """An error and all that hangs on it, hidden contexts and groups included."""
    found, to_see = [], [error]
    while to_see:
        each = to_see.pop()
        if each is not None and each not in found:
            found.append(each)
            to_see += [each.__cause__, each.__context__, *getattr(each, "exceptions", ())]
    return found


def shown(error):
    """All that an error reporter could show of an error: the chain, with the local variables of every frame."""
    texts = []
    for each in chain(error):
        texts.append(f"{each} {each!r} {each.args!r} {vars(each)!r}")
        told = traceback.TracebackException.from_exception(each, capture_locals=True)
        # The frames of this file hold what the test compares with.
        told.stack = traceback.StackSummary.from_list([f for f in told.stack if f.filename != __file__])
        texts += told.format(chain=False)
        texts += [repr(vars(value)) for value in locals_of(each) if hasattr(value, "__dict__")]
        with contextlib.suppress(TypeError, AttributeError, pickle.PicklingError):
            texts.append(pickle.dumps(each).decode("latin-1"))
    return "\n".join(texts)


def locals_of(error):
    """What the frames of our own package hold: a reporter may look one level deeper."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if "mjvideo_nb" in frame.f_code.co_filename:
            yield from frame.f_locals.values()


def client_of(url, **options):
    client = Client(KEY, url, headers=HEADERS, **options)
    client.retries = QUICK
    client.watcher.pace = Pace(0, 0, 0.001, 0.001)
    return client


def echo(asked):
    """What a careless service says: all that it was sent, in every place of a task and of an error."""
    words = f"{asked.headers.get('authorization')} {asked.headers.get('mj-api-secret')}"
    return {
        "id": "17",
        "status": "SUCCESS",
        "failReason": words,
        "videoUrl": f"https://x.example/a.mp4?key={words}",
        "prompt": words,
        "properties": {"headers": asked.headers, words: [words]},
        "buttons": [{"customId": words}],
    }


# The first few stand for all of them where the way to the eye is another.
ERRORS = [
    ("refused, echoed", lambda a: answer(200, {"code": 9, "description": str(a.headers)})),
    ("401", lambda _: answer(401, {"error": {"message": f"invalid token {KEY}"}}, x_request_id=KEY)),
    ("502", lambda a: answer(502, f"<html>{a.headers}</html>".encode())),
    ("no HTTP", lambda _: f"{KEY} is no HTTP\r\n\r\n".encode()),
    ("dropped", lambda _: DROP),
    ("refused", lambda _: answer(200, {"code": 4, "description": "Parameter error"})),
    (
        "escaped slashes",
        lambda a: answer(200, json.dumps({"code": 9, "description": str(a)}).replace("/", r"\/").encode()),
    ),
    ("banned", lambda a: answer(200, {"code": 24, "description": "no", "properties": {"bannedWord": str(a.headers)}})),
    ("queue full", lambda a: answer(200, {"code": 23, "description": str(a.headers)})),
    ("too soon", lambda a: answer(400, {"description": "task_status_not_success", "type": str(a.headers)})),
    ("unknown code", lambda a: answer(200, {"code": a.headers["authorization"], "result": a.headers["authorization"]})),
    ("no id", lambda a: answer(200, {"code": 1, "description": a.headers["mj-api-secret"]})),
    ("301", lambda a: answer(301, b"", location=f"https://x.example/?{a.headers['authorization']}")),
    ("an odd redirect", lambda _: answer(302, b"", location=f"https:{KEY}")),
    ("an odder redirect", lambda _: answer(302, b"", location=f"http://xn--/{KEY}")),
    ("400", lambda a: answer(400, {"error": {"message": str(a.headers), "code": a.headers["authorization"]}})),
    ("403", lambda a: answer(403, f"<html>{a.headers}</html>".encode())),
    ("429", lambda a: answer(429, {"error": str(a.headers)}, retry_after=f"{KEY}")),
    ("500", lambda a: answer(500, {"error": {"message": str(a.headers)}})),
    ("a page", lambda a: answer(200, f"<html>{a.headers}</html>".encode())),
    ("garbled", lambda _: answer(200, b"not gzip", content_encoding="gzip")),
    ("cut", lambda _: answer(200, b"{", content_length="900")),
    ("a bad header", lambda _: f"HTTP/1.1 200 OK\r\n{KEY}\r\n\r\n".encode()),
    ("silent", lambda _: HANG),
]


@pytest.mark.parametrize("respond", [row[1] for row in ERRORS], ids=[row[0] for row in ERRORS])
async def test_the_key_is_in_nothing_that_a_failure_leaves_behind(respond, logged, tmp_path, patience):
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        async with Server(respond) as service, client_of(service.url, timeout=patience) as client:
            task = Task(id="17", clips=(Clip("17", 0, url=f"{service.url}/a.mp4"),))
            told = []
            for call in (
                lambda: client.submit(REQUEST, on_retry=lambda error, _: told.append(error)),
                lambda: client.submit(EXTEND),
                lambda: client.fetch("17"),
                lambda: client.fetch_many(["17", "18"]),
                lambda: client.wait("17", timeout=0.1, on_trouble=told.append),
                lambda: client.download(task, tmp_path),
                lambda: balance(config.Secret(KEY), url=service.url, timeout=patience),
            ):
                with pytest.raises(MJVideoError) as caught:
                    await call()
                assert "Traceback" in shown(caught.value)
                assert MARK not in shown(caught.value)
            for error in filter(None, told):
                assert MARK not in shown(error)
            assert MARK not in repr(client) + repr(vars(client))
        gc.collect()
    assert any(line.startswith("httpcore") for line in logged)
    assert MARK not in "\n".join(logged)
    assert MARK not in "".join(str(each.message) for each in warned)
    assert MARK in service.asked[0].headers["authorization"]
    assert not any(MARK in path.read_bytes().decode("latin-1") for path in tmp_path.rglob("*") if path.is_file())


async def test_the_key_is_in_no_trace_of_a_service_out_of_reach(logged):
    for url in (unused_url(), "http://no-such-host.invalid"):
        async with client_of(url) as client:
            for call in (client.submit(REQUEST), client.fetch("17"), balance(config.Secret(KEY), url=url)):
                with pytest.raises(ServiceError) as caught:
                    await call
                assert MARK not in shown(caught.value)
    assert MARK not in "\n".join(logged)


async def test_a_service_that_repeats_what_it_was_sent_gets_no_key_into_a_task(logged, tmp_path):
    async with Server(lambda asked: answer(200, echo(asked))) as service, client_of(service.url) as client:
        task = await client.fetch("17")
    async with Server(lambda asked: answer(200, [echo(asked)])) as service, client_of(service.url) as client:
        listed = (await client.fetch_many(["17"]))["17"]
    submitted = {"code": 1, "result": "17"}
    async with Server(lambda asked: answer(200, submitted | echo(asked))) as service, client_of(service.url) as client:
        sent = await client.submit(REQUEST)
    for each in (task, listed, sent):
        assert each.raw["properties"]
        for text in (repr(each), repr(each.raw), json.dumps(each.raw), pprint.pformat(vars(each))):
            assert MARK not in text
        assert MARK.encode() not in pickle.dumps(each)
    assert MARK not in "\n".join(logged)


async def test_a_link_that_redirects_to_an_address_with_the_key_is_logged_without_it(logged, tmp_path):
    """httpx logs each address that it asks for; the words of that line are put together late, from its arguments."""
    logging.getLogger("httpx").setLevel(logging.INFO)

    def respond(asked):
        return answer(302, b"", location=f"/b?key={KEY}") if asked.path == "/a.mp4" else answer(400)

    async with Server(respond) as service, client_of(service.url) as client:
        task = Task(id="17", clips=(Clip("17", 0, url=f"{service.url}/a.mp4"),))
        with pytest.raises(ServiceError, match="HTTP 400"):
            await client.download(task, tmp_path)
    assert [asked.path for asked in service.asked] == ["/a.mp4", f"/b?key={KEY}"]
    assert MARK not in "\n".join(logged)
    assert any(line.startswith("httpx") and "/b?key=[secret]" in line for line in logged)


async def test_an_interrupt_leaves_no_key_in_its_traceback():
    arrived = asyncio.Event()

    def respond(_):
        arrived.set()
        return HANG

    async with Server(respond) as service, client_of(service.url) as client:
        sending = asyncio.ensure_future(client.submit(REQUEST))
        await arrived.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await sending
    assert MARK not in shown(caught.value)


def public_objects(tmp_path):
    """Everything that holds a key or is made with one."""
    client = Client(KEY, "https://gateway.example/mj-fast", headers=HEADERS)
    session = Session(KEY, "https://gateway.example", headers=HEADERS, library=tmp_path)
    return [
        client,
        client.watcher,
        client.limits,
        client.retries,
        client._exchange,
        client._transport,
        session,
        config.api_key(KEY),
        config.secret_headers(HEADERS),
    ]


async def test_nothing_public_shows_the_key(tmp_path):
    for each in public_objects(tmp_path):
        texts = [repr(each), str(each), f"{each}", pprint.pformat(each)]
        if hasattr(each, "__dict__"):
            texts += [repr(vars(each)), pprint.pformat(vars(each))]
            texts += [repr(vars(value)) for value in vars(each).values() if hasattr(value, "__dict__")]
        with contextlib.suppress(TypeError, AttributeError, pickle.PicklingError):
            texts.append(pickle.dumps(each).decode("latin-1"))
        with contextlib.suppress(TypeError, AttributeError, pickle.PicklingError):
            texts.append(repr(copy.deepcopy(each)))
        assert MARK not in "\n".join(texts), type(each)
        for name, value in inspect.getmembers(each):
            assert name.startswith("_") or MARK not in repr(value), (type(each), name)


@pytest.mark.parametrize("key", [f"{MARK} with a space", f"{MARK}\nx", f"{MARK}é", f"https://{MARK}", MARK.encode()])
def test_a_key_that_does_not_do_is_not_repeated(key, tmp_path):
    for make in (Client, lambda key: Session(key, library=tmp_path)):
        with pytest.raises(InvalidRequest, match="api_key") as caught:
            make(key)
        assert MARK not in "".join(chain_words(caught.value))


def chain_words(error):
    return [f"{each} {each.args!r}" for each in chain(error)]


@pytest.mark.default_cases(5)
@pytest.mark.parametrize("respond", [row[1] for row in ERRORS], ids=[row[0] for row in ERRORS])
async def test_the_command_line_shows_no_key(*, respond, logged, capsys, monkeypatch, tmp_path, photo, patience):
    """Every command that speaks to the service, the doctor and its look at the balance among them."""
    monkeypatch.setenv("COMETAPI_KEY", KEY)
    monkeypatch.setattr("mjvideo_nb.cli.checks.PATIENCE", patience)
    monkeypatch.setattr("mjvideo_nb.transport.DEFAULT_TIMEOUT", httpx.Timeout(patience))
    async with Server(respond) as service:
        monkeypatch.setenv("COMETAPI_BASE_URL", service.url)
        out = ["--out", str(tmp_path / "clips")]
        for command in (
            ["doctor", "--balance", service.url],
            ["render", str(photo), "--json", "--patience", "0.02", *out],
            ["fetch", "17", "--timeout", "0.1", *out],
        ):
            status = await asyncio.to_thread(commands.run, command)
            assert status != 0 or command[0] == "doctor"
    said = capsys.readouterr()
    assert "answers" in said.out or "gives no answer" in said.out
    assert MARK not in said.out + said.err
    assert MARK not in "\n".join(logged)
    assert any(f"key=sk-{MARK}" in asked.path for asked in service.asked)


async def test_the_doctor_shows_no_key_where_all_is_well(logged, capsys, monkeypatch):
    monkeypatch.setenv("COMETAPI_KEY", KEY)
    said = answer(200, {"username": KEY, "total_quota": 3, "keys": [{"name": KEY}]})
    async with Server(lambda asked: said if "quota" in asked.path else answer(204)) as service:
        monkeypatch.setenv("COMETAPI_BASE_URL", service.url)
        assert await asyncio.to_thread(commands.run, ["doctor", "--balance", service.url]) == 0
    shown = capsys.readouterr()
    assert "3.00 USD" in shown.out
    assert MARK not in shown.out + shown.err
    assert any("/user/quota" in line for line in logged)  # the request is logged, the key is not
    assert MARK not in "\n".join(logged)


# Certificates


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
async def private_service(authority):
    """A service over TLS whose certificate no public authority has signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    service = Server(lambda _: answer(200, {"code": 1, "result": "17"}))
    service.tls = context
    async with service:
        service.url = service.url.replace("http://", "https://")
        yield service


async def test_a_certificate_that_nobody_vouches_for_ends_it_before_the_key_is_sent(private_service, logged):
    told = []
    async with Client(KEY, private_service.url, headers=HEADERS) as client:
        with pytest.raises(ServiceError, match=r"Nothing was sent") as caught:
            await client.submit(REQUEST, on_retry=lambda *news: told.append(news))
        assert "certificate" in str(caught.value).lower()
        with pytest.raises(ServiceError, match="certificate"):
            await client.fetch("17")
    assert private_service.asked == []
    assert told == []  # it would be the same again
    assert MARK not in shown(caught.value) + "\n".join(logged)


async def test_a_private_authority_is_made_known_by_the_environment(private_service, authority, tmp_path, monkeypatch):
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    async with Client(KEY, private_service.url) as client:
        with pytest.raises(ServiceError, match="certificate"):  # on loopback nothing of the environment counts
            await client.submit(REQUEST)
    transport = Transport("https://service.test", config.Secret(KEY))
    context = transport._http._transport._pool._ssl_context
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert [each["subject"] for each in context.get_ca_certs()]
    await transport.close()


def test_there_is_no_setting_that_trusts_any_certificate(monkeypatch):
    for maker in (Client, Transport, Session, Exchange):
        assert not {name for name in inspect.signature(maker).parameters if "verif" in name or "cert" in name}
    for name, value in (("PYTHONHTTPSVERIFY", "0"), ("CURL_INSECURE", "1"), ("VERIFY", "0"), ("HTTPX_VERIFY", "0")):
        monkeypatch.setenv(name, value)
    transport = Client(KEY, "https://gateway.example")._transport
    for http in (transport._http, transport._fresh):
        context = http._transport._pool._ssl_context
        assert context.verify_mode == ssl.CERT_REQUIRED
        assert context.check_hostname


# Proxies


NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture
def no_proxies(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


async def test_a_proxy_of_the_environment_is_used(no_proxies, logged):
    async with Server(lambda _: answer(200, {"code": 1, "result": "17"})) as proxy:
        no_proxies.setenv("HTTP_PROXY", proxy.url.replace("http://", "http://user:MARKED-password@"))
        async with Client(KEY, "http://service.test/mj-fast", headers=HEADERS) as client:
            assert (await client.submit(REQUEST)).id == "17"
    [first] = proxy.asked
    assert (first.method, first.path) == ("POST", "http://service.test/mj-fast/mj/submit/video")
    assert first.headers["authorization"] == f"Bearer {KEY}"
    assert first.headers["proxy-authorization"].startswith("Basic ")
    assert MARK not in "\n".join(logged)


async def test_a_proxy_that_will_not_connect_means_that_nothing_was_sent(no_proxies, logged):
    """Over TLS it is asked for a tunnel first; the key goes into the tunnel only."""
    async with Server(lambda _: answer(407, b"", proxy_authenticate="Basic")) as proxy:
        no_proxies.setenv("HTTPS_PROXY", proxy.url)
        async with client_of("https://service.test") as client:
            with pytest.raises(ServiceError, match=r"407.*Nothing was sent"):
                await client.submit(REQUEST)
    assert {(asked.method, asked.path) for asked in proxy.asked} == {("CONNECT", "service.test:443")}
    assert MARK not in str(proxy.asked) + "\n".join(logged)


async def test_a_host_that_needs_no_proxy_is_asked_directly(no_proxies):
    async with Server(lambda _: answer(502)) as proxy:
        no_proxies.setenv("HTTP_PROXY", proxy.url)
        no_proxies.setenv("NO_PROXY", "service.invalid")
        async with client_of("http://service.invalid") as client:
            with pytest.raises(ServiceError, match="Nothing was sent"):
                await client.submit(REQUEST)
    assert proxy.asked == []


@pytest.mark.parametrize("address", ["gopher://proxy.example", "http://proxy.example:port"])
def test_a_proxy_that_is_none_is_named_and_its_password_is_not(address, no_proxies):
    no_proxies.setenv("ALL_PROXY", address.replace("://", "://user:MARKED@"))
    with pytest.raises(InvalidRequest, match="proxy") as caught:
        Client(KEY, "https://service.test")
    assert caught.value.field == "proxy"
    assert MARK not in "".join(chain_words(caught.value))
