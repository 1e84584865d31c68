"""Look into a wheel for what is easily left out of one: ``python tests/wheel.py FOLDER``, where `build` has put it."""

from __future__ import annotations

import fnmatch
import sys
import zipfile
from pathlib import Path

WANTED = (
    "mjvideo_nb/_tour/*.ipynb",
    "mjvideo_nb/cli/jupyter/labconfig/*.json",
    "mjvideo_nb/**.js",
    "mjvideo_nb/**.css",
    "mjvideo_nb/py.typed",
)


def main(folder: str) -> int:
    """The exit code: 1 where something is missing, with what there is instead."""
    (wheel,) = Path(folder).glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    if missing := [pattern for pattern in WANTED if not fnmatch.filter(names, pattern)]:
        print(f"The wheel lacks {', '.join(missing)}. It holds:", *names, sep="\n  ", file=sys.stderr)
        return 1
    print(f"{wheel.name}: {len(names)} files, the tour and the front end among them")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
