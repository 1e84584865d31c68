"""The fold of the form with what few people need: fields of the service, and those that its provider does not document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import ipywidgets

from mjvideo_nb import frames
from mjvideo_nb.errors import InvalidRequest
from mjvideo_nb.models import VideoRequest

from .controls import box, error_line, field, segments
from .gallery import Gallery
from .picker import Picker

__all__ = ["Advanced"]

FREE, LOOP, FRAME = "free", "loop", "frame"
"""How a clip ends: as it comes, as it begins, or on a picture."""
ENDINGS = {LOOP: "loop", FRAME: "endImage"}
"""The fields of the service for it, none of them documented by the provider."""
NOTE = (
    "<b>Not documented by the provider.</b> Sent as you set it; the service may ignore or refuse it, and the call is paid "
    "all the same."
)


class Advanced(ipywidgets.VBox):
    """The fold.

    Args:
        gallery: what an end frame can be chosen from.

    Attributes:
        toggle: the button that opens it.
        errors: where what is wrong with a field is said, by its name.

    """

    def __init__(self, gallery: Gallery) -> None:
        self.errors = {name: error_line() for name in ("state", "extra", "ending")}
        self.toggle = ipywidgets.ToggleButton(description="More ▾")
        self.toggle.add_class("mj-more")
        self.toggle.observe(self._show, "value")
        self._state = ipywidgets.Text(placeholder="returned as it is, at most 255 characters")
        self._state.add_class("mj-text")
        self._no_storage = ipywidgets.Checkbox(description="Original links (noStorage)", indent=False)
        self._no_storage.add_class("mj-check")
        self._ending = segments([("Free", FREE), ("Loop", LOOP), ("End frame", FRAME)], FREE, "Ending")
        self._ending.observe(self._show_picker, "value")
        self._gallery = gallery
        self._extra = ipywidgets.Textarea(placeholder='{"notifyHook": "https://…"}', rows=2)
        self._extra.add_class("mj-code")
        note = ipywidgets.HTML(NOTE)
        note.add_class("mj-undocumented-note")
        self._undocumented = box(
            ipywidgets.VBox,
            "mj-undocumented",
            note,
            field("Ending", self._ending, self.errors["ending"]),
            field("Further fields (JSON)", self._extra, self.errors["extra"]),
        )
        super().__init__([field("State", self._state, self.errors["state"]), self._no_storage, self._undocumented])
        self.add_class("mj-advanced")
        self.layout.display = "none"

    @cached_property
    def _picker(self) -> Picker:
        """The end frame's, made when it is first wanted: few people do."""
        picker = Picker(self._gallery, label="End frame", whole_form=False)
        *above, below = self._undocumented.children
        self._undocumented.children = (*above, picker, below)
        return picker

    @property
    def values(self) -> dict[str, Any]:
        """The arguments for a request that it holds.

        Raises:
            InvalidRequest: what was typed is no JSON object, says the ending twice, or there is no end frame.

        """
        return {
            "state": self._state.value or None,
            "no_storage": self._no_storage.value,
            "extra": self._fields(),
        }

    @property
    def settings(self) -> dict[str, Any]:
        """Those of its settings that are worth remembering: not what belongs to one request."""
        ending = self._ending.value
        return {"no_storage": self._no_storage.value, "ending": LOOP if ending == LOOP else FREE}

    def remember(self, settings: Mapping[str, Any]) -> None:
        """Begin with settings as `settings` had them; what is no such setting is left alone."""
        self._no_storage.value = settings.get("no_storage") is True
        self._ending.value = LOOP if settings.get("ending") == LOOP else FREE
        self.toggle.value = self._no_storage.value or self._ending.value != FREE

    def fill(self, request: VideoRequest) -> None:
        """Show what another request had here."""
        extra = dict(request.extra)
        self._state.value = request.state or ""
        self._no_storage.value = request.no_storage
        self._ending.value = FREE
        if extra.get("loop") is True and "endImage" not in extra:
            self._ending.value = LOOP
            del extra["loop"]
        elif "endImage" in extra and not extra.get("loop"):
            try:
                self._picker.use(replace(frames.load(extra.pop("endImage")), name="end frame"))
            except InvalidRequest as error:
                self._picker.empty(error)
            self._ending.value = FRAME
        self._extra.value = json.dumps(extra, default=str) if extra else ""
        self.toggle.value = bool(request.state or request.no_storage or request.extra)

    def clear_errors(self) -> None:
        """Take away what was wrong."""
        for shown in self.errors.values():
            shown.value = ""
        if self._ending.value == FRAME:
            self._picker.show()

    def _fields(self) -> dict[str, Any]:
        fields = _json_object(self._extra.value)
        ending = self._ending.value
        if ending == FREE:
            return fields
        twice = next((name for name in ENDINGS.values() if name in fields), "")
        if twice:
            raise InvalidRequest(
                f"extra: {twice} stands in the JSON, and an ending is chosen above. Take one of the two away.",
                field="extra",
            )
        return fields | {ENDINGS[ending]: True if ending == LOOP else self._end_frame()}

    def _end_frame(self) -> Any:
        frame = self._picker.frame
        if frame is None:
            raise InvalidRequest("ending: choose an end frame, or another ending.", field="ending")
        return frame

    def _show(self, change: dict[str, Any]) -> None:
        self.layout.display = "" if change["new"] else "none"
        self.toggle.description = "Less ▴" if change["new"] else "More ▾"

    def _show_picker(self, change: dict[str, Any]) -> None:
        if FRAME in {change["old"], change["new"]}:
            self._picker.layout.display = "" if change["new"] == FRAME else "none"


def _json_object(text: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        fields = json.loads(text)
    except ValueError as error:
        raise InvalidRequest(f'extra: not JSON ({error}); it looks like {{"loop": true}}.', field="extra") from error
    if not isinstance(fields, dict):
        raise InvalidRequest('extra: a JSON object, such as {"loop": true}.', field="extra")
    return fields
