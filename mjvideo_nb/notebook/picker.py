"""The field for the first frame: a picture that is chosen, dropped or pasted, shown as it will be used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import traitlets

from mjvideo_nb.errors import MJVideoError

from .live import LiveWidget

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MAX_PREVIEW", "Picker"]

HERE = Path(__file__).parent
MAX_PREVIEW = 40_000  # characters of a data URI: 30 kB of JPEG; a preview is saved with the notebook


class Picker(LiveWidget):
    """The first frame in the form.

    Args:
        on_file: Called with a file's name and bytes when one was picked. An `MJVideoError` it raises is shown at the
            field. Called in whatever thread a message of the browser arrives.

    The picked bytes come as a message and are handed on; they never enter a trait, and so never a saved notebook.
    """

    # The text, never the path: anywidget watches a path and then keeps every instance alive.
    _esm = "\n".join((HERE / name).read_text(encoding="utf-8") for name in ("parts.js", "picker.js"))
    _css = "\n".join((HERE / name).read_text(encoding="utf-8") for name in ("theme.css", "form.css"))

    preview = traitlets.Unicode().tag(sync=True)
    caption = traitlets.Unicode().tag(sync=True)
    error = traitlets.Unicode().tag(sync=True)

    def __init__(self, *, on_file: Callable[[str, bytes], None]) -> None:
        super().__init__()
        self._on_file = on_file
        self.on_msg(self._receive)

    def show(self, *, preview: str | None = None, caption: str | None = None, error: str = "") -> None:
        """Shows a first frame, or an error at the field.

        Args:
            preview: A data URI of a small picture (`MAX_PREVIEW` characters at most), an http(s) URL, or a path relative
                to the notebook; "" for an empty field; None leaves the one shown.
            caption: Its name and size in words, such as "coffee.jpg · 600 × 400"; None leaves the one shown.
            error: What is wrong and what to do; "" takes an earlier error away.
        """
        if preview is not None and preview.startswith("data:") and len(preview) > MAX_PREVIEW:
            raise ValueError(f"a preview of {len(preview)} characters is too large to be saved with the notebook")
        with self.hold_sync():  # one message, so that a picture never shows with another's caption
            if preview is not None:
                self.preview = preview
            if caption is not None:
                self.caption = caption
            self.error = error

    def _receive(self, _widget: Any, message: Any, buffers: list[Any]) -> None:
        """Takes a file from the browser and answers, so that a kernel that is away shows as such.

        With the file comes a small preview made in the browser, so that no imaging library is needed here.
        """
        if not isinstance(message, dict) or message.get("kind") != "file" or len(buffers) != 1:
            return
        preview = str(message.get("preview") or "")
        if not preview.startswith("data:image/") or len(preview) > MAX_PREVIEW:
            preview = ""
        name = str(message["name"])
        used = {"preview": self.preview, "caption": self.caption}
        # Before it is handed on, so that the owner can still show it in its own words.
        self.show(preview=preview, caption=str(message.get("caption") or name))
        try:
            self._on_file(name, bytes(buffers[0]))
        except MJVideoError as error:
            self.show(**used, error=str(error))
        except Exception as error:
            self.log.exception("first frame %s", name)
            self.show(**used, error=f"Unexpected {type(error).__name__}: {error}")
        self.send({"kind": "file", "id": message.get("id")})
