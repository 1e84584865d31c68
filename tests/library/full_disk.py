"""A disk that is full while a request is under way; run in a mount namespace of its own.

    unshare -Urm python -m tests.library.full_disk BASE_URL FOLDER

Prints what the library says when the disk is full, and when there is room again.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from tests.patience import PATIENCE

CHILD = Path(__file__).with_name("child.py")
SIZE = "6m"


def rows(folder: Path) -> list[dict[str, object]]:
    with contextlib.closing(sqlite3.connect(folder / "library.sqlite")) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("select state, task_id, error, error_kind from jobs")]


def wait_for(folder: Path, state: str) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(sqlite3.OperationalError):
            if any(row["state"] == state for row in rows(folder)):
                return
        time.sleep(0.01)
    raise AssertionError(f"no job came to be {state}: {rows(folder)}")


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


def main(url: str, root: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", str(root)], check=True)
    folder, filler = root / "mjvideo", root / "filler"
    command = [sys.executable, str(CHILD), url, str(folder)]
    told = {}
    with subprocess.Popen([*command, "1"], stdout=subprocess.PIPE, text=True) as child:
        wait_for(folder, "sending")
        fill(filler)
        told["child"], _ = child.communicate(timeout=PATIENCE)
        told["full"] = rows(folder)
    # Another kernel, while it is still full: nothing new may begin.
    said = subprocess.run([*command, "1"], capture_output=True, text=True, check=False)
    told["new"] = said.stdout + said.stderr
    filler.unlink()
    subprocess.run([*command, "0"], check=True, stdout=subprocess.PIPE)
    told["room"] = rows(folder)
    told["clips"] = [path.stat().st_size for path in sorted(folder.glob("clips/*/*"))]
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
