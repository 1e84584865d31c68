"""What is checked, each check under one name, the same here and in CI: `nox -l` lists them.

A session makes an environment of its own. `nox -r` takes those that are there, `nox --no-venv` the one that it is run in,
`nox -P 3.13 -s tests` makes one of that Python. What follows `--` goes to pytest: `nox -s tests -- -n 0 -k budget`.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import nox

PYTHONS = ("3.11", "3.12", "3.13")
KERNELS = ("6.31.0", "7.3.0", "7.4.0", "newest")
ENDS = ((PYTHONS[0], KERNELS[0]), (PYTHONS[-1], KERNELS[-1]))
KERNEL_TESTS = ("tests/kernel", "tests/test_running.py")
"""What a kernel can decide: cells that are queued, presses while cells run, interrupts, restarts."""
SETTINGS = nox.project.load_toml("pyproject.toml")["tool"]["pytest"]["ini_options"]
DEFAULT = next(word for word in SETTINGS["addopts"] if word.startswith("-m=")).removeprefix("-m=")
"""The marks of what `pytest` runs by itself."""

nox.needs_version = ">=2024.10"
nox.options.sessions = ["lint", "tests"]

# pyenv's Pythons are found without being chosen: its shims stand for those that were, and fail for all others. They take the
# place of the shims, behind an environment that is active, and the one that runs nox is the first of them.
PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
INSTALLED = sorted(PYENV.glob("versions/3.*/bin"), key=lambda folder: (folder != Path(sys.executable).parent, folder))
_places = os.environ["PATH"].split(os.pathsep)
_shims = str(PYENV / "shims")
_at = _places.index(_shims) if _shims in _places else len(_places)
os.environ["PATH"] = os.pathsep.join([*_places[:_at], *map(str, INSTALLED), *_places[_at:]])


@nox.session
def lint(session: nox.Session) -> None:
    """Style, types, who may import whom, the workflow of CI, and what is in the wheel."""
    _install(session, ".[lint]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports")
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", ".github/workflows/ci.yml")
    with tempfile.TemporaryDirectory() as folder:
        session.run("python", "-m", "build", "--wheel", "--outdir", folder, ".", silent=True)
        session.run("python", "tests/wheel.py", folder)


@nox.session
def tests(session: nox.Session) -> None:
    """The default selection: what `pytest` runs by itself."""
    _install(session, ".[test]")
    session.run("pytest", *session.posargs)


@nox.session
def browser(session: nox.Session) -> None:
    """All that is seen in a browser, in every host and front end."""
    _install(session, ".[test]")
    session.run("pytest", "tests/browser", "tests/frontends", "-m", "", *session.posargs)


@nox.session
def rest(session: nox.Session) -> None:
    """All that the default selection leaves out."""
    _install(session, ".[test]")
    session.run("pytest", "-m", f"not ({DEFAULT})", *session.posargs)


@nox.session
def everything(session: nox.Session) -> None:
    """Every test there is, on one Python and one ipykernel."""
    _install(session, ".[test]")
    session.run("pytest", "-m", "", *session.posargs)


@nox.session
@nox.parametrize("python,ipykernel", ENDS)
def kernels(session: nox.Session, ipykernel: str) -> None:
    """What a kernel can decide, on the oldest and on the newest Python and ipykernel."""
    _kernel(session, ipykernel)


@nox.session(python=PYTHONS)
@nox.parametrize("ipykernel", KERNELS)
def kernel_matrix(session: nox.Session, ipykernel: str) -> None:
    """What a kernel can decide, on each Python and ipykernel that is held to."""
    _kernel(session, ipykernel)


def _kernel(session: nox.Session, ipykernel: str) -> None:
    _install(session, ".[kernel]", "ipykernel" if ipykernel == "newest" else f"ipykernel=={ipykernel}")
    session.run(
        "python",
        "-c",
        "import ipykernel, sys; print('Python', sys.version.split()[0], 'ipykernel', ipykernel.__version__)",
    )
    session.run("pytest", "-m", "", *KERNEL_TESTS, *session.posargs)


def _install(session: nox.Session, project: str, *others: str) -> None:
    """Into the session's own environment; one that the session only borrows is left as it is."""
    if session.venv_backend != "none":
        session.install("--quiet", "--editable", project, *others)
