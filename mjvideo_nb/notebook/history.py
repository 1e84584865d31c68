"""Everything made in this folder, in the notebook: found again, looked at, sorted, and used to go on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import ipywidgets

from mjvideo_nb.errors import InvalidRequest, MJVideoError
from mjvideo_nb.library import Entry, JobState, Query, Spending
from mjvideo_nb.library.shelf import Shelf

from . import rows
from .compare import comparison
from .in_marimo import InMarimo
from .iothread import io
from .listing import Listing
from .outputs import close
from .picks import clips_of, pick
from .pictures import bring_picture
from .preview import preview
from .said import only_for
from .showing import Record
from .trash import Trash
from .view import JobView

if TYPE_CHECKING:
    from .job import Job
    from .session import Session

__all__ = ["PAGE", "History"]

PAGE = 50
"""Rows of a page."""
NOTHING = "Everything that was made in this folder. Run the cell again to see it."
PAUSE = 1.0
"""Seconds between two looks at the library because of jobs that change."""
LOOKING = {"search", "refresh", "days", "weigh"}
"""Actions that change nothing."""
COMPARISON, FORM = "comparison", "form"


@dataclass
class Asked:
    """What a browser wants to see.

    Args:
        query: which jobs.
        offset: how many of them to leave out.
        number: counts what was asked for, so that an answer that is overtaken can be told.
        words: the query as the browser gave it.

    """

    query: Query = field(default_factory=Query)
    offset: int = 0
    number: int = 0
    words: dict[str, Any] = field(default_factory=dict)


EMPTY: dict[str, Any] = {"rows": [], "total": 0, "offset": 0, "size": PAGE, "number": 0, "error": ""}


class History(InMarimo, ipywidgets.VBox):
    """A list of all jobs in the library, newest first, and below it the cards of those that were opened.

    Args:
        session: the service and the library.
        on_reuse: called with an entry whose settings are wanted again; by default a new form is shown below.
        everybody: whether it begins with the jobs of everybody on a shared account, and not with one's own.

    """

    def __init__(
        self, session: Session, *, on_reuse: Callable[[Entry], None] | None = None, everybody: bool = False
    ) -> None:
        self._session = session
        self._on_reuse = on_reuse or self._new_form
        self._guard = threading.RLock()
        self._trash = Trash(session)
        self._asked = Asked(words={"everybody": True} if everybody else {})
        self._spent: Spending | None = None
        self._listening = False
        self._due = False
        self._brought: set[str] = set()
        self._shown: dict[str, ipywidgets.Widget] = {}
        self._actions: dict[str, Callable[[dict[str, Any]], dict[str, Any] | None]] = {
            "search": self._search,
            "refresh": self._refresh,
            "days": lambda _: {"days": rows.days(self._spending())},
            "open": lambda message: self._open(self._id(message)),
            "close": lambda message: self._close(self._id(message)),
            "compare": lambda message: self._side_by_side(_ids(message)),
            "reuse": lambda message: self._on_reuse(self._entry(message)),
            "rate": self._rate,
            "tag": lambda m: self._shelf.tag(
                self._ours(m, "change its tags"), [str(tag) for tag in m.get("tags") or []]
            ),
            "note": lambda m: self._shelf.note(self._ours(m, "change its note"), str(m.get("note") or "").strip()),
            "trash": lambda message: self._throw(_ids(message)),
            "restore": lambda message: self._trash.restore(_ids(message)),
            "weigh": lambda _: {"words": self._trash.weigh()},
            "empty": lambda _: self._trash.empty(),
            "forget": self._forget,
            "again": self._again,
        }
        self._list = Listing(on_act=self._act, picture=self._picture)
        self._cards = ipywidgets.VBox()
        self._cards.add_class("mj-opened")
        super().__init__([self._list, self._cards])
        self.add_class("mj-history-view")
        self._record = Record(f"mj-{uuid4().hex}", self, self._opened, nothing=NOTHING)
        self._cards.observe(self._record.refresh, "children")
        self.refresh()

    def _ipython_display_(self) -> None:
        self._record.show()

    def _opened(self) -> list[JobView]:
        """The jobs' cards below the list."""
        widgets = [shown.children[1] for shown in self._cards.children]
        return [widget for widget in widgets if isinstance(widget, JobView)]

    # What it shows

    def refresh(self) -> None:
        """Look into the library again. What went wrong is shown in the list."""
        self._spent = None
        with self._guard:
            try:
                self._show()
            except MJVideoError as error:
                self._list.page = {**EMPTY, **self._list.page, "error": str(error)}

    def _search(self, message: dict[str, Any]) -> None:
        offset, number = message.get("offset"), message.get("number")
        if type(offset) is not int or type(number) is not int or offset < 0 or type(message.get("query")) is not dict:
            raise InvalidRequest("This is no page of the history.", field="offset")
        query = rows.query_of(message["query"], self._session.library.whose)
        with self._guard:
            if number < self._asked.number:
                return  # another page was asked for meanwhile
            self._asked = Asked(query, offset, number, dict(message["query"]))
            self._show()

    def _show(self) -> None:
        """The page that was asked for last, as it is now."""
        with self._guard:
            session, shelf = self._session, self._shelf
            if not self._listening:  # asked for here, so that a library that cannot be used is said in the list
                session.jobs.listen(self.soon)
                self._listening = True
            asked, library = self._asked, session.library
            if not asked.number:  # what the list begins with: whose it is is known once the library is open
                asked.query = rows.query_of(asked.words, library.whose)
            whose = asked.query.person
            found, total = shelf.search(asked.query, offset=asked.offset, limit=PAGE)
            if not found and total:  # the page has gone, with what was deleted
                asked.offset = (total - 1) // PAGE * PAGE
                found, total = shelf.search(asked.query, offset=asked.offset, limit=PAGE)
            self._list.page = {
                "rows": [self._row(entry) for entry in found],
                "total": total,
                "offset": asked.offset,
                "size": PAGE,
                "number": asked.number,
                "query": asked.words,
                "shared": library.is_shared,
                "tags": shelf.all_tags(whose),
                "uncertain": len(shelf.uncertain(whose)),
                "trash": shelf.search(Query(trashed=True, person=whose), limit=0)[1],
                "ours_in_trash": self._trash.count(),
                "money": rows.money(self._spending(), session.left),
                "sandbox": session.sandbox,
                "error": "",
            }

    def _row(self, entry: Entry) -> dict[str, Any]:
        library = self._session.library
        short_type = entry.request.short_type if entry.request else ""
        return rows.row(
            entry,
            folder=library.folder,
            price=self._session.price_words(short_type),
            shown=entry.id in self._shown,
            sandbox=self._session.sandbox,
            shared=library.is_shared,
            ours=not library.is_of_another(entry),
        )

    def _spending(self) -> Spending:
        if self._spent is None:
            self._spent = self._session.library.spending()
        return self._spent

    def soon(self) -> None:
        """Look again in a moment: a burst of changes becomes one look."""
        with self._guard:
            if self._due or self.comm is None:
                return
            self._due = True
        io.start(self._look_later())

    def close(self) -> None:
        """Let go of the list and what stands below it; the cards of jobs are theirs, and stay."""
        with self._guard:
            for name, shown in self._shown.items():
                _let_go(name, shown)
            self._shown.clear()
        close(self._cards)
        close(self._list)
        super().close()

    async def _look_later(self) -> None:
        await asyncio.sleep(PAUSE)
        self._due = False
        await asyncio.to_thread(self.refresh)

    # What is asked for

    def _act(self, action: str, message: dict[str, Any]) -> dict[str, Any]:
        do = self._actions.get(action)
        if do is None:
            raise InvalidRequest("This list cannot do that. Run the cell again.", field="action")
        try:
            return do(message) or {}
        finally:
            if action not in LOOKING:
                self.refresh()

    def _refresh(self, _message: dict[str, Any]) -> None:
        """Asked for by a person: another kernel may have ended meanwhile, and what it did goes on here."""
        self._session.jobs.pick_up()
        self._session.money_changed()
        self._brought.clear()
        self._spent = None
        self._show()

    @property
    def _shelf(self) -> Shelf:
        return self._session.library.shelf

    def _id(self, message: dict[str, Any]) -> str:
        return str(message.get("id", ""))

    def _entry(self, message: dict[str, Any]) -> Entry:
        entry = self._shelf.get(self._id(message))
        if entry is None:
            raise InvalidRequest("This job is not in the library any more.", field="id")
        return entry

    def _ours(self, message: dict[str, Any], what: str) -> str:
        """The id of an entry with which this person may do this."""
        entry = self._entry(message)
        if self._session.library.is_of_another(entry):
            raise only_for(entry.person, what)
        return entry.id

    def _job(self, entry_id: str) -> Job:
        return self._session.jobs.get(entry_id)

    def _rate(self, message: dict[str, Any]) -> None:
        index = message.get("index")
        self._session.jobs.rate(self._id(message), index if type(index) is int else -1, message.get("stars"))

    def _unsettled(self, message: dict[str, Any]) -> Job:
        """The job of an entry whose outcome is unknown still: a second press, here or in another page, finds none."""
        entry = self._entry(message)
        if entry.state != JobState.UNCERTAIN:
            raise InvalidRequest("This request is settled already. Nothing was sent.", field="id")
        return self._job(entry.id)

    def _forget(self, message: dict[str, Any]) -> None:
        self._unsettled(message).forget()

    def _again(self, message: dict[str, Any]) -> None:
        with self._guard:
            job = self._unsettled(message).send_again()
        self._open(job.entry_id)

    # The cards below

    def _open(self, entry_id: str) -> None:
        if entry_id not in self._shown:
            self._add(entry_id, self._job(entry_id).view)

    def _close(self, name: str) -> None:
        with self._guard:
            shown = self._shown.pop(name, None)
            self._cards.children = tuple(self._shown.values())[::-1]
        if shown:
            _let_go(name, shown)

    def _add(self, name: str, widget: ipywidgets.Widget) -> None:
        """Show something below, on top of what is there, with a button that takes it away."""
        button = ipywidgets.Button(description="Close", tooltip="Take this card away; nothing is deleted")
        button.add_class("mj-close")
        button.on_click(lambda _: self._close_by_button(name))
        with self._guard:
            before = self._shown.pop(name, None)
            self._shown[name] = ipywidgets.VBox([button, widget])
            self._cards.children = tuple(self._shown.values())[::-1]
        if before:
            _let_go(name, before)

    def _close_by_button(self, name: str) -> None:
        self._close(name)
        self.refresh()

    def _side_by_side(self, ids: Sequence[str]) -> None:
        jobs = [self._job(self._entry({"id": name}).id) for name in ids]
        self._add(COMPARISON, comparison(self._session, pick(self._session, [job for job in jobs if clips_of(job)])))

    def _new_form(self, entry: Entry) -> None:
        from .form import Studio  # a studio has a history itself

        form = Studio(self._session, history=False)
        form.reuse(entry)
        self._add(FORM, form)

    # The trash

    def _throw(self, ids: Sequence[str]) -> dict[str, Any]:
        answer = self._trash.throw(ids)
        for name in answer["gone"]:
            self._close(name)
        return answer

    # Pictures that the browser cannot reach

    def _picture(self, entry_id: str) -> str | tuple[str, bytes]:
        library = self._session.library
        entry = self._entry({"id": entry_id})
        still = rows.poster_of(entry, library.folder)
        if still:
            return "image/jpeg", still.read_bytes()
        frame = library.frame(entry)
        if frame is None and entry.request and entry.request.task_id:
            chain = library.shelf.lineage(entry.request.task_id)
            frame = library.frame(chain[0]) if chain else None
        if frame is None:
            self._bring_picture(entry)
            return ""
        return preview(frame) or (frame.media_type, frame.data)

    def _bring_picture(self, entry: Entry) -> None:
        """Have one brought that another machine has made, once; its row shows it when it is here."""
        if entry.id not in self._brought:
            self._brought.add(entry.id)
            io.start(self._bring(entry))

    async def _bring(self, entry: Entry) -> None:
        if await bring_picture(self._session, entry):
            self.soon()


def _let_go(name: str, shown: ipywidgets.Widget) -> None:
    """Close what stood below the list. The card of a job is the job's, and may be shown elsewhere; a form has cards too."""
    if name != COMPARISON:
        shown.children = shown.children[:1]
    close(shown)


def _ids(message: dict[str, Any]) -> list[str]:
    return [str(name) for name in message.get("ids") or []]
