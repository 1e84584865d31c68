"""Which clips are best, judged two at a time without knowing which they are: `rank`.

Blind means that nothing of a clip but its picture reaches the page before the ranking is asked for. Each clip has a random
name there; its bytes come as a message of the kernel, without their tags, and never by a path or a URL, so that also the
browser's network panel shows no more than bytes under random names. What remains to be seen is the picture itself, its
size and its length.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget.experimental
import traitlets

from mjvideo_nb.errors import InvalidRequest, MJVideoError
from mjvideo_nb.ranking import Fit, Judgement, fit

from .live import LiveWidget
from .picks import Pick, labelled
from .showing import Record
from .standings import SCORE, Ranked, Standings, percent, progress, standings
from .untagged import untagged

if TYPE_CHECKING:
    from mjvideo_nb.library import Library
    from mjvideo_nb.library.judging import Judging, KeptRanking

    from .session import Session

__all__ = ["MOST_RANKED", "Ranking", "ranking_of"]

HERE = Path(__file__).parent

MOST_RANKED = 40
"""Clips in one ranking: more take more judgements than anybody has patience for."""
AHEAD = 120_000_000
"""Bytes of clips that a page may fetch before they are their turn; larger sets come pair by pair."""

Answer = tuple[dict[str, Any], list[bytes]]


class Ranking(LiveWidget):
    """Two clips at a time, unlabelled and shuffled, until it is clear which is best. Made by `rank`.

    Every judgement is kept in the library at once. `results` and `table()` are the ranking as it is now; both tell which
    clip is which.

    Args:
        judging: where judgements are kept.
        kept: the ranking as it is there.
        picks: its clips, in its order.

    """

    # The text, never the path: anywidget watches a path and then keeps every instance alive.
    _esm = "\n".join(
        (HERE / name).read_text(encoding="utf-8")
        for name in ("parts.js", "icons.js", "clips.js", "player.js", "pair.js", "forest.js", "blind.js")
    )
    _css = "\n".join((HERE / name).read_text(encoding="utf-8") for name in ("theme.css", "stage.css", "blind.css"))

    page = traitlets.Dict().tag(sync=True)

    def __init__(self, judging: Judging, kept: KeptRanking, picks: Sequence[Pick]) -> None:
        self._guard = threading.RLock()
        self._judging = judging
        self._kept = kept
        self._picks = list(picks)
        self._names = [secrets.token_hex(8) for _ in picks]
        self._shuffled = random.SystemRandom().sample(self._names, len(self._names))
        self._unreadable: set[int] = set()
        self._revealed = False
        self._pair: tuple[int, int] | None = None
        self._choose()
        super().__init__(page=self._page())
        self._record = Record(f"mj-{secrets.token_hex(8)}", self, lambda: (), heading=self._words)
        self.on_msg(self._send_bytes)

    # What it says

    @property
    def results(self) -> list[Ranked]:
        """The clips, the best first, as the judgements are now."""
        return list(self.table())

    def table(self) -> Standings:
        """The same as a table with a plot; `print` it for text."""
        with self._guard:
            unreadable = sorted(self._unreadable)
            return standings(self._fit, self._picks, title=self._kept.title, unreadable=unreadable)

    def _ipython_display_(self) -> None:
        self._record.show()

    def _words(self) -> str:
        """What its record says: as blind as the page is now."""
        told = f"{self._kept.title or 'Blind ranking'}: {len(self._picks)} clips, {self.judgements} pairs judged."
        best = f" Best first: {', '.join(one.label for one in self.table())}." if self._revealed else ""
        return f"{told}{best} Run the cell again to go on."

    @property
    def judgements(self) -> int:
        """How many pairs were judged."""
        return len(self._kept.judgements)

    def __repr__(self) -> str:
        """Blind as well: it is the text of the output that shows the widget."""
        return f"<Ranking of {len(self._picks)} clips, {self.judgements} judged>"

    # What is pressed

    @anywidget.experimental.command
    def act(self, message: dict[str, Any], _buffers: list[bytes]) -> Answer:
        """Do what a `message` of the page says was pressed, and answer then. An answer always goes out: buttons wait for it."""
        try:
            with self._guard:
                self._do(str(message.get("action")), message.get("round"))
                self.page = self._page()
            self._record.refresh()
        except (MJVideoError, OSError) as error:
            return {"ok": False, "message": str(error)}, []
        except Exception as error:
            self.log.exception("rank")
            return {"ok": False, "message": f"Unexpected {type(error).__name__}. Run the cell again."}, []
        return {"ok": True}, []

    def _do(self, action: str, round_: object) -> None:
        if action == "show":
            self._revealed = True
        elif action == "go on":
            self._revealed = False
        elif action == "undo":
            self._take_back()
        elif action in {"left", "right", "equal"}:
            if self._pair is None or round_ != self._round:
                raise InvalidRequest("This pair was judged meanwhile.", field="round")
            left, right = self._pair
            better = {"left": left, "right": right, "equal": None}[action]
            self._kept = self._judging.add(self._kept.id, Judgement(left, right, better))
            self._choose()
        else:
            raise InvalidRequest("This ranking cannot do that. Run the cell again.", field="action")

    def _take_back(self) -> None:
        """The pair that was judged last is shown again, as it was."""
        last = self._kept.judgements[-1:]
        self._kept = self._judging.undo(self._kept.id)
        self._choose()
        for one in last:
            if not {one.left, one.right} & self._unreadable:
                self._pair = one.left, one.right

    def _choose(self) -> None:
        """The next pair, the sides by chance."""
        self._fit: Fit = fit(len(self._picks), self._kept.judgements)
        self._round = secrets.token_hex(4)
        left = [number for number in range(len(self._picks)) if number not in self._unreadable]
        self._pair = None
        if len(left) > 1:
            pair = self._fit.next_pair(left)
            self._pair = pair if secrets.randbits(1) else pair[::-1]

    # What the page sees

    def _page(self) -> dict[str, Any]:
        words, share = progress(self._fit)
        table = self.table() if self._revealed else Standings([])
        return {
            "title": self._kept.title,
            "count": len(self._picks),
            "judged": self.judgements,
            "words": words,
            "share": share,
            "settled": self._fit.settled,
            "round": self._round,
            "pair": [self._names[number] for number in self._pair or ()],
            "ahead": self._shuffled if self._small else [],
            "left_out": len(self._unreadable),
            "revealed": self._revealed,
            "rows": [_row(one) for one in table],
            "notes": [*table.notes, SCORE] if self._revealed else [],
        }

    @property
    def _small(self) -> bool:
        return sum(_size(one.path) for one in self._picks) <= AHEAD

    def _send_bytes(self, _widget: Any, message: Any, _buffers: list[bytes]) -> None:
        """Sends a clip's bytes to a browser that asked for them by their random name."""
        if not isinstance(message, dict) or message.get("kind") != "bytes" or message.get("index") not in self._names:
            return
        name = message["index"]
        number = self._names.index(name)
        try:
            clip = untagged(self._picks[number].read())
        except (MJVideoError, OSError):
            # Why is not said, nor logged: it names the file, and a log can be read beside the notebook.
            self.send({"kind": "bytes", "index": name, "ok": False, "message": "It cannot be read."})
            with self._guard:
                self._unreadable.add(number)
                if self._pair and number in self._pair:
                    self._choose()
                self.page = self._page()
        else:
            self.send({"kind": "bytes", "index": name, "ok": True}, [clip])

    def call(self, title: str, picks: Sequence[Pick]) -> None:
        """Give it another `title`, and its clips the labels they have now in `picks`."""
        with self._guard:
            self._picks = list(picks)
            self._unreadable.clear()
            if title and title != self._kept.title:
                self._judging.name(self._kept.id, title)
            self._kept = self._judging.get(self._kept.id)
            self._choose()
            self.page = self._page()


