"""What every test may use, what is run by default, and by how many processes.

Each test has a sandbox, a library, a database and a bucket of its own; what tests share is read only: finished clips, and
the servers that those of one process are on.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent

# Where it is set, hundreds of processes each compile the package anew: a third of the time of all tests.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

MARKS = {
    "tests/frontends": "frontends",
    "tests/shared": "crowd",
}
"""By folder."""
NEEDS = {"cluster": "postgres", "shared_database": "postgres", "s3": "s3", "bucket": "s3", "dask": "dask"}
"""By a fixture that a test uses, itself or through others."""
VALUES = {("another", "postgresql"): "postgres", ("notebooks", "notebook"): "hosts"}
"""By a value of a parameter."""
BROWSERS = ("browser", "frontends")
FIRST = (
    "tests/browser",
    "tests/frontends",
    "tests/shared",
    "tests/tour",
    "tests/kernel",
    "tests/cli",
    "tests/notebook",
)
"""What takes long begins early, so that no process is left alone with it at the end."""


def pytest_xdist_auto_num_workers(config):
    """Two for each processor, since much of a test is waiting; none where files are named, which start sooner alone."""
    named = [argument for argument in config.args if argument.partition("::")[0].endswith(".py")]
    return 0 if named and len(named) == len(config.args) else 2 * (os.cpu_count() or 1)


def pytest_sessionstart(session):
    """A browser is found or installed once, before the processes that would all need it; what is done is said."""
    if "PYTEST_XDIST_WORKER" in os.environ or not _browsers_wanted(session.config):
        return
    from tests.browser.chromium import NoChromiumError, ensure

    try:
        ensure()
    except NoChromiumError as error:
        pytest.exit(str(error), 1)


def _browsers_wanted(config):
    places = [(PROJECT / argument.partition("::")[0]).resolve() for argument in config.args]
    browsers = [PROJECT / "tests" / name for name in BROWSERS]
    return any(
        place.is_relative_to(browser) or browser.is_relative_to(place) for place in places for browser in browsers
    )


def pytest_configure(config):
    """A test that is named runs, whatever its marks."""
    if any("::" in argument for argument in config.args) and config.option.markexpr == _default_marks(config):
        config.option.markexpr = ""


def _default_marks(config):
    return next(word for word in config.getini("addopts") if word.startswith("-m=")).removeprefix("-m=")


_cases: Counter[tuple[str, str]] = Counter()


def pytest_itemcollected(item):
    """Mark what is left out by default, by what it needs."""
    path = item.path.relative_to(PROJECT).as_posix()
    marks = {mark for folder, mark in MARKS.items() if path.startswith(f"{folder}/")}
    marks |= {mark for name, mark in NEEDS.items() if name in item.fixturenames}
    values = item.callspec.params if hasattr(item, "callspec") else {}
    marks |= {mark for (name, value), mark in VALUES.items() if values.get(name) == value}
    if rows := item.get_closest_marker("default_cases"):
        key = (item.parent.nodeid, item.originalname)
        _cases[key] += 1
        if _cases[key] > rows.args[0]:
            marks.add("matrix")
    for mark in marks:
        item.add_marker(mark)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    def rank(item):
        folder = item.path.relative_to(PROJECT).parent.as_posix()
        return FIRST.index(folder) if folder in FIRST else len(FIRST)

    items.sort(key=rank)


@pytest.fixture(scope="session")
def clips_of_the_run(tmp_path_factory):
    """Where the sandboxes of all processes of this run keep their finished clips."""
    own = tmp_path_factory.getbasetemp()
    return (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "clips"


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch, tmp_path_factory, clips_of_the_run):
    """A developer's key, base URL, database or cache must neither be used by a test nor decide its outcome."""
    for name in [name for name in os.environ if name.startswith(("COMETAPI_", "MJVIDEO_", "PG"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setenv("MJVIDEO_LIBRARY", str(tmp_path_factory.mktemp("library")))
    monkeypatch.setenv("MJVIDEO_SANDBOX_CLIPS", str(clips_of_the_run))
    monkeypatch.setenv("MJVIDEO_SANDBOX_SECONDS", "1")


@pytest.fixture
def photo(tmp_path):
    """A photograph as a first frame, in the test's own folder."""
    return Path(shutil.copy(PROJECT / "notebooks" / "coffee.jpg", tmp_path))


@pytest.fixture(scope="session")
def sandboxes(tmp_path_factory, clips_of_the_run):
    """``with sandboxes.sandbox(seconds=..., render=...) as sandbox``: more of them, see `tests.sandboxes`."""
    from tests.sandboxes import Host

    host = Host(tmp_path_factory.mktemp("sandboxes"), clips_of_the_run)
    yield host
    host.stop()


@pytest.fixture
def sandbox(sandboxes):
    """The embedded service for this test alone, fast: ``sandbox.url`` is its base URL, see `tests.sandboxes.Sandbox`."""
    with sandboxes.sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def misbehave(sandbox):
    """``misbehave({"name": "http-502", "times": 2})``: the sandbox does this from now on."""
    return sandbox.misbehave


@pytest.fixture
def submits(sandbox):
    """How many submits the sandbox has received so far."""
    return lambda: sandbox.submits


@pytest.fixture(scope="session")
def cluster():
    """A PostgreSQL server of this process, started for the first test that asks; see `tests.postgres.Cluster`."""
    from tests.postgres import Cluster

    with Cluster() as running:
        yield running


@pytest.fixture
def shared_database(cluster):
    """The URL of an empty database on it, for this test alone."""
    url = cluster.create()
    yield url
    cluster.drop(url)


@pytest.fixture(scope="session")
def s3():
    """An S3 server of this process; see `tests.s3`."""
    from tests.s3 import S3Process

    with S3Process.start() as process:
        yield process
