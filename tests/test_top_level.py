"""What stands at the top of the project, and nothing besides: what was put there by mistake is seen before it is sent."""

from __future__ import annotations

import fnmatch
import subprocess
from pathlib import Path

from tests.patience import PATIENCE

PROJECT = Path(__file__).parent.parent
TOP = {
    ".ci",
    ".github",
    ".gitignore",
    ".pre-commit-config.yaml",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "mjvideo_nb",
    "notebooks",
    "noxfile.py",
    "pyproject.toml",
    "tests",
}
MADE = {".git", "PKG-INFO"}
"""By git, and by `build` in a source distribution, which leaves some of the others out."""


def test_the_top_level_holds_what_it_should():
    if tracked := _tracked():
        assert tracked == TOP
    else:
        assert _in_the_folder() <= TOP | MADE


def _tracked() -> set[str]:
    """The names at the top of what git tracks; none where this is no checkout."""
    try:
        done = subprocess.run(
            ["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except FileNotFoundError:
        return set()
    return {path.split("/")[0] for path in done.stdout.split("\0") if path}


def _in_the_folder() -> set[str]:
    ignored = [line.rstrip("/") for line in (PROJECT / ".gitignore").read_text(encoding="utf-8").splitlines()]
    names = {path.name for path in PROJECT.iterdir()}
    return {name for name in names if not any(fnmatch.fnmatch(name, pattern) for pattern in ignored)}