_live: dict[tuple[Path, str], Ranking] = {}
_guard = threading.Lock()


def ranking_of(session: Session, picks: Sequence[Pick], *, title: str = "", again: bool = False) -> Ranking:
    """The ranking of these clips: the one that was begun with them, or a new one.

    Args:
        session: whose library keeps it.
        picks: 2 to 40 clips with a file each; one that is named twice counts once.
        title: above it.
        again: True for a new one in any case.

    Raises:
        InvalidRequest: there are too few or too many, or one has no file.
        LibraryError: it cannot be written down.

    """
    library = session.library
    named: dict[str, Pick] = {}
    for one in picks:
        named.setdefault(_text(_key(library, one)), one)
    if not 2 <= len(named) <= MOST_RANKED:
        raise InvalidRequest(
            f"what: 2 to {MOST_RANKED} different clips can be ranked, and these are {len(named)}.", field="what"
        )
    keys = [json.loads(text) for text in named]
    kept = None if again else library.judging.find(keys)
    kept = kept or library.judging.begin(keys, title)
    ordered = labelled([named[_text(key)] for key in kept.clips])
    with _guard:
        known = _live.get((library.folder, kept.id))
        if known is None or known.comm is None:
            known = _live[library.folder, kept.id] = Ranking(library.judging, kept, ordered)
    known.call(title, ordered)
    return known


def _key(library: Library, one: Pick) -> dict[str, Any]:
    """What stands for a clip in the library: the job it is of, or its path, from there so that both can be moved."""
    if one.path is None or not one.path.is_file():
        called = one.label or one.name or f"[{one.index}] of task {one.task_id}"
        raise InvalidRequest(
            f"what: {called} has no file on this disk, which a blind ranking needs. If another machine has made it, open its "
            "job here first, with mj.open(...), and wait for it.",
            field="what",
        )
    path = one.path.absolute()
    job, index = one.entry_id, one.index
    if not job and path.is_relative_to(library.clips_folder):
        entry = library.shelf.by_task(path.parent.name)
        found = next((clip.index for clip in entry.clips if clip.path == path), None) if entry else None
        job, index = (entry.id, found) if entry and found is not None else ("", None)
    if job:
        return {"job": job, "index": index}
    try:
        return {"path": Path(os.path.relpath(path, library.folder)).as_posix()}
    except ValueError:  # another drive
        return {"path": path.as_posix()}


def _text(key: Mapping[str, Any]) -> str:
    return json.dumps(key, sort_keys=True)


def _row(one: Ranked) -> dict[str, Any]:
    told = {name: value for name, value in asdict(one).items() if name not in {"path", "task_id", "index"}}
    return {**told, "sure": "" if one.sure is None else percent(one.sure)}


def _size(path: Path | None) -> int:
    try:
        return path.stat().st_size if path else 0
    except OSError:
        return 0
