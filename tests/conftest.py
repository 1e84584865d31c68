"""What every test may use: a clean environment, a photo, and the sandbox as its own process."""

from __future__ import annotations

import json
import os
import shutil
import urllib.request
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch, tmp_path_factory):
    """A developer's key, base URL, database or cache must neither be used by a test nor decide its outcome."""
    for name in [name for name in os.environ if name.startswith(("COMETAPI_", "MJVIDEO_", "PG"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setenv("MJVIDEO_LIBRARY", str(tmp_path_factory.mktemp("library")))


@pytest.fixture
def photo(tmp_path):
    """A photograph as a first frame, in the test's own folder."""
    return Path(shutil.copy(PROJECT / "notebooks" / "coffee.jpg", tmp_path))


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory):
    """The embedded service as its own process, fast and shared by the run: ``sandbox.url`` is its base URL.

    Faults are set by ``PUT {url}/sandbox/faults``; a test that sets some uses them up, since others share the process.
    """
    from mjvideo_nb.sandbox.process import SandboxProcess

    with SandboxProcess.start(seconds=1.0, store=tmp_path_factory.mktemp("sandbox")) as process:
        yield process


@pytest.fixture
def misbehave(sandbox):
    """``misbehave({"name": "http-502", "times": 2})``: the sandbox does this; taken away at the end.

    A bare name happens once, and where it can happen on a submit, there: what an earlier test left to be followed must not
    use it up.
    """
    from mjvideo_nb.sandbox.faults import TABLE

    def once(name):
        routes = TABLE[name].routes
        return {"name": name, "times": 1, "routes": ["submit"] if "submit" in routes else routes}

    def set_faults(*faults):
        named = [once(fault) if isinstance(fault, str) else fault for fault in faults]
        body = json.dumps({"faults": named}).encode()
        request = urllib.request.Request(f"{sandbox.url}/sandbox/faults", body, method="PUT")
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200

    yield set_faults
    set_faults()


@pytest.fixture
def submits(sandbox):
    """How many submits the sandbox has received so far."""

    def count():
        with urllib.request.urlopen(f"{sandbox.url}/sandbox/stats", timeout=10) as answer:
            return json.load(answer)["requests"].get("submit", 0)

    return count


@pytest.fixture(scope="session")
def cluster():
    """A PostgreSQL server of the run's own, started for the first test that asks; see `tests.postgres.Cluster`."""
    from tests.postgres import Cluster

    with Cluster() as running:
        yield running


@pytest.fixture
def shared_database(cluster):
    """The URL of an empty database on it, for this test alone."""
    url = cluster.create()
    yield url
    cluster.drop(url)
