"""Which cell shows what: a cell that is run again replaces its output, and what is seen nowhere any more is closed."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from typing import Any

import ipywidgets
from ipywidgets.widgets.widget import _instances as live  # there is no public name for what is open

from .cell import current_cell
from .iothread import io
from .view import JobView

__all__ = ["Outputs", "close", "outputs"]

GRACE = 10.0
"""Seconds before what was replaced is closed: a page that is busy may only be making it."""


class Outputs:
    """What the cells of the notebook show."""

    def __init__(self) -> None:
        self._guard = threading.RLock()
        self._shown: dict[str, dict[str, list[ipywidgets.Widget]]] = {}

    def note(self, widget: ipywidgets.Widget) -> bool:
        """The running cell shows this widget. It is closed when that cell was run again and shows it no more.

        Returns:
            Whether it is open, and stays so.

        """
        cell = current_cell()
        if cell is None or not cell.named:
            # Two cells of the same words are one to us, so that nothing is known to be replaced.
            return widget.comm is not None
        self._listen()
        with self._guard:
            widgets = self._shown.setdefault(cell.id, {}).setdefault(cell.run, [])
            if widget not in widgets:
                widgets.append(widget)
            return widget.comm is not None

    def shows(self, widget: ipywidgets.Widget) -> bool:
        """Whether it stands in the output of a cell, or in something that is open."""
        with self._guard:
            if any(widget in widgets for runs in self._shown.values() for widgets in runs.values()):
                return True
        return any(widget in box.children for box in list(live.values()) if isinstance(box, ipywidgets.Box))

    def _listen(self) -> None:
        """Hear of the end of cells. Asked for each time: a program may have made another shell."""
        sys.modules["IPython"].get_ipython().events.register("post_run_cell", self._ended)

    def _ended(self, _result: Any) -> None:
        replaced = self._replaced()
        if replaced:
            io.loop.call_soon_threadsafe(io.loop.call_later, GRACE, self._close_unseen, replaced)

    def _replaced(self) -> list[ipywidgets.Widget]:
        """What earlier runs of the cell that has ended have shown: it is gone from the page."""
        cell = current_cell()
        if cell is None or cell.id not in self._shown:
            return []
        with self._guard:
            runs = self._shown.pop(cell.id)
            if cell.run in runs:
                self._shown[cell.id] = {cell.run: runs.pop(cell.run)}
        return [widget for widgets in runs.values() for widget in widgets]

    def _close_unseen(self, widgets: list[ipywidgets.Widget]) -> None:
        with self._guard:
            for widget in widgets:
                if not self.shows(widget):
                    close(widget)


outputs = Outputs()


def close(widget: ipywidgets.Widget) -> None:
    """Close a widget with all that it is made of, each a model in the browser; but no job's view that is shown elsewhere."""
    if widget.comm is None:
        return
    parts = list(_parts(widget))
    widget.close()
    for part in parts:
        if not (isinstance(part, JobView) and outputs.shows(part)):
            close(part)


def _parts(widget: ipywidgets.Widget) -> Iterator[ipywidgets.Widget]:
    for name in widget.keys:
        value = getattr(widget, name)
        for part in value if isinstance(value, tuple | list) else (value,):
            if isinstance(part, ipywidgets.Widget):
                yield part
