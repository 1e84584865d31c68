"""The field for the prompt: what its flags mean stands below the text, and earlier prompts come by the arrow keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import anywidget.experimental
import traitlets

from mjvideo_nb.errors import MJVideoError
from mjvideo_nb.flags import Flag

from .live import LiveWidget

__all__ = ["Prompt"]

HERE = Path(__file__).parent


class Prompt(LiveWidget):
    """The prompt in the form.

    Args:
        value: the text to begin with.
        earlier: gives earlier prompts, the newest first. They go to the browser when somebody is about to look through
            them, and so never into a saved notebook.

    """

    # The text, never the path: anywidget watches a path and then keeps every instance alive.
    _esm = "\n".join((HERE / name).read_text(encoding="utf-8") for name in ("parts.js", "recall.js", "prompt.js"))
    _css = "\n".join((HERE / name).read_text(encoding="utf-8") for name in ("theme.css", "prompt.css"))

    # No echo: it would come while somebody types on, and take away the letters since.
    value = traitlets.Unicode().tag(sync=True, echo_update=False)
    flags = traitlets.List(traitlets.Dict()).tag(sync=True)

    def __init__(self, value: str = "", *, earlier: Callable[[], list[str]] = list) -> None:
        super().__init__(value=value)
        self._earlier = earlier

    def explain(self, flags: Iterable[Flag]) -> None:
        """Show what the flags in the prompt mean, and what is wrong with them."""
        self.flags = [_told(flag) for flag in flags]

    @anywidget.experimental.command
    def typed(self, message: Any, _buffers: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
        """Takes what was typed; the answer says that it is here."""
        self.set_state({"value": message["text"]})
        return {}, []

    @anywidget.experimental.command
    def earlier(self, _message: Any, _buffers: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
        """Answers with the earlier prompts; with none where the library cannot be read, which is said elsewhere."""
        try:
            return {"prompts": self._earlier()}, []
        except MJVideoError as error:
            self.log.warning("earlier prompts: %s", error)
            return {"prompts": []}, []


def _told(flag: Flag) -> dict[str, str]:
    kind, words = "meant", flag.meaning
    if flag.hint:
        kind, words = "begun", flag.hint
    elif flag.problem:
        kind, words = "wrong", flag.problem
    elif flag.doubt:
        kind, words = "doubted", flag.doubt
    return {"kind": kind, "flag": str(flag), "words": words}
