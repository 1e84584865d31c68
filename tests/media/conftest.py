"""Clips that the tests of this folder share."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import mjvideo_nb as mj

from .clips import make

PHOTO = Path(__file__).parents[2] / "notebooks" / "coffee.jpg"


@pytest.fixture(scope="package")
def clips(tmp_path_factory):
    """Clips by what is special about them: paths that no test writes to."""
    folder = tmp_path_factory.mktemp("clips")
    return {
        "plain": make(folder / "plain.mp4"),
        "alike": make(folder / "alike.mp4", 9, seed=90),
        "reordered": make(folder / "reordered.mp4", 15, b_frames=2),
        "reordered alike": make(folder / "reordered alike.mp4", 11, b_frames=2, seed=90),
        "tall": make(folder / "tall.mp4", 8, size=(48, 64), colour=(200, 30, 30)),
        "slow": make(folder / "slow.mp4", 6, rate=12),
        "single": make(folder / "single.mp4", 1),
        "turned": make(folder / "turned.mp4", 6, turned=90),
    }


@pytest.fixture(scope="package")
def rendered(tmp_path_factory):
    """Two clips of the sandbox from a photograph, and one that goes on from the second."""
    from mjvideo_nb.sandbox.process import SandboxProcess

    folder = tmp_path_factory.mktemp("rendered")

    async def render(url):
        async with mj.Client(api_key="any", base_url=url) as client:
            task = await client.wait(
                await client.submit(mj.VideoRequest(image=PHOTO, motion="high", extra={"batchSize": 2}))
            )
            longer = await client.wait(await client.submit(task.extend(1, motion="low")))
            first = await client.download(task, folder)
            return [first[0], first[1], (await client.download(longer, folder))[0]]

    with SandboxProcess.start(seconds=0, store=tmp_path_factory.mktemp("store")) as process:
        return asyncio.run(render(process.url))


@pytest.fixture
def out(tmp_path):
    """A folder that does not exist yet."""
    return tmp_path / "new" / "folder"
