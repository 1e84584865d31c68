"""Where each setting comes from, in which order, and that the key shows itself nowhere."""

import copy
import pickle
import sys
import traceback
from pathlib import Path

import pytest

from mjvideo_nb import Client, InvalidRequest, config

KEY = "sk-5ecret0123456789"
KEYRING = """
def get_password(service, name):
    import keyring
    if keyring.broken:
        raise keyring.errors.NoKeyringError("no recommended backend")
    return keyring.stored.get((service, name))

stored, broken = {}, False
"""
KEYRING_ERRORS = "class KeyringError(Exception): pass\nclass NoKeyringError(KeyringError, RuntimeError): pass\n"


@pytest.fixture
def keyring(tmp_path, monkeypatch):
    """A key store like the one that the extra installs, holding what the test puts in."""
    package = tmp_path / "site" / "keyring"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(KEYRING)
    (package / "errors.py").write_text(KEYRING_ERRORS)
    for name in [name for name in sys.modules if name.partition(".")[0] == "keyring"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(package.parent)
    import keyring

    yield keyring
    for name in ("keyring", "keyring.errors"):
        sys.modules.pop(name, None)


def revealed(value=None):
    secret = config.api_key(value)
    return secret and secret.reveal()


def test_the_key_comes_from_the_argument_then_the_environment_then_the_key_store(keyring, monkeypatch):
    assert revealed() is None
    keyring.stored["mjvideo-nb", "COMETAPI_KEY"] = "from-the-store"
    assert revealed() == "from-the-store"
    monkeypatch.setenv("COMETAPI_KEY", "")
    assert revealed() == "from-the-store"
    monkeypatch.setenv("COMETAPI_KEY", "from-the-environment")
    assert revealed() == "from-the-environment"
    assert revealed("from-the-caller") == "from-the-caller"
    assert revealed("") == "from-the-environment"


def test_a_machine_without_a_key_store_has_no_key_in_it(keyring):
    keyring.broken = True
    assert revealed() is None


def test_the_way_to_keep_a_key_is_the_one_that_is_looked_up(keyring):
    """The command in the advice stores what `api_key` reads."""
    assert f"keyring set {config.KEYRING_SERVICE} COMETAPI_KEY" in config.HOW_TO_GIVE_A_KEY
    keyring.stored[config.KEYRING_SERVICE, "COMETAPI_KEY"] = KEY
    assert revealed() == KEY


@pytest.mark.parametrize("bad", [f"{KEY}\n{KEY}", "https://gateway.example/mj"])
def test_a_bad_key_is_said_to_be_where_it_is(keyring, monkeypatch, bad):
    keyring.stored[config.KEYRING_SERVICE, "COMETAPI_KEY"] = bad
    with pytest.raises(InvalidRequest, match=r"^key store: "):
        config.api_key()
    monkeypatch.setenv("COMETAPI_KEY", bad)
    with pytest.raises(InvalidRequest, match=r"^COMETAPI_KEY: "):
        config.api_key()
    with pytest.raises(InvalidRequest, match=r"^api_key: "):
        config.api_key(bad)


def test_blanks_around_a_key_are_forgiven():
    assert revealed(f" {KEY}\n") == KEY
    assert revealed("  ") is None


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (f"{KEY}\n{KEY}", ["line break", "copy it once more"]),
        (f"{KEY} {KEY}", ["space"]),
        (f"{KEY}–", ["ASCII"]),
        ("https://gateway.example/mj", ["base_url="]),
        (b"sk-0123456789", ["text"]),
    ],
)
def test_a_key_that_no_header_can_hold_is_refused_and_not_shown(value, words, monkeypatch):
    ways = [lambda: config.api_key(value)]
    if isinstance(value, str):
        monkeypatch.setenv("COMETAPI_KEY", value)
        ways += [config.api_key, Client]
    for way in ways:
        with pytest.raises(InvalidRequest) as caught:
            way()
        assert caught.value.field == "api_key"
        assert all(word in str(caught.value) for word in words)
        assert "5ecret" not in f"{caught.value!r}"
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    # Given by the environment, the key stands in no frame of ours either (this test's own holds it as `value`).
    own = [frame for frame in told.stack if "mjvideo_nb" in frame.filename]
    assert own or not isinstance(value, str)
    assert isinstance(value, bytes) or "5ecret" not in repr([frame.locals for frame in own])


async def test_the_key_shows_itself_nowhere():
    secret = config.api_key(KEY)
    async with Client(KEY, headers={"mj-api-secret": "5ecret-of-the-proxy"}) as client:
        holders = [secret, client, client._transport]
        for holder in holders:
            shown = [repr(holder), str(holder), f"{holder}", repr(getattr(holder, "__dict__", ""))]
            assert "5ecret" not in " ".join(shown)
            with pytest.raises(TypeError):
                pickle.dumps(holder)
    with pytest.raises(TypeError, match="environment"):
        copy.deepcopy(secret)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("https://gateway.example", "https://gateway.example"),
        (" https://gateway.example/ ", "https://gateway.example"),
        ("https://gateway.example//", "https://gateway.example"),
        ("https://gateway.example/v1", "https://gateway.example"),
        ("https://gateway.example/v1/", "https://gateway.example"),
        ("https://gateway.example/mj-fast", "https://gateway.example/mj-fast"),
        ("https://gateway.example/mj-fast/v1/", "https://gateway.example/mj-fast"),
        ("https://gateway.example/v1/mj-fast", "https://gateway.example/v1/mj-fast"),
        ("https://gateway.example/rev1", "https://gateway.example/rev1"),
        ("HTTPS://Gateway.Example/MJ-Fast", "https://gateway.example/MJ-Fast"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:8000/", "http://[::1]:8000"),
    ],
)
def test_a_base_url_keeps_its_path_and_loses_what_the_sdk_adds(value, wanted, monkeypatch):
    assert config.base_url(value) == wanted
    monkeypatch.setenv("COMETAPI_BASE_URL", value)
    assert config.base_url() == wanted


