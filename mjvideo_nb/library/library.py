"""A library: the folder beside the notebook that keeps every request, every task and every clip.

    mjvideo/
      library.sqlite     what was asked, what became of it, what it cost, what its people say of it
      clips/<task id>/<index>.mp4
      frames/<sha256>.<ending>
      posters/<task id>/<index>.jpg
      kernels/           which kernels are there
      reserve            space for the last words on a full disk

Several kernels may use one folder at once. Where kernels on many machines share an account, the tables are in a database
that all of them reach, and each machine has the files of what it has made. All of it is synchronous, and quick; whoever must
not wait runs it in a thread.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from mjvideo_nb import config
from mjvideo_nb.config import Secret
from mjvideo_nb.errors import LibraryError
from mjvideo_nb.frames import Frame
from mjvideo_nb.models import VideoRequest

from . import money
from .allowances import Allowances
from .database import SAFE, Database
from .entries import CLIPS, Entry
from .judging import Judging
from .ledger import Ledger
from .money import Spending
from .postgres import PostgreSQL
from .presence import FilePresence, Lease, Onlooker, Presence
from .remembered import Remembered
from .shared import SharedAccount
from .shelf import Shelf
from .sqlite import SQLite
from .stills import Stills, poster_path
from .sweeping import Sweeping

__all__ = ["Library", "open_library"]

KERNELS = "kernels"


class Library:
    """The folder that keeps everything, open: every request, task and clip.

    Args:
        folder: where; made if it is not there.
        database: the address of the PostgreSQL database that has the tables, for many machines; by default they are in a
            file of the folder.

    Attributes:
        folder: where, absolute.
        where: the same, or the address of the database, for messages.
        person: who works here.
        ledger: writes down what becomes of jobs.
        shelf: finds them again.
        stills: the first frames.
        judging: which clips were judged better than which.
        sweeping: the sweeps that were started.
        remembered: what a form begins with.
        allowances: what may be spent, and by whom.
        account: what kernels on many machines do together, where they share the library and this one may write in it;
            else None.

    Raises:
        LibraryError: it cannot be used; says why, what is safe and what to do.

    """

    def __init__(self, folder: Path, database: str | Secret | None = None) -> None:
        self.closed = False
        self.folder = folder.absolute()
        self.person = config.person()
        self._database = _opened(self.folder, config.database(database) if database else None)
        self.where = self._database.where
        try:
            self._presence = self._present()
        except BaseException:
            self._database.close()
            raise
        self.ledger = Ledger(self._database, self._presence.token, self.person)
        self.shelf = Shelf(self._database)
        self.stills = Stills(self.folder)
        self.judging = Judging(self._database)
        self.sweeping = Sweeping(self._database)
        self.remembered = Remembered(self._database, self.person)
        self.allowances = Allowances(self._database)
        self.account = self._shared_account()

    @property
    def is_shared(self) -> bool:
        """Whether kernels on many machines share it."""
        return self._database.shared

    @property
    def whose(self) -> str:
        """Whose jobs somebody looks through here by default, as `Query` takes it: their own where many share it, else all."""
        return self.person if self.is_shared else ""

    def is_of_another(self, entry: Entry) -> bool:
        """Whether somebody else has asked for this `entry`: then its tags, its note and its end are theirs to decide."""
        return self.is_shared and entry.person not in {"", self.person}

    def _shared_account(self) -> SharedAccount | None:
        if not (isinstance(self._database, PostgreSQL) and isinstance(self._presence, Lease)):
            return None
        return SharedAccount(self._database, self._presence)

    def _present(self) -> Presence:
        if self.is_shared:
            return Onlooker(self._database) if self._database.reads_only else Lease(self._database, self.person)
        try:
            return FilePresence(self.folder / KERNELS)
        except (OSError, NotImplementedError) as error:
            raise LibraryError(
                f"The library in {self.folder} cannot be used: its file system keeps no locks ({error}). {SAFE} Name "
                "another folder with mj.connect(library=...)."
            ) from error

    @property
    def clips_folder(self) -> Path:
        """Where clips go."""
        return self.folder / CLIPS

    def poster_path(self, clip: Path) -> Path:
        """Where the small picture of a kept `clip` is, if it was made."""
        return poster_path(self.folder, clip)

    def keep_frame(self, request: VideoRequest) -> tuple[str, str]:
        """Keep the first frame of a `request`, and what other pictures it has; say what stands for it and what it is called.

        Raises:
            LibraryError: it cannot be written; nothing was sent.

        """
        frame = request.image
        try:
            for picture in request.extra.values():
                if isinstance(picture, Frame):
                    self.stills.keep(picture)
            return (self.stills.keep(frame), frame.name) if isinstance(frame, Frame) else ("", "")
        except OSError as error:
            raise LibraryError(
                f"The first frame could not be kept in {self.stills.folder} ({error}). Nothing was sent and nothing is "
                "charged: make room or mend the folder, then try again."
            ) from error

    def frame(self, entry: Entry) -> Frame | None:
        """The first frame of an `entry`, or None where there is none to be had any more."""
        image = entry.request.image if entry.request else ""
        if not image:
            return None
        try:
            return self.stills.load(image.name if isinstance(image, Path) else image, entry.frame_name)
        except OSError:
            return None

    def take_over(self, serves: Callable[[str], bool]) -> list[Entry]:
        """Settle what kernels that have ended left behind, and take over what goes on.

        Args:
            serves: whether the tasks of a service can be followed from here.

        Raises:
            LibraryError: the library cannot be read or written.

        """
        if isinstance(self._presence, Onlooker):
            return []
        return self.ledger.take_over(self._presence, serves)

    def is_ours(self, entry: Entry) -> bool:
        """Whether this kernel works on this `entry`."""
        return entry.owner == self._presence.token

    def is_followed(self, entry: Entry) -> bool:
        """Whether a kernel that still runs works on this `entry`, or whoever may only read leaves it to one."""
        return isinstance(self._presence, Onlooker) or self._presence.is_alive(entry.owner)

    def spending(self) -> Spending:
        """What this library has spent."""
        spending = money.spending(self._database)
        if self.is_shared:
            spending.mine = self.allowances.spent().get(self.person, 0.0)
        return spending

    def spent(self) -> float:
        """The same as one figure, in USD."""
        return money.spent(self._database)

    def close(self) -> None:
        """Let go of it; what is still under way can be taken over by another kernel."""
        self.closed = True
        if self.account:
            self.account.switchboard.stop()
        self._presence.end()
        self._database.close()

    def __repr__(self) -> str:
        return f"Library({self.where!r})"


def _opened(folder: Path, address: Secret | None) -> Database:
    if not address:
        return SQLite(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LibraryError(
            f"The folder {folder}, for the files of this machine, cannot be made ({error.strerror or error}). {SAFE} Mend "
            "that, or name another with mj.connect(library=...)."
        ) from error
    return PostgreSQL(folder, address)


_open: dict[tuple[int, Path, str], Library] = {}
_guard = threading.Lock()


def open_library(folder: Path, database: Secret | None = None) -> Library:
    """The library of a folder; the same one for the same folder, as long as this process lives.

    Args:
        folder: where its files are.
        database: the address of the database with its tables, where that is another one than a file of the folder.

    Raises:
        LibraryError: it cannot be used.

    """
    # The process is part of the name: a fork has no right to its parent's connections and locks.
    key = (os.getpid(), folder.absolute(), database.digest if database else "")
    with _guard:
        if key not in _open or _open[key].closed:
            _open[key] = Library(folder, database)
        return _open[key]
