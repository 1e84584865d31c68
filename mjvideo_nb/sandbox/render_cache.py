"""Finished clips by what they are made of, so that a class, or a test run, renders the same film once.

Equal requests give equal bytes, whichever process renders them: a clip is named by a digest of its picture, its camera path,
what it goes on from, and the code and libraries that film it. Another version never finds the clips of this one.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Mapping
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path

from mjvideo_nb.sandbox.store import share, write

FILMED_BY = ("camera.py", "render.py")
"""The modules whose change changes the bytes."""
LIBRARIES = ("av", "pillow")


class RenderCache:
    """A folder for each thing made, below one that any number of sandboxes may share."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def get_or_make(self, name: str, targets: Mapping[str, Path], make: Callable[[Path], object]) -> None:
        """Put the files of `name` at their targets; `make(folder)` makes all of them where they are not there yet."""
        kept = self.folder / name
        if not kept.is_dir():
            part = Path(tempfile.mkdtemp(prefix=f"{name}.", suffix=".part", dir=self.folder))
            try:
                make(part)
                self._keep(part, kept)
            finally:
                shutil.rmtree(part, ignore_errors=True)
        for file, target in targets.items():
            write(target, partial(share, kept / file))

    def _keep(self, part: Path, kept: Path) -> None:
        try:
            part.rename(kept)
        except OSError:
            if not kept.is_dir():  # else another sandbox was quicker, with the same bytes
                raise


def digest(*parts: bytes | str) -> str:
    """What names a file: the parts that decide its bytes, with the code and the libraries that make it."""
    whole = hashlib.sha256(_makers())
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        whole.update(len(data).to_bytes(8, "big") + data)
    return whole.hexdigest()


@cache
def _makers() -> bytes:
    here = Path(__file__).parent
    code = b"\0".join((here / name).read_bytes() for name in FILMED_BY)
    return hashlib.sha256(code + "\0".join(version(library) for library in LIBRARIES).encode()).digest()