def test_the_base_url_comes_from_the_argument_then_the_environment_then_the_provider(monkeypatch):
    assert config.base_url() == "https://api.cometapi.com"
    monkeypatch.setenv("COMETAPI_BASE_URL", "https://environment.example")
    assert config.base_url() == "https://environment.example"
    assert config.base_url("https://argument.example") == "https://argument.example"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("htp:/x", ["'htp:/x' is no URL", "https://api.cometapi.com", "COMETAPI_BASE_URL"]),
        ("localhost:8000", ["'localhost:8000' is no URL", "http://"]),
        ("gateway.example", ["'gateway.example' is no URL", "http://"]),
        ("https://", ["is no URL"]),
        ("https:///path", ["is no URL"]),
        ("http://x:0", ["is no URL"]),
        ("http://x:99999", ["is no URL"]),
        ("http://x:port", ["is no URL"]),
        ("http://[::1", ["is no URL"]),
        ("http://a b.example", ["is no URL"]),
        ("ftp://x.example", ["is no URL"]),
        ("https://me:5ecret@x.example", ["without user name", "api_key="]),
        ("https://:5ecret@x.example", ["without user name", "api_key="]),
        ("https://5ecret@x.example", ["without user name", "api_key="]),
        ("htp://me:5ecret@x.example", ["is no URL"]),
        ("https://x.example/?key=5ecret", ["query", "api_key="]),
        ("https://x.example/#5ecret", ["fragment"]),
        (KEY, ["is no URL"]),
        (8000, ["text", "int"]),
    ],
)
def test_what_is_no_base_url_is_told_with_an_example_and_without_a_secret(value, words):
    with pytest.raises(InvalidRequest) as caught:
        config.base_url(value)
    assert caught.value.field == "base_url"
    assert all(word in str(caught.value) for word in words), caught.value
    assert "5ecret" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "environment", "wanted"),
    [
        (None, None, 0.60),
        (None, "", 0.60),
        (None, "1.25", 1.25),
        (0, "1.25", 0),
        ({"480p": 0.6, "720p": 1}, None, {"480p": 0.6, "720p": 1}),
    ],
)
def test_the_price_comes_from_the_argument_then_the_environment(value, environment, wanted, monkeypatch):
    if environment is not None:
        monkeypatch.setenv("MJVIDEO_PRICE", environment)
    assert config.price(value) == wanted


@pytest.mark.parametrize(
    ("value", "environment"),
    [
        (-1, None),
        (float("nan"), None),
        (float("inf"), None),
        ("0.6", None),
        (True, None),
        ({"480p": -1}, None),
        ({"480p": "cheap"}, None),
        (None, "cheap"),
        (None, "-1"),
        (None, "nan"),
    ],
)
def test_what_is_no_price_is_refused(value, environment, monkeypatch):
    if environment is not None:
        monkeypatch.setenv("MJVIDEO_PRICE", environment)
    with pytest.raises(InvalidRequest, match="number of USD") as caught:
        config.price(value)
    assert caught.value.field == "price"


def test_the_library_comes_from_the_argument_then_the_environment_then_beside_the_notebook(monkeypatch, tmp_path):
    monkeypatch.delenv("MJVIDEO_LIBRARY")
    assert config.library() == Path("mjvideo")
    monkeypatch.setenv("MJVIDEO_LIBRARY", "elsewhere")
    assert config.library() == Path("elsewhere")
    assert config.library("here") == Path("here")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert config.library("~/films") == tmp_path / "films"


@pytest.mark.parametrize(
    ("value", "forced"),
    [(None, False), ("", False), ("0", False), ("False", False), (" no ", False), ("1", True), ("yes", True)],
)
def test_the_sandbox_can_be_asked_for_by_the_environment(value, forced, monkeypatch):
    if value is not None:
        monkeypatch.setenv("MJVIDEO_SANDBOX", value)
    assert config.sandbox_forced() is forced


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"mj-api-secret": "5ecret\nX: y"}, ["mj-api-secret", "line break"]),
        ({"mj-api-secret": "5ecrét"}, ["mj-api-secret", "ASCII"]),
        ({"mj-api-secret": 5}, ["mj-api-secret", "text", "int"]),
        ({"mj api": "5ecret"}, ["'mj api'", "name"]),
        ({7: "5ecret"}, ["7", "name"]),
        ([("a", "5ecret")], ["mapping"]),
        ("mj-api-secret: 5ecret", ["mapping"]),
    ],
)
def test_a_header_that_cannot_be_sent_is_refused_at_once_and_not_shown(headers, words):
    with pytest.raises(InvalidRequest) as caught:
        Client(headers=headers)
    assert caught.value.field == "headers"
    assert all(word in str(caught.value) for word in words), caught.value
    assert "5ecr" not in str(caught.value)


def test_the_url_of_a_storage_leaves_the_library_beside_the_notebook(monkeypatch):
    monkeypatch.setenv("MJVIDEO_LIBRARY", "s3://bucket/videos")
    assert config.library_url() == "s3://bucket/videos"
    assert config.library() == Path("mjvideo")
    assert config.library_url("here") == ""
    assert config.library("here") == Path("here")
