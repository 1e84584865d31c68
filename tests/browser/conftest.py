"""The server, the browser and the notebooks of the tests in this folder."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Error, expect

from .chromium import running
from .lab import LabServer
from .notebook import Notebooks
from .pages import PAGE_MILLISECONDS, Pages

# Taken now: the variable is gone from the environment while a test runs.
SCREENSHOTS = os.environ.get("MJVIDEO_SCREENSHOTS")
HOST = os.environ.get("MJVIDEO_HOST", "lab")
"""Where those tests run that do not say it themselves: "lab", or "notebook" for Notebook 7."""


MADE = pytest.StashKey[Notebooks]()
expect.set_options(timeout=PAGE_MILLISECONDS)


@pytest.fixture(scope="session")
def lab(tmp_path_factory, clips_of_the_run):
    """One JupyterLab for the whole run, whose kernels render no clip twice."""
    kernels = {"MJVIDEO_SANDBOX_CLIPS": str(clips_of_the_run), "MJVIDEO_SANDBOX_SECONDS": "1"}
    server = LabServer(tmp_path_factory.mktemp("lab"), kernels)
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture(scope="package")
def chromium():
    """The browser, shared by the tests of this folder; each notebook has its own context in it."""
    with running() as browser:
        yield browser


@pytest.fixture(scope="package")
def pages(chromium):
    """Pages with a JupyterLab in them, which one test after the other uses."""
    pages = Pages(chromium)
    yield pages
    pages.close()


@pytest.fixture
def notebooks(lab, chromium, pages, request, tmp_path):
    """``notebooks.new([cell, ...])`` and ``notebooks.existing(path)``: see `Notebook` for what they can do."""
    screenshots = Path(SCREENSHOTS).resolve() if SCREENSHOTS else tmp_path
    screenshots.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"\W+", "-", request.node.name).strip("-")[:60]
    made = Notebooks(lab, chromium, name, screenshots, host=getattr(request, "param", HOST), pages=pages)
    request.node.stash[MADE] = made
    yield made
    made.close()


@pytest.fixture
def clockwork(sandboxes):
    """A service for this test alone that renders nothing: its clips are ready-made. For what is about cards, not pictures."""
    with sandboxes.sandbox(render=False) as sandbox:
        yield sandbox


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Say with a failure what a person would have seen."""
    report = yield
    made = item.stash.get(MADE, None)
    if made is not None and report.when != "teardown" and report.failed:
        made.failed = True
        for number, notebook in enumerate(made.made):
            with contextlib.suppress(Error):  # the page may be what failed
                notebook.screenshot(f"{notebook.folder.name}-failed")
            report.sections.append((f"Notebook {number}", notebook.describe()))
        report.sections.append(("The end of JupyterLab's log", made.server.log_tail()))
    return report
