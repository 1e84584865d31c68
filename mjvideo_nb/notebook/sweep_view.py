"""A sweep in the notebook: its matrix, and below it the cards of the cells that were opened."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget.experimental
import ipywidgets
import traitlets

from mjvideo_nb.errors import InvalidRequest, MJVideoError

from . import sweep_page
from .card import clip_bytes
from .iothread import io
from .live import LiveWidget
from .outputs import close

if TYPE_CHECKING:
    from .job import Job
    from .sweep import Sweep

__all__ = ["Matrix", "SweepView"]

HERE = Path(__file__).parent

Answer = tuple[dict[str, Any], list[bytes]]


class Matrix(LiveWidget):
    """Rows and columns of videos that play in step. It knows nothing of jobs: it is told what to show.

    Args:
        plan: what never changes, see `sweep_page.plan`.
        on_act: called with an action and its message when something is pressed. It must return at once; an `MJVideoError`
            or `OSError` it raises is shown.
        read_clip: called with the number of a cell and the index of a clip for its bytes, only when the browser can reach
            neither the clip's file nor its URL.

    Both are called in whatever thread a message of the browser arrives.
    """

    # The text, never the path: anywidget watches a path and then keeps every instance alive.
    _esm = "\n".join(
        (HERE / name).read_text(encoding="utf-8")
        for name in (
            *("parts.js", "icons.js", "clips.js", "player.js", "help.js", "bar.js"),
            *("stars.js", "sweep_scope.js", "sweep_cell.js", "sweep.js"),
        )
    )
    _css = "\n".join(
        (HERE / name).read_text(encoding="utf-8")
        for name in ("theme.css", "stage.css", "stars.css", "sweep.css", "opened.css")
    )

    plan = traitlets.Dict().tag(sync=True)
    page = traitlets.Dict().tag(sync=True)
    cells: traitlets.List[Any] = traitlets.List().tag(sync=True)

    def __init__(
        self,
        *,
        plan: dict[str, Any],
        on_act: Callable[[str, dict[str, Any]], None],
        read_clip: Callable[[int, int], bytes],
    ) -> None:
        super().__init__(plan=plan)
        self._on_act = on_act
        self._read_clip = read_clip

    @anywidget.experimental.command
    def act(self, message: dict[str, Any], _buffers: list[bytes]) -> Answer:
        """Answers a press. An answer always goes out: what was pressed stays off until it comes."""
        try:
            self._on_act(str(message.get("action")), message)
        except (MJVideoError, OSError) as error:
            return {"ok": False, "message": str(error)}, []
        except Exception as error:
            self.log.exception("%s", message.get("action"))
            text = f"Unexpected {type(error).__name__}: {error}. Run the cell again before you press again."
            return {"ok": False, "message": text}, []
        return {"ok": True}, []

    @anywidget.experimental.command
    def clip(self, message: dict[str, Any], _buffers: list[bytes]) -> Answer:
        """Answers with a clip's bytes as a message, so that they never enter a saved notebook."""
        try:
            number, index = int(message.get("number", -1)), int(message.get("index", -1))
            return {"ok": True}, [self._read_clip(number, index)]
        except (MJVideoError, OSError, LookupError, ValueError) as error:
            return {"ok": False, "message": str(error)}, []


class SweepView(ipywidgets.VBox):
    """The one live view of a sweep, however often it is shown.

    Args:
        sweep: the sweep; the view follows it, and the sweep does not depend on the view.

    """

    def __init__(self, sweep: Sweep) -> None:
        self._sweep = sweep
        self._guard = threading.RLock()
        self._opened: dict[str, ipywidgets.Widget] = {}
        self._actions: dict[str, Callable[[dict[str, Any]], object]] = {
            "run": lambda _: sweep.start(),
            "stop": lambda _: sweep.stop(),
            "rate": self._rate,
            "retry": lambda message: sweep.retry(_number(message)),
            "again": lambda message: sweep.send_again(_number(message)),
            "forget": lambda message: self._job(message).forget(),
            "resume": lambda message: self._job(message).resume(),
            "open": lambda message: self._open(self._job(message)),
            "close": lambda message: self._close(self._job(message).entry_id),
            "refresh": lambda _: None,
        }
        self._matrix = Matrix(plan=sweep_page.plan(sweep), on_act=self._act, read_clip=self._read_clip)
        self._cards = ipywidgets.VBox()
        self._cards.add_class("mj-opened")
        super().__init__([self._matrix, self._cards])
        self.add_class("mj-sweep-view")
        self.refresh()
        sweep.listen(self._soon)

    def refresh(self) -> None:
        """Show the sweep as it is now. What goes wrong with that is said in it."""
        sweep = self._sweep
        with self._guard:
            try:
                entries = sweep.session.library.sweeping.jobs(sweep.id) if sweep.id else {}
                self._matrix.cells = sweep_page.cells(sweep, entries, self._opened)
                self._matrix.page = sweep_page.page(sweep)
            except MJVideoError as error:
                self._matrix.page = {**self._matrix.page, "error": str(error)}

    def close(self) -> None:
        """Close it; the sweep goes on, and makes another view when it is shown again."""
        self._sweep.unlisten(self._soon)
        for job_id in list(self._opened):
            self._close(job_id)
        close(self._cards)
        close(self._matrix)
        super().close()

    def _soon(self) -> None:
        io.start(self._refresh_in_a_thread())

    async def _refresh_in_a_thread(self) -> None:
        await asyncio.to_thread(self.refresh)

    def _act(self, action: str, message: dict[str, Any]) -> None:
        do = self._actions.get(action)
        if do is None:
            raise InvalidRequest("This sweep cannot do that. Run the cell again.", field="action")
        try:
            do(message)
        finally:
            self.refresh()

    def _job(self, message: dict[str, Any]) -> Job:
        number = _number(message)
        job = self._sweep.jobs[number] if number in range(len(self._sweep)) else None
        if job is None:
            raise InvalidRequest("Nothing was made in this cell yet.", field="number")
        return job

    def _rate(self, message: dict[str, Any]) -> None:
        index = message.get("index")
        place = index if type(index) is int else -1
        self._sweep.session.jobs.rate(self._job(message).entry_id, place, message.get("stars"))

    def _read_clip(self, number: int, index: int) -> bytes:
        return clip_bytes(self._job({"number": number})[index])

    def _open(self, job: Job) -> None:
        button = ipywidgets.Button(description="Close", tooltip="Take this card away; nothing is deleted")
        button.add_class("mj-close")
        button.on_click(lambda _: self._close_by_button(job.entry_id))
        with self._guard:
            if job.entry_id not in self._opened:
                self._opened[job.entry_id] = ipywidgets.VBox([button, job.view])
                self._cards.children = tuple(self._opened.values())[::-1]

    def _close(self, job_id: str) -> None:
        with self._guard:
            shown = self._opened.pop(job_id, None)
            self._cards.children = tuple(self._opened.values())[::-1]
        if shown:
            shown.children = shown.children[:1]  # the card is the job's, and may be shown elsewhere
            close(shown)

    def _close_by_button(self, job_id: str) -> None:
        self._close(job_id)
        self.refresh()


def _number(message: dict[str, Any]) -> int:
    number = message.get("number")
    if type(number) is not int:
        raise InvalidRequest("This is no cell of the sweep. Run the cell again.", field="number")
    return number
