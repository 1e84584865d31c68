"""What all our widgets with a page of their own share: the page can tell whether a kernel is behind them."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

__all__ = ["LiveWidget"]


class LiveWidget(anywidget.AnyWidget):
    """A widget that shows nothing in a page without its kernel.

    Whoever executes a notebook with a program, or tells JupyterLab to, keeps the state of its widgets in the file, as it was
    at some moment. A page made of that would show a job that is under way for ever, and hide the record.
    """

    ref = traitlets.Unicode().tag(sync=True)

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.ref = self.model_id or ""
