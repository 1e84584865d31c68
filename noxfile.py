"""The kernels and Pythons that are held to: `nox` runs both ends, `nox -s kernel` all of them, `nox -l` lists them.

A session makes an environment of its own with one ipykernel, and runs the tests that a kernel can decide
(`tests/kernel`, `tests/test_running.py`): cells that are queued, presses while cells run, interrupts, restarts. `nox -r` takes the environments
that are there.
"""

from __future__ import annotations

import os
from pathlib import Path

import nox

PYTHONS = ("3.11", "3.12", "3.13")
KERNELS = ("6.31.0", "7.3.0", "7.4.0", "newest")
ENDS = ((PYTHONS[0], KERNELS[0]), (PYTHONS[-1], KERNELS[-1]))

nox.needs_version = ">=2024.10"
nox.options.sessions = [f"kernel-{python}(ipykernel='{kernel}')" for python, kernel in ENDS]

# pyenv's Pythons are found without being chosen: its shims stand for those that were, and fail for all others.
INSTALLED = sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/3.*/bin"))
os.environ["PATH"] = os.pathsep.join([*map(str, INSTALLED), os.environ["PATH"]])


@nox.session(python=PYTHONS)
@nox.parametrize("ipykernel", KERNELS)
def kernel(session: nox.Session, ipykernel: str) -> None:
    """What a kernel can decide, on one Python and one ipykernel. What follows `--` goes to pytest."""
    wanted = "ipykernel" if ipykernel == "newest" else f"ipykernel=={ipykernel}"
    session.install("--quiet", "--editable", ".[kernel]", wanted)
    session.run(
        "python",
        "-c",
        "import ipykernel, sys; print('Python', sys.version.split()[0], 'ipykernel', ipykernel.__version__)",
    )
    session.run("pytest", "tests/kernel", "tests/test_running.py", *session.posargs)
