"""Real kernels, without a browser."""

from __future__ import annotations

import pytest

from .kernel import Kernel

KEY = "sk-marked-4711-never-to-be-seen"


@pytest.fixture
def kernel(sandbox, photo):
    """A kernel beside a photograph, its service being the sandbox, which outlives it."""
    env = {"COMETAPI_KEY": KEY, "COMETAPI_BASE_URL": sandbox.url, "MJVIDEO_LIBRARY": str(photo.parent / "mjvideo")}
    with Kernel(photo.parent, env) as kernel:
        yield kernel
