"""Killed at any moment, a kernel leaves a folder in which nothing is lost, sent twice or half kept.

The long form, by hand: `python -m tests.library.rounds --rounds 200`, and the same with `--sandbox`.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from mjvideo_nb.sandbox.process import SandboxProcess
from tests.patience import PATIENCE

from .rounds import Rounds

PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize("count", [4, pytest.param(20, marks=pytest.mark.long)])
def test_kernels_that_are_killed_lose_nothing(tmp_path, count):
    with contextlib.closing(Rounds(tmp_path, seed=11)) as rounds:
        for _ in range(count):
            rounds.one()
        rounds.finish()
        outcome = rounds.look()
    assert outcome.flaws == []
    assert outcome.jobs >= count // 2  # else none of them lived long enough to make any
    assert outcome.states["done"] > 0
    assert set(outcome.states) <= {"done", "uncertain", "refused"}


@pytest.mark.parametrize("count", [2, pytest.param(8, marks=pytest.mark.long)])
def test_a_service_that_is_killed_loses_nothing_either(tmp_path, count):
    with contextlib.closing(Rounds(tmp_path, seed=12)) as rounds:
        for number in range(count):
            rounds.one(kill_sandbox=number % 2 == 0)
        rounds.finish()
        outcome = rounds.look()
    assert outcome.flaws == []
    assert outcome.states["done"] > 0


def test_a_full_disk_loses_nothing_and_lets_nothing_new_begin(tmp_path):
    """What was accepted is written down with the space kept back; its clips come when there is room."""
    (tmp_path / "disk").mkdir()
    with SandboxProcess.start(
        seconds=0.3, store=tmp_path / "store", faults=["submit:slow=0.5"], timeout=PATIENCE
    ) as sandbox:
        run = subprocess.run(
            ["unshare", "-Urm", sys.executable, "-m", "tests.library.full_disk", sandbox.url, tmp_path / "disk"],
            capture_output=True,
            text=True,
            check=False,
            cwd=PROJECT,
        )
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    (accepted,) = (path.name for path in (tmp_path / "store").iterdir() if path.is_dir())
    assert [(row["state"], row["task_id"]) for row in told["full"]] == [("running", accepted)]
    assert "paid for" in told["full"][0]["error"]
    assert "No space left" in told["child"]
    assert "is full" in told["new"]
    assert "nothing was sent" in told["new"]
    assert [(row["state"], row["task_id"], row["error"]) for row in told["room"]] == [("done", accepted, "")]
    assert len(told["clips"]) == 1
