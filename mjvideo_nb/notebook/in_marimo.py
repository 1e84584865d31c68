"""In marimo: what is shown of a live view there, and which cell is running.

marimo shows anywidgets, and none of the boxes and controls of ipywidgets. So what stands one below the other in a box is put
into one anywidget, which shows the anywidgets in the box and follows it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets
import traitlets

__all__ = ["Column", "InMarimo", "in_marimo", "is_open", "marimo_cell"]


def in_marimo() -> bool:
    """Whether this runs in a cell or in a callback of a marimo notebook or app."""
    marimo = sys.modules.get("marimo")
    return marimo is not None and bool(marimo.running_in_notebook())


def marimo_cell() -> tuple[str, str] | None:
    """The cell of a marimo notebook that is running, and the run it is in; None in a callback.

    Raises:
        ImportError: this marimo has no such thing where it was looked for. Nothing is sent then: without it, a cell that
            marimo runs again by itself would make, and pay for, what it has made before.

    """
    from marimo._messaging.context import RUN_ID_CTX

    context = _context()
    if context.cell_id is None:
        return None
    # Every notebook calls its first cell the same.
    return f"{Path(context.filename or '').name}:{context.cell_id}", str(RUN_ID_CTX.get(None))


def _context() -> Any:
    from marimo._runtime.context import get_context  # marimo has no public way to ask

    return get_context()


def is_open(widget: ipywidgets.Widget) -> bool:
    """Whether a page can show it. marimo ends the connection of what a cell has made, and not more, when it runs again."""
    return widget.comm is not None and not getattr(widget.comm, "_closed", False)


class Column(anywidget.AnyWidget):
    """The anywidgets of a box, one below the other, in a front end that shows no boxes.

    Args:
        box: what is shown; what comes into it later is shown too.

    """

    _esm = Path(__file__).with_name("column.js").read_text(encoding="utf-8")
    parts = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(self, box: ipywidgets.Widget) -> None:
        super().__init__()
        self._box = box
        self._cell = _context().cell_id
        self._followed: set[ipywidgets.Widget] = set()
        self._follow()

    def _follow(self, _change: object = None) -> None:
        if not is_open(self):
            for widget in self._followed:
                widget.unobserve(self._follow, "children")
            return
        self.parts = [f"anywidget:{part.model_id}" for part in self._leaves(self._box)]

    def _leaves(self, widget: ipywidgets.Widget) -> Iterator[anywidget.AnyWidget]:
        is_new = widget not in self._followed
        self._followed.add(widget)
        if isinstance(widget, anywidget.AnyWidget):
            if is_new:
                widget.comm.on_msg(partial(self._hear, widget))
            yield widget
        elif isinstance(widget, ipywidgets.Box):
            if is_new:
                widget.observe(self._follow, "children")
            for child in widget.children:
                yield from self._leaves(child)

    def _hear(self, widget: anywidget.AnyWidget, message: Any) -> None:
        """A message from the page. What is made because of it belongs to the cell that shows all of this."""
        with _context().with_cell_id(self._cell):
            widget._handle_msg(message)  # noqa: SLF001 - what marimo calls by itself


class InMarimo:
    """What marimo shows of an object: its live view, or itself where it is one."""

    def _display_(self) -> Any:
        import marimo

        return marimo.ui.anywidget(Column(getattr(self, "view", self)))
