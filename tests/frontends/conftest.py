"""What the front ends beside JupyterLab and Notebook 7 need: a server of theirs, and a page on it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import expect

from tests.browser.chromium import running
from tests.browser.pages import PAGE_MILLISECONDS
from tests.loopback import unused_port
from tests.patience import PATIENCE

SCREENSHOTS = os.environ.get("MJVIDEO_SCREENSHOTS")  # gone from the environment while a test runs
PHOTO = Path(__file__).parents[2] / "notebooks" / "coffee.jpg"
START_SECONDS = PATIENCE
STOP_SECONDS = 60
expect.set_options(timeout=PAGE_MILLISECONDS)


@pytest.fixture(scope="package")
def chromium():
    with running() as browser:
        yield browser


@pytest.fixture
def folder(tmp_path):
    """Where a notebook lies, with a photograph beside it."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    shutil.copy(PHOTO, folder)
    return folder


@pytest.fixture
def surroundings(sandbox):
    """The environment of a front end: a key is in it, and the sandbox is what it is for."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MJVIDEO_", "JUPYTER"))}
    return {**kept, "COMETAPI_BASE_URL": sandbox.url, "COMETAPI_KEY": "a-key-for-the-sandbox"}


@pytest.fixture
def serve(folder, surroundings):
    """``serve("voila", "form.ipynb", ...)``: run a front end's server in the folder; its URL. ``{port}`` is replaced."""
    with contextlib.ExitStack() as ends:

        def start(*words):
            port = unused_port()
            log = (folder.parent / "server.log").open("w+b")
            ends.enter_context(log)
            command = [sys.executable, "-m", *(word.format(port=port) for word in words)]
            process = subprocess.Popen(
                command, cwd=folder, env=surroundings, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
            ends.callback(_stop, process)
            url = f"http://127.0.0.1:{port}/"
            _wait_for(url, process, Path(log.name))
            return url

        yield start


@pytest.fixture
def page_at(chromium, request, tmp_path):
    """``page_at(url)``: a page open there; a picture of it is taken at the end, where pictures are asked for."""
    with contextlib.ExitStack() as ends:

        def open_page(url):
            context = chromium.new_context(viewport={"width": 1100, "height": 1000})
            context.set_default_timeout(PAGE_MILLISECONDS)
            ends.callback(context.close)
            page = context.new_page()
            page.goto(url, wait_until="domcontentloaded", timeout=1000 * PATIENCE)
            shots = Path(SCREENSHOTS).resolve() if SCREENSHOTS else tmp_path
            shots.mkdir(parents=True, exist_ok=True)
            name = re.sub(r"\W+", "-", request.node.name).strip("-")
            ends.callback(page.screenshot, path=shots / f"{name}.png", full_page=True)
            return page

        yield open_page


def _wait_for(url, process, log):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + START_SECONDS
    while True:
        assert process.poll() is None, f"It did not start:\n{log.read_text()}"
        try:
            with opener.open(url, timeout=60):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            assert time.monotonic() < deadline, f"It does not answer:\n{log.read_text()}"
            time.sleep(0.1)


def _stop(process):
    family = [process, *psutil.Process(process.pid).children(recursive=True)] if process.poll() is None else []
    for one in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.terminate()
    for one in family:
        try:
            one.wait(STOP_SECONDS)
        except (subprocess.TimeoutExpired, psutil.TimeoutExpired):
            one.kill()
