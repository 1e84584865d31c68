"""How far long work is: one line with a bar in the notebook, which stays as a sentence; on a terminal a bar."""

from __future__ import annotations

import sys
import time
from html import escape
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

from tqdm import tqdm

from mjvideo_nb.media import Tally

from .news import INTERVAL
from .showing import display_bundle, in_kernel

__all__ = ["Progress"]

# On the elements themselves, as in a record: what is saved with the notebook needs no styles and no kernel, and the colours
# are the page's own, so right in its dark theme too.
LINE = "font:13px/1.45 var(--jp-ui-font-family,system-ui,sans-serif);margin:2px 0 8px;max-width:440px"
GROOVE = "background:rgba(128,128,128,.22);border-radius:3px;height:4px;margin:5px 0;overflow:hidden"
BAR = "background:var(--jp-brand-color1,#2f6fed);border-radius:3px;height:100%"


class Progress:
    """Tells how many of many files are made, while in a `with`.

    Args:
        words: what is made, in the plural.
        folder: where.

    """

    def __init__(self, words: str, folder: Path) -> None:
        self._words, self._folder = words, folder
        self._tally: Tally | None = None
        self._shown: Tally | None = None
        self._next = 0.0
        self._name = f"mj-{uuid4().hex}"
        self._bar: tqdm[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
        elif self._tally is not None and self._shown is not None:
            self._show(self._tally, ended=True)

    def __call__(self, tally: Tally) -> None:
        """It is so far; shown at most four times a second."""
        self._tally = tally
        if not in_kernel():
            self._show_on_terminal(tally)
        elif tally != self._shown and time.monotonic() >= self._next:
            self._next = time.monotonic() + INTERVAL
            self._show(tally)

    def _show_on_terminal(self, tally: Tally) -> None:
        if self._bar is None:
            self._bar = tqdm(total=tally.of, desc=self._words, file=sys.stderr, disable=None)  # only on a terminal
        self._bar.update(tally.done + tally.failed - self._bar.n)

    def _show(self, tally: Tally, *, ended: bool = False) -> None:
        words = self._sentence(tally, ended=ended)
        share = 100 * (tally.done + tally.failed) / max(1, tally.of)
        bar = (
            ""
            if ended
            else f'<div style="{GROOVE}" role="progressbar" aria-label="{escape(self._words)}" aria-valuemin="0" '
            f'aria-valuemax="100" aria-valuenow="{share:.0f}"><div style="{BAR};width:{share:.1f}%"></div></div>'
        )
        page = f'<div style="{LINE}"><span role="status">{escape(words)}</span>{bar}</div>'
        display_bundle({"text/html": page, "text/plain": words}, name=self._name, update=self._shown is not None)
        self._shown = tally

    def _sentence(self, tally: Tally, *, ended: bool) -> str:
        failed = f" · {tally.failed} failed" if tally.failed else ""
        words = self._words.removesuffix("s") if tally.of == 1 else self._words
        if not ended:
            return f"{tally.done} of {tally.of} {words}{failed}"
        which = f"{tally.of}" if tally.done == tally.of else f"{tally.done} of {tally.of}"
        return f"{which} {words} in {self._folder}{failed}"
