"""Which cell is running, so that the job it made can be known again when it is run again."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass
from typing import Any

from mjvideo_nb.frames import Frame
from mjvideo_nb.library.entries import values_of
from mjvideo_nb.models import VideoRequest

from .in_marimo import in_marimo, marimo_cell

__all__ = ["Cell", "current_cell", "fingerprint"]


@dataclass(frozen=True)
class Cell:
    """A cell and one run of it.

    Args:
        id: the same whenever the cell is run, in this kernel or a later one.
        run: another one each time.
        named: whether the notebook says which cell it is; else it is known by its text, as another may be too.

    """

    id: str
    run: str
    named: bool = True


def current_cell() -> Cell | None:
    """The cell that is running, or None: in a script, at a terminal, in the callback of a button."""
    if in_marimo():
        place = marimo_cell()
        return Cell(*place, named=False) if place else None  # marimo closes by itself what a cell had shown
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    get_parent = getattr(shell, "get_parent", None)  # only a kernel's shell has one
    parent: Any = get_parent() if get_parent else None
    header = parent.get("header") or {} if isinstance(parent, dict) else {}
    if header.get("msg_type") != "execute_request":
        return None
    # JupyterLab, Notebook and VS Code say which cell it is. Elsewhere it is known by its text.
    named = (parent.get("metadata") or {}).get("cellId")
    code = str((parent.get("content") or {}).get("code", ""))
    cell = str(named) if named else hashlib.sha256(code.encode()).hexdigest()
    return Cell(id=cell, run=str(header.get("msg_id", "")), named=bool(named))


def fingerprint(request: VideoRequest, service: str) -> str:
    """The same for the same request to the same service, whatever its first frame was given as."""
    image = request.image
    frame = image.digest if isinstance(image, Frame) else str(image or "")
    told = json.dumps([values_of(request), frame, service], sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()
