"""A job's live view: its card on the stage, and below it the cards of the extends made from its buttons."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import ipywidgets

from .stage import Stage

if TYPE_CHECKING:
    from .job import Job

__all__ = ["JobView"]


class JobView(ipywidgets.VBox):
    """The one live view of a job, however often it is shown.

    Args:
        job: the job; the view follows it, and the job does not depend on the view.

    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._showing = threading.Lock()
        self._stage = Stage(card=job.card, on_extend=self._extend, on_choice=self._choose, read_clip=job.read_clip)
        super().__init__([self._stage])
        self.add_class("mj-view")
        job.listen(self._refresh)
        # The job may have changed between its first card and the listening.
        self._refresh()

    def _refresh(self) -> None:
        # Cell and I/O thread may both come by: without the lock an older card could be shown over a newer one.
        with self._showing:
            self._stage.show(self._job.card)

    def _extend(self, index: int, motion: str) -> None:
        """The button under a clip: another job, its card below this one."""
        self._add(self._job.extend_by_button(index, motion))

    def _choose(self, action: str) -> None:
        """A button under a failure."""
        if action == "again":
            self._add(self._job.send_again())
        elif action == "forget":
            self._job.forget()
        else:
            self._job.resume()

    def _add(self, job: Job) -> None:
        self.set_trait("children", (*self.children, job.view))
