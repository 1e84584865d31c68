"""The list of the history in the notebook: rows it is told to show, and what a browser asks to be done with them.

It knows nothing of the library: it is told what to show, and hands on what is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import anywidget.experimental
import traitlets

from mjvideo_nb.errors import MJVideoError

from .live import LiveWidget

__all__ = ["Listing"]

HERE = Path(__file__).parent

Answer = tuple[dict[str, Any], list[bytes]]


class Listing(LiveWidget):
    """A page of the history.

    Args:
        on_act: Called with the name of an action and its message; what it returns is the answer.
        picture: Called with the id of an entry for a small picture of it, only when the browser cannot reach one: a
            data URI or an http(s) URL, or bytes of a picture with their media type.

    Both are called in whatever thread a message of the browser arrives. An `MJVideoError` or `OSError` they raise is shown in
    the list.
    """

    # The text, never the path: anywidget watches a path and then keeps every instance alive.
    _esm = "\n".join(
        (HERE / name).read_text(encoding="utf-8")
        for name in ("parts.js", "pictures.js", "rows.js", "filters.js", "history_scope.js", "history.js")
    )
    _css = "\n".join((HERE / name).read_text(encoding="utf-8") for name in ("theme.css", "history.css", "opened.css"))

    page = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        *,
        on_act: Callable[[str, dict[str, Any]], dict[str, Any]],
        picture: Callable[[str], str | tuple[str, bytes]],
    ) -> None:
        super().__init__()
        self._on_act = on_act
        self._picture = picture

    @anywidget.experimental.command
    def act(self, message: dict[str, Any], _buffers: list[bytes]) -> Answer:
        """Answers when what was pressed is done."""
        action = str(message.get("action"))
        return self._answered(action, partial(self._on_act, action, message))

    @anywidget.experimental.command
    def picture(self, message: dict[str, Any], _buffers: list[bytes]) -> Answer:
        """Answers with a picture as a message, so that it never enters a saved notebook."""
        buffers: list[bytes] = []

        def find() -> dict[str, Any]:
            found = self._picture(str(message.get("id")))
            if isinstance(found, str):
                return {"uri": found}
            buffers.append(found[1])
            return {"type": found[0]}

        return self._answered("picture", find)[0], buffers

    def _answered(self, what: str, do: Callable[[], dict[str, Any]]) -> Answer:
        """An answer always goes out: what was pressed stays off until it comes."""
        try:
            return {"ok": True, **do()}, []
        except (MJVideoError, OSError) as error:
            return {"ok": False, "message": str(error)}, []
        except Exception as error:
            self.log.exception("%s", what)
            text = f"Unexpected {type(error).__name__}: {error}. Refresh the list before you press again."
            return {"ok": False, "message": text}, []
