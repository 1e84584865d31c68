"""The field for a frame: a picture that is chosen, dropped, pasted or named, shown as it will be used."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import traitlets

from mjvideo_nb import frames
from mjvideo_nb.errors import InvalidRequest, MJVideoError
from mjvideo_nb.frames import Frame

from .gallery import Gallery
from .iothread import io
from .live import LiveWidget
from .preview import MAX_PREVIEW, preview

__all__ = ["Picker"]

HERE = Path(__file__).parent


class Picker(LiveWidget):
    """The first frame in the form, or the last.

    Args:
        gallery: what can be chosen from.
        label: what it is the field of.
        whole_form: whether it also takes what is dropped or pasted elsewhere in its form.

    The picked bytes come as a message and are handed on; they never enter a trait, and so never a saved notebook. Nor do
    the pictures that can be chosen from: their small ones go to the browser as it asks for them.
    """

    # The text, never the path: anywidget watches a path and then keeps every instance alive.
    _esm = "\n".join(
        (HERE / name).read_text(encoding="utf-8")
        for name in ("parts.js", "shrinking.js", "landing.js", "gallery.js", "picker.js")
    )
    _css = "\n".join((HERE / name).read_text(encoding="utf-8") for name in ("theme.css", "form.css", "gallery.css"))

    preview = traitlets.Unicode().tag(sync=True)
    caption = traitlets.Unicode().tag(sync=True)
    error = traitlets.Unicode().tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)
    whole_form = traitlets.Bool().tag(sync=True)

    def __init__(self, gallery: Gallery, *, label: str = "First frame", whole_form: bool = True) -> None:
        super().__init__(label=label, whole_form=whole_form)
        self._gallery = gallery
        self._frame: Frame | None = None
        self._wrong: MJVideoError | None = None
        self.on_msg(self._receive)

    @property
    def frame(self) -> Frame | None:
        """What was picked, or None.

        Raises:
            MJVideoError: the last that was picked cannot be used: the one from before is not what was asked for.

        """
        if self._wrong:
            raise self._wrong
        return self._frame

    def use(self, frame: Frame) -> None:
        """Take this one."""
        self._take(frame, preview(frame))

    def empty(self, wrong: MJVideoError | None = None) -> None:
        """Take none.

        Args:
            wrong: why there is none, where one was asked for.

        """
        self._frame, self._wrong = None, wrong
        self.show(preview="", caption="", error=str(wrong or ""))

    def show(self, *, preview: str | None = None, caption: str | None = None, error: str = "") -> None:
        """Shows a frame, or an error at the field.

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

    def _take(self, frame: Frame, picture: str) -> None:
        self._frame, self._wrong = frame, None
        size = f" · {frame.size[0]} × {frame.size[1]}" if frame.size else ""
        note = f" · {frame.note}" if frame.note else ""
        self.show(preview=picture, caption=f"{frame.name}{size}{note}")

    # What the browser says

    def _receive(self, _widget: Any, message: Any, buffers: list[Any]) -> None:
        if not isinstance(message, dict):
            return
        kind = message.get("kind")
        if kind in {"file", "path", "picture"}:
            self._pick(kind, message, buffers)
        elif kind in {"look", "tiles"}:
            # They read files, and must not keep the kernel from its cells.
            io.start(self._answer(kind, message))

    def _pick(self, kind: str, message: dict[str, Any], buffers: list[Any]) -> None:
        """Takes what was picked and answers, so that a kernel that is away shows as such."""
        try:
            if kind == "file":
                name, data = str(message.get("name") or "the picture"), bytes(buffers[0]) if buffers else b""
                # The preview is made in the browser, so that no imaging library is needed here.
                self._take(replace(frames.load(data), name=name), _small(message.get("preview")))
            elif kind == "path":
                self.use(frames.load(str(message.get("path"))))
            else:
                self.use(self._gallery.frame(str(message.get("key"))))
        except MJVideoError as error:
            self._refuse(error)
        except Exception as error:
            self.log.exception("a frame from the browser, %s", kind)
            self._refuse(InvalidRequest(f"image: unexpected {type(error).__name__}: {error}", field="image"))
        self.send({"kind": "picked", "id": message.get("id")})

    def _refuse(self, error: MJVideoError) -> None:
        """Say what is wrong at the field. The picture in use stays in sight, and is not used in its place."""
        self._wrong = error
        self.show(error=str(error))

    async def _answer(self, kind: str, message: dict[str, Any]) -> None:
        if kind == "look":
            found = await asyncio.to_thread(self._gallery.look)
            self.send({"kind": "look", **found})
            return
        asked = message.get("keys")
        keys = [str(key) for key in asked] if isinstance(asked, list) else []
        tiles = await asyncio.to_thread(lambda: [self._gallery.tile(key) for key in keys])
        self.send({"kind": "tiles", "keys": keys}, tiles)


def _small(picture: Any) -> str:
    """A preview that came from the browser, or "" where it is none that can be saved."""
    is_picture = isinstance(picture, str) and picture.startswith("data:image/") and len(picture) <= MAX_PREVIEW
    return picture if is_picture else ""
