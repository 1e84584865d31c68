"""A job's live view: its card on the stage, and below it what was begun from its buttons: forms, and the cards of extends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import ipywidgets

from mjvideo_nb import frames

from .card import clip_bytes
from .stage import Stage

if TYPE_CHECKING:
    from .job import Job
    from .session import Session

__all__ = ["JobView"]


class JobView(ipywidgets.VBox):
    """The one live view of a job, however often it is shown.

    Args:
        job: the job; the view follows it, and the job does not depend on the view.
        session: what a form below the card belongs to.

    """

    def __init__(self, job: Job, session: Session) -> None:
        self.job = job
        self._session = session
        self._showing = threading.Lock()
        self._stage = Stage(
            card=job.card,
            on_extend=self._extend,
            on_choice=self._choose,
            read_clip=lambda index: clip_bytes(job[index]),
            on_rate=job.rate,
            on_frame=self._use_frame,
            on_delete=None if job.state.made_by else lambda _index: job.delete(),
        )
        super().__init__([self._stage])
        self.add_class("mj-view")
        job.listen(self._refresh)
        # The job may have changed between its first card and the listening.
        self._refresh()

    def _refresh(self) -> None:
        # Cell and I/O thread may both come by: without the lock an older card could be shown over a newer one.
        with self._showing:
            self._stage.show(self.job.card)

    def tell_again(self) -> None:
        """Send the card as it is now to the page, also when it was sent before."""
        with self._showing:
            self._stage.show(self.job.card)
            self._stage.send_state("card")

    def _extend(self, index: int, motion: str, prompt: str | None = None) -> None:
        """The button under a clip: another job, its card below this one."""
        self._add(self.job.extend_by_button(index, motion, prompt))

    def _use_frame(self, index: int, at: float | None, picture: bytes) -> None:
        """Another form, directly below the card, with this job's settings and a frame of one of its clips."""
        from .form import Studio  # which shows jobs itself

        name = f"last frame of [{index}]" if at is None else f"[{index}] at {at:.1f} s"
        frame = replace(frames.load(picture), name=name)
        form = Studio(self._session, image=frame, history=False)
        if self.job.request:
            form.reuse(self.job.entry, frame)
        self.set_trait("children", (self._stage, form, *self.children[1:]))

    def _choose(self, action: str) -> None:
        """A button under a failure, or under what was deleted."""
        if action == "again":
            self._add(self.job.send_again())
        elif action == "forget":
            self.job.forget()
        elif action == "restore":
            self.job.restore()
        else:
            self.job.resume()

    def _add(self, job: Job) -> None:
        self.set_trait("children", (*self.children, job.view))

    def all_views(self) -> Iterator[JobView]:
        """This view, and those below it."""
        yield self
        for view in self.children[1:]:
            yield from view.all_views()

    def close(self) -> None:
        """Close it; the job goes on, and makes another view when it is shown again."""
        self.job.unlisten(self._refresh)
        super().close()
