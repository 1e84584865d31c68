"""The form: a first frame, a prompt, a motion, a video type, and a button that says what a press costs."""

from __future__ import annotations

import html
import json
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import ipywidgets

from mjvideo_nb import frames
from mjvideo_nb.errors import InvalidRequest, MJVideoError
from mjvideo_nb.frames import Frame
from mjvideo_nb.models import VideoRequest, is_empty

from .in_marimo import in_marimo
from .iothread import io
from .job import Job
from .picker import Picker
from .preview import preview
from .session import Session
from .showing import Record
from .state import Phase

if TYPE_CHECKING:
    from mjvideo_nb.library import Entry

    from .history import History

__all__ = ["Studio"]

MAKE, HISTORY = "Make", "History"
"""The tabs."""
NOTHING = "A form to make videos with, and nothing made with it yet. Run the cell again to see it."
NOT_IN_MARIMO = (
    "marimo shows no ipywidgets, of which this form is made. Make one of mo.ui.text_area, mo.ui.dropdown and "
    "mo.ui.run_button, and call mj.video(...) with their values: the README has one, under Front ends."
)
SETTLE = 2.0
"""Seconds that Generate stays off after a press at least: the second click of a double click must not pay again."""


class Studio(ipywidgets.VBox):
    """A form, and below it a live card for every video made with it.

    Args:
        session: the service, and the folder for clips.
        image: the first frame to begin with, or None.
        prompt: text to begin with.
        motion: `"low"` or `"high"`.
        video_type: `"480p"` or `"720p"`.
        history: whether a tab shows what was made before.

    Raises:
        InvalidRequest: a value is not what it should be; names it.

    """

    def __init__(
        self, session: Session, *, image: Any, prompt: str, motion: str, video_type: str, history: bool = True
    ) -> None:
        if in_marimo():
            raise InvalidRequest(NOT_IN_MARIMO)
        self._session = session
        self._history: History | None = None
        self._frame: Frame | None = None
        self._frame_error: MJVideoError | None = None
        self._guard = threading.Lock()
        self._busy = False
        self.jobs: tuple[Job, ...] = ()
        # Checked as a request would be, so that a wrong word is named here and not by a widget's own error.
        checked = VideoRequest(image="unset", prompt=prompt, motion=motion, video_type=video_type)
        self._build(checked)
        super().__init__([self._tabs, self._making] if history else [self._making])
        self.add_class("mj-studio")
        self._record = Record(f"mj-{uuid4().hex}", self, lambda: self._cards.children, nothing=NOTHING)
        self._cards.observe(self._record.refresh, "children")
        self._show_session()
        if history:
            self._pick_up()
        if not is_empty(image):
            frame = frames.load(image)
            self._use(frame, picture=preview(frame))

    def _ipython_display_(self) -> None:
        self._record.show()

    # What it is made of

    def _build(self, start: VideoRequest) -> None:
        self._picker = Picker(on_file=self._picked)
        self._source = ipywidgets.Text(placeholder="or a path or URL", continuous_update=False)
        self._source.add_class("mj-text")
        self._source.observe(self._named, "value")
        self._prompt = ipywidgets.Textarea(value=start.prompt, placeholder="What happens? (optional)", rows=3)
        self._prompt.add_class("mj-prompt")
        self._motion = _segments([("Low", "low"), ("High", "high")], str(start.motion), "Motion")
        types = [("480p", "480p"), ("720p", "720p")]
        if start.short_type not in {"480p", "720p"}:
            types.append((start.short_type, start.short_type))
        self._type = _segments(types, start.short_type, "Video type")
        self._type.observe(self._show_price, "value")
        self._price = ipywidgets.HTML()
        self._price.add_class("mj-price")
        self._go = ipywidgets.Button(description="Generate")
        self._go.add_class("mj-go")
        self._go.on_click(self._generate)
        self._errors = {name: _error() for name in ("prompt", "motion", "video_type", "state", "extra", "")}
        self._strip = ipywidgets.HTML()
        self._strip.add_class("mj-strip")
        self._build_advanced()
        row = _box(
            ipywidgets.HBox,
            "mj-row",
            _field("Motion", self._motion, self._errors["motion"]),
            _field("Video type", self._type, self._errors["video_type"]),
            self._more,
            _box(ipywidgets.HBox, "mj-press", self._price, self._go),
        )
        right = ipywidgets.VBox(
            [
                _field("Prompt", self._prompt, self._errors["prompt"]),
                row,
                self._advanced,
                self._errors[""],
            ]
        )
        left = ipywidgets.VBox([self._picker, self._source])
        body = _box(ipywidgets.HBox, "mj-form-body", left, right)
        self._form = _box(ipywidgets.VBox, "mj-form", self._strip, body)
        self._form.add_class("mj")
        self._cards = _box(ipywidgets.VBox, "mj-cards")
        self._making = ipywidgets.VBox([self._form, self._cards])
        self._tabs = _segments([(MAKE, MAKE), (HISTORY, HISTORY)], MAKE, "Show")
        self._tabs.remove_class("mj-seg")
        self._tabs.add_class("mj-tabs")
        self._tabs.observe(self._show_tab, "value")

    def _build_advanced(self) -> None:
        self._state = ipywidgets.Text(placeholder="returned as it is, at most 255 characters")
        self._state.add_class("mj-text")
        self._no_storage = ipywidgets.Checkbox(description="Original links (noStorage)", indent=False)
        self._no_storage.add_class("mj-check")
        self._extra = ipywidgets.Textarea(placeholder='{"loop": true}', rows=2)
        self._extra.add_class("mj-prompt")
        self._advanced = _box(
            ipywidgets.VBox,
            "mj-advanced",
            _field("State", self._state, self._errors["state"]),
            self._no_storage,
            _field("Extra fields (JSON; not documented by the provider)", self._extra, self._errors["extra"]),
        )
        self._advanced.layout.display = "none"
        self._more = ipywidgets.ToggleButton(description="More ▾")
        self._more.add_class("mj-more")
        self._more.observe(self._show_more, "value")

    # The first frame

    def _picked(self, name: str, data: bytes) -> None:
        """A file from the browser. An error goes back to the field by itself."""
        try:
            frame = frames.load(data)
        except MJVideoError as error:
            self._frame_error = error
            raise
        # The browser has made its own preview.
        self._use(replace(frame, name=name), picture=None)

    def _named(self, change: dict[str, Any]) -> None:
        """A path or URL, typed."""
        text = change["new"].strip()
        if not text:
            return
        try:
            frame = frames.load(text)
            self._use(frame, picture=preview(frame))
        except MJVideoError as error:
            # A press now must not take the frame from before, which is not the one that was asked for.
            self._frame_error = error
            self._picker.show(error=str(error))

    def _use(self, frame: Frame, *, picture: str | None) -> None:
        self._frame, self._frame_error = frame, None
        size = f" · {frame.size[0]} × {frame.size[1]}" if frame.size else ""
        note = f" · {frame.note}" if frame.note else ""
        self._picker.show(preview=picture, caption=f"{frame.name}{size}{note}")

    def reuse(self, entry: Entry, frame: Frame | None = None) -> None:
        """Fill the form with the settings of an `entry` and its first frame, or another `frame`.

        Raises:
            InvalidRequest: they are not known, or belong to an extend, which has no first frame.

        """
        request = entry.request
        if request is None:
            raise InvalidRequest("What was asked is not known here: the task was made elsewhere.")
        self._clear_errors()
        self._prompt.value = request.prompt
        self._motion.value = str(request.motion)
        types = dict(self._type.options)
        if request.short_type not in types.values():
            self._type.options = [*types.items(), (request.short_type, request.short_type)]
        self._type.value = request.short_type
        self._state.value = request.state or ""
        self._no_storage.value = request.no_storage
        self._extra.value = json.dumps(dict(request.extra)) if request.extra else ""
        self._more.value = bool(request.state or request.no_storage or request.extra)
        self._source.value = ""
        frame = frame or self._session.library.frame(entry)
        if frame:
            size = frames.load(frame.data).size if frame.data else None
            self._use(replace(frame, size=size), picture=preview(frame))
        else:
            self._frame = None
            gone = "The first frame of that video is gone." if request.image else "An extend has no first frame."
            self._frame_error = InvalidRequest(f"image: {gone} Choose one.", field="image")
            self._picker.show(preview="", caption="", error=str(self._frame_error))
        self._tabs.value = MAKE

    # The tabs

    def _show_tab(self, change: dict[str, Any]) -> None:
        """What was made is looked up when it is first looked at, and not before."""
        from .history import History  # it shows forms itself

        looking = change["new"] == HISTORY
        if looking and self._history is None:
            self._history = History(self._session, on_reuse=self.reuse)
            self.set_trait("children", (*self.children, self._history))
        elif looking and self._history:
            self._history.refresh()
        self._making.layout.display = "none" if looking else ""
        if self._history:
            self._history.layout.display = "" if looking else "none"

    # What it says

    def _show_session(self) -> None:
        problem = self._session.problem
        if problem:
            self._strip.value = f"<b>No service</b> · {html.escape(problem)}"
        elif self._session.sandbox:
            self._strip.value = (
                "<b>Sandbox</b> · clips are rendered on this machine, not by Midjourney. "
                "Set COMETAPI_KEY to use the service."
            )
        else:
            self._strip.layout.display = "none"
        self._go.disabled = bool(problem)
        self._show_price()

    def _pick_up(self) -> None:
        """The cards of what an earlier kernel left behind: it goes on, or asks what to do."""
        if self._session.problem:
            return
        try:
            jobs = self._session.jobs.unsettled()
        except MJVideoError as error:
            self._strip.value = f"<b>{html.escape(error.headline)}</b> · {html.escape(str(error))}"
            self._strip.layout.display = ""
            self._go.disabled = True
        else:
            self._cards.children = tuple(job.view for job in reversed(jobs))

    def _show_price(self, _change: object = None) -> None:
        self._price.value = html.escape(self._session.price_words(self._type.value))

    def _show_more(self, change: dict[str, Any]) -> None:
        self._advanced.layout.display = "" if change["new"] else "none"
        self._more.description = "Less ▴" if change["new"] else "More ▾"

    def _show_error(self, error: MJVideoError) -> None:
        """At its field where it names one."""
        field = error.field if isinstance(error, InvalidRequest) else ""
        if field == "image":
            self._picker.show(error=str(error))
        else:
            self._errors.get(field, self._errors[""]).value = html.escape(str(error))
            if field in {"state", "extra"}:
                self._more.value = True

    def _clear_errors(self) -> None:
        for shown in self._errors.values():
            shown.value = ""
        self._picker.show(error="")

    # A press

    def _generate(self, _button: object) -> None:
        """Check the input, then hand over; may run in any thread, and more than once for one impatient user."""
        with self._guard:
            if self._busy:
                return
            self._busy = True
        self._go.disabled = True
        self._clear_errors()
        try:
            job = self._session.jobs.make(self._request())
        except MJVideoError as error:
            self._show_error(error)
            self._free()
            return
        self.jobs = (job, *self.jobs)
        self._cards.children = (job.view, *self._cards.children)
        settled = threading.Event()
        job.listen(lambda: self._free_when_sent(job, settled))
        loop = io.loop
        loop.call_soon_threadsafe(loop.call_later, SETTLE, self._settle, job, settled)

    def _settle(self, job: Job, settled: threading.Event) -> None:
        settled.set()
        self._free_when_sent(job, settled)

    def _free_when_sent(self, job: Job, settled: threading.Event) -> None:
        """Generate is off while a submit is under way, and for a moment after the press."""
        if settled.is_set() and job.state.phase not in {Phase.PREPARING, Phase.SENDING}:
            self._free()

    def _free(self) -> None:
        with self._guard:
            self._busy = False
        self._go.disabled = False
        self._show_price()

    def _request(self) -> VideoRequest:
        if self._frame_error:
            raise self._frame_error
        return VideoRequest(
            image=self._frame,
            motion=self._motion.value,
            prompt=self._prompt.value.strip(),
            video_type=self._type.value,
            state=self._state.value or None,
            no_storage=self._no_storage.value,
            extra=_extra_fields(self._extra.value),
        )


def _extra_fields(text: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        fields = json.loads(text)
    except ValueError as error:
        raise InvalidRequest(f'extra: not JSON ({error}); it looks like {{"loop": true}}.', field="extra") from error
    if not isinstance(fields, dict):
        raise InvalidRequest('extra: a JSON object, such as {"loop": true}.', field="extra")
    return fields


def _box(kind: type[ipywidgets.Box], name: str, *children: ipywidgets.Widget) -> ipywidgets.Box:
    box = kind(list(children))
    box.add_class(name)
    return box


def _field(label: str, control: ipywidgets.Widget, error: ipywidgets.HTML) -> ipywidgets.VBox:
    heading = ipywidgets.HTML(html.escape(label))
    heading.add_class("mj-label")
    return _box(ipywidgets.VBox, "mj-field", heading, control, error)


def _segments(options: list[tuple[str, str]], value: str, name: str) -> ipywidgets.ToggleButtons:
    control = ipywidgets.ToggleButtons(
        options=options, value=value, tooltips=[f"{name}: {label}" for label, _ in options]
    )
    control.add_class("mj-seg")
    return control


def _error() -> ipywidgets.HTML:
    shown = ipywidgets.HTML()
    shown.add_class("mj-error")
    return shown
