"""The form: a first frame, a prompt, a motion, a video type, and a button that says what a press costs."""

from __future__ import annotations

import html
import logging
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import ipywidgets

from mjvideo_nb import flags, frames
from mjvideo_nb.errors import InvalidRequest, LibraryError, MJVideoError
from mjvideo_nb.models import Motion, VideoRequest, is_empty

from .advanced import Advanced
from .controls import box, error_line, field, segments
from .gallery import Gallery
from .in_marimo import in_marimo
from .iothread import io
from .job import Job
from .picker import Picker
from .prompt import Prompt
from .session import Session
from .showing import Record
from .state import Phase

if TYPE_CHECKING:
    from mjvideo_nb.frames import Frame
    from mjvideo_nb.library import Entry

    from .history import History

__all__ = ["Studio"]

log = logging.getLogger(__name__)

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
        motion: `"low"` or `"high"`, or None for what was used last in this library.
        video_type: `"480p"` or `"720p"`, or None for what was used last in this library.
        history: whether a tab shows what was made before.

    Raises:
        InvalidRequest: a value is not what it should be; names it.

    """

    def __init__(
        self,
        session: Session,
        *,
        image: Any = None,
        prompt: str = "",
        motion: str | None = None,
        video_type: str | None = None,
        history: bool = True,
    ) -> None:
        if in_marimo():
            raise InvalidRequest(NOT_IN_MARIMO)
        self._session = session
        self._history: History | None = None
        self._guard = threading.Lock()
        self._busy = False
        self.jobs: tuple[Job, ...] = ()
        # Checked as a request would be, so that a wrong word is named here and not by a widget's own error.
        kept = self._remembered()
        # By its people: a flag in the prompt may say otherwise for a while.
        self._chosen = kept["motion"] if motion is None else motion
        start = VideoRequest(
            image="unset",
            prompt=prompt,
            motion=self._chosen,
            video_type=kept["video_type"] if video_type is None else video_type,
        )
        self._build(start)
        self._advanced.remember(kept)
        super().__init__([self._tabs, self._making] if history else [self._making])
        self.add_class("mj-studio")
        self._record = Record(f"mj-{uuid4().hex}", self, lambda: self._cards.children, nothing=NOTHING)
        self._cards.observe(self._record.refresh, "children")
        self._show_session()
        if history:
            self._pick_up()
        if not is_empty(image):
            self._picker.use(frames.load(image))

    def _ipython_display_(self) -> None:
        self._record.show()

    # What it is made of

    def _build(self, start: VideoRequest) -> None:
        gallery = Gallery(lambda: self._session.library)
        self._picker = Picker(gallery)
        self._motion = segments([("Low", "low"), ("High", "high")], str(start.motion), "Motion")
        types = [("480p", "480p"), ("720p", "720p")]
        if start.short_type not in {"480p", "720p"}:
            types.append((start.short_type, start.short_type))
        self._type = segments(types, start.short_type, "Video type")
        self._type.observe(self._show_price, "value")
        self._prompt = Prompt(start.prompt, earlier=self._earlier_prompts)
        self._prompt.observe(self._heed_flags, "value")
        self._motion.observe(self._move_flag, "value")
        self._heed_flags()
        self._price = ipywidgets.HTML()
        self._price.add_class("mj-price")
        self._go = ipywidgets.Button(description="Generate")
        self._go.add_class("mj-go")
        self._go.on_click(self._generate)
        self._advanced = Advanced(gallery)
        own = {name: error_line() for name in ("prompt", "motion", "video_type", "")}
        self._errors = own | self._advanced.errors
        self._strip = ipywidgets.HTML()
        self._strip.add_class("mj-strip")
        row = box(
            ipywidgets.HBox,
            "mj-row",
            field("Motion", self._motion, own["motion"]),
            field("Video type", self._type, own["video_type"]),
            self._advanced.toggle,
            box(ipywidgets.HBox, "mj-press", self._price, self._go),
        )
        right = ipywidgets.VBox(
            [box(ipywidgets.VBox, "mj-field", self._prompt, own["prompt"]), row, self._advanced, own[""]]
        )
        body = box(ipywidgets.HBox, "mj-form-body", self._picker, right)
        self._form = box(ipywidgets.VBox, "mj-form", self._strip, body)
        self._form.add_class("mj")
        self._cards = box(ipywidgets.VBox, "mj-cards")
        self._making = ipywidgets.VBox([self._form, self._cards])
        self._tabs = segments([(MAKE, MAKE), (HISTORY, HISTORY)], MAKE, "Show")
        self._tabs.remove_class("mj-seg")
        self._tabs.add_class("mj-tabs")
        self._tabs.observe(self._show_tab, "value")

    # What is remembered

    def _remembered(self) -> dict[str, Any]:
        """What the last form of this library was used with; of what is no such setting, the default."""
        found: dict[str, Any] = {}
        if not self._session.problem:
            try:
                found = self._session.library.remembered.settings()
            except LibraryError as error:
                log.warning("the settings of the last form: %s", error)  # the strip says it too
        if found.get("motion") not in tuple(Motion):
            found["motion"] = Motion.LOW
        if not found.get("video_type") or not isinstance(found["video_type"], str):
            found["video_type"] = "480p"
        return found

    def _remember(self) -> None:
        settings = {"motion": self._chosen, "video_type": self._type.value, **self._advanced.settings}
        try:
            self._session.library.remembered.remember(settings)
        except LibraryError:
            log.exception("the settings of this form")  # the video is made all the same

    def _earlier_prompts(self) -> list[str]:
        return self._session.library.remembered.prompts()

    # The flags in the prompt

    def _heed_flags(self, _change: object = None) -> None:
        """Say what they mean. The motion shown is the one that will be made: a flag in the prompt wins."""
        prompt = self._prompt.value
        self._prompt.explain(flags.find(prompt))
        self._motion.value = flags.value(prompt, "motion") or self._chosen

    def _move_flag(self, change: dict[str, Any]) -> None:
        """The control was pressed, or it followed the flag."""
        prompt = self._prompt.value
        if flags.value(prompt, "motion") != change["new"]:
            self._chosen = change["new"]
            self._prompt.value = flags.rewritten(prompt, "motion", change["new"])

    # The first frame

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
        self._motion.value = self._chosen = str(request.motion)
        types = dict(self._type.options)
        if request.short_type not in types.values():
            self._type.options = [*types.items(), (request.short_type, request.short_type)]
        self._type.value = request.short_type
        self._advanced.fill(request)
        frame = frame or self._session.library.frame(entry)
        if frame:
            size = frames.load(frame.data).size if frame.data else None
            self._picker.use(replace(frame, size=size))
        else:
            gone = "The first frame of that video is gone." if request.image else "An extend has no first frame."
            self._picker.empty(InvalidRequest(f"image: {gone} Choose one.", field="image"))
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

    def _show_error(self, error: MJVideoError) -> None:
        """At its field where it names one."""
        name = error.field if isinstance(error, InvalidRequest) else ""
        if name == "image":
            self._picker.show(error=str(error))
        else:
            self._errors.get(name, self._errors[""]).value = html.escape(str(error))
            if name in self._advanced.errors:
                self._advanced.toggle.value = True

    def _clear_errors(self) -> None:
        for shown in self._errors.values():
            shown.value = ""
        self._advanced.clear_errors()
        self._picker.show()

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
        self._remember()
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
        return VideoRequest(
            image=self._picker.frame,
            motion=self._motion.value,
            prompt=self._prompt.value.strip(),
            video_type=self._type.value,
            **self._advanced.values,
        )
