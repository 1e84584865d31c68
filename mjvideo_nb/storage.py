"""Copies of clips in any storage that fsspec knows: a bucket, a server, a mounted disk.

A copy counts only when it was read back and is, byte for byte, what was sent. Under its final name stands a whole copy
or none: object stores show a new object when it has arrived in full; elsewhere it is written as a `.part` and renamed.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from .address import OBJECT_STORES, Address, is_url
from .errors import InvalidRequest, MJVideoError, StorageError

__all__ = ["Storage", "copy_clip", "is_url"]

PIECE = 4 * 1024 * 1024
"""Bytes read at a time, and so held in memory."""

LONGEST_WORDS = 400

SAFE = (
    "The clip itself is safe in the local folder and nothing is paid again; "
    "the copy is tried again by itself when the library is next opened."
)

T = TypeVar("T")


@dataclass(frozen=True)
class _Connection:
    """A file system of our own, so that nobody else's settings or listings are in it.

    Args:
        fs: what fsspec made of the URL.
        root: the URL's path in it.
        turn: held while it works; most that are not asynchronous have one connection, for one thread at a time.

    """

    fs: Any
    root: str
    turn: AbstractContextManager[Any]


class Storage:
    """Keeps copies of clips under a URL. Every method blocks until it is done, and may be called from any thread.

        storage = Storage("s3://bucket/prefix")
        storage.put(path, "clips/1773314942177684/2.mp4", digest=sha256)

    Nothing is connected before the first copy, so a storage that cannot be reached keeps nobody from working.

    Args:
        url: where, such as `"s3://bucket/prefix"`, `"gs://bucket"`, `"sftp://host/folder"`, `"file:///mnt/clips"`.
        options: fsspec's storage options, such as `{"endpoint_url": ..., "key": ..., "secret": ...}`. Credentials are
            better left to the environment or the files that the storage's own tools use.

    Attributes:
        url: the same without user name and password, to be shown.

    Raises:
        InvalidRequest: it is no URL of a storage, or a package for it is missing. Names the field `library`.

    """

    def __init__(self, url: str, *, options: Mapping[str, Any] | None = None) -> None:
        self._given, self._options = url, dict(options or {})
        self.url = self._address.shown
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._guard = threading.Lock()
        self._connection: _Connection | None = None
        self._inherited: list[_Connection | None] = []

    @cached_property
    def _address(self) -> Address:
        return Address(self._given, self._options)

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs to connect by itself, its secrets included: a pickle of it is as secret as they are."""
        return {"_given": self._given, "_options": self._options, "url": self.url}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """As made anew; that a package is missing there is said when it is used."""
        self.__dict__.update(state)
        self._begin()

    def __repr__(self) -> str:
        return f"Storage({self.url!r})"

    def put(self, source: Path, name: str, *, digest: str) -> str:
        """Copy a clip there and read it back. One that is there already, and equal, is not sent again.

        Args:
            source: the clip on disk.
            name: where under the URL, with `/`, such as `"clips/1773314942177684/2.mp4"`.
            digest: SHA-256 of the clip, in hex.

        Returns:
            The URL of the copy, which is there and whole.

        Raises:
            StorageError: it is not: the storage refused it, cannot be reached, or holds other bytes than were sent.
                Or the clip on disk is missing or damaged; then nothing was sent.

        """
        doing = f"{name} could not be copied to {self.url}"
        _checked(name)
        size = _size_of(source, name, digest)

        def copy() -> None:
            with self._connected() as at:
                self._put(at, source, f"{at.root}/{name}", size, digest)

        self._attempt(doing, SAFE, copy)
        return self._address.of(name)

    def name_of(self, url: str) -> str:
        """What `put` was given where it said that this `url` is the copy; "" where the copy is in another storage."""
        root = self._address.of("")
        return url.removeprefix(root) if url.startswith(root) else ""

    def get(self, name: str, target: Path, *, digest: str = "") -> None:
        """Bring a copy back to disk. What was there under that name is replaced when the copy has arrived whole.

        Args:
            name: as it was given to `put`.
            target: where to.
            digest: SHA-256 that it must have, in hex; "" where that is not known, then its length is checked.

        Raises:
            StorageError: there is no such copy, it is not whole, or the storage cannot be reached.

        """
        _checked(name)

        def fetch() -> None:
            with self._connected() as at:
                path = f"{at.root}/{name}"
                size = _size(at.fs, path)
                if size is None:
                    raise FileNotFoundError("there is no such copy")
                target.parent.mkdir(parents=True, exist_ok=True)
                part = target.with_name(f"{target.stem}.{secrets.token_hex(4)}.part")
                try:
                    if not _bring(at.fs, path, part, size=size, digest=digest):
                        raise StorageError("what came is not the clip that was stored: damaged or cut short")
                    part.replace(target)
                finally:
                    part.unlink(missing_ok=True)

        self._attempt(
            f"{name} could not be brought back from {self.url}",
            "Nothing was changed on disk. Try again when the storage answers.",
            fetch,
        )

    def has(self, name: str, *, size: int, digest: str = "") -> bool:
        """Whether a whole copy is there.

        Args:
            name: as it was given to `put`.
            size: in bytes; this alone is asked of the storage and costs one short request.
            digest: SHA-256 in hex; with it the copy is read in full.

        Raises:
            StorageError: it cannot be known: the storage refuses to say, or cannot be reached.

        """
        _checked(name)

        def look() -> bool:
            with self._connected() as at:
                return _is_whole(at.fs, f"{at.root}/{name}", size, digest)

        return self._attempt(f"{name} could not be looked up in {self.url}", SAFE, look)

    def _put(self, at: _Connection, source: Path, path: str, size: int, digest: str) -> None:
        # What cannot be read is no copy: it is written anew, and the check after that decides. (A damaged object fails
        # its own checksum; and where a policy lets nobody list, what is not there is "forbidden".)
        with suppress(Exception):
            if _is_whole(at.fs, path, size, digest):
                return
        if self._address.scheme in OBJECT_STORES:
            at.fs.put_file(str(source), path)
            if not _is_whole(at.fs, path, size, digest):
                at.fs.rm_file(path)
                raise StorageError("what the storage gave back differs from what was sent; it was removed there")
            return
        try:
            _put_by_part(at.fs, source, path, size, digest)
        except Exception:
            # Another kernel may have been faster with the same clip, and have taken this part away.
            if not _is_whole(at.fs, path, size, digest):
                raise

    def _attempt(self, doing: str, then: str, work: Callable[[], T]) -> T:
        """What the work returns; whatever it raises is told as ours, without secrets."""
        try:
            return work()
        except Exception as error:  # noqa: BLE001 - a backend raises what it likes
            words = self._words(error)
        # Outside of the handler: the backend's own error, which a traceback would show with it, may repeat a secret.
        raise StorageError(f"{doing}: {words}. {then}")

    def _words(self, error: Exception) -> str:
        said = re.sub(r"\s+", " ", str(error)).strip().rstrip(".")
        words = said if isinstance(error, MJVideoError) else f"{type(error).__name__}: {said}".removesuffix(": ")
        words = self._address.without_secrets(words)
        return words if len(words) <= LONGEST_WORDS else f"{words[:LONGEST_WORDS]}…"

    @contextmanager
    def _connected(self) -> Iterator[_Connection]:
        """The file system, for as long as this thread needs it."""
        if self._process != os.getpid():
            # After a fork nothing of a connection works here. It is kept: closing it would end the parent's.
            self._inherited.append(self._connection)
            self._process, self._guard, self._connection = os.getpid(), threading.Lock(), None
        with self._guard:
            connection = self._connection = self._connection or self._connect()
        with connection.turn:
            yield connection

    def _connect(self) -> _Connection:
        from fsspec.core import url_to_fs

        fs, root = url_to_fs(self._address.url, **{**self._options, "skip_instance_cache": True})
        return _Connection(fs, root.rstrip("/"), nullcontext() if fs.async_impl else threading.Lock())


def copy_clip(source: Path, *, storage: Storage, name: str, digest: str) -> str:
    """`Storage.put` as a function that any executor runs."""
    return storage.put(source, name, digest=digest)


def _checked(name: str) -> str:
    """The name, where it stays under the URL."""
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\\" in name or str(path) != name:
        raise InvalidRequest(f"name: {name!r} is no name of a copy, such as clips/1773/2.mp4.", field="name")
    return name


def _size_of(source: Path, name: str, digest: str) -> int:
    """Bytes of a clip on disk that still is what was downloaded."""
    try:
        size = source.stat().st_size
        with source.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise StorageError(
            f"{name} was not copied: the clip on disk cannot be read ({error.strerror}). Nothing is paid again; "
            "download it again while the service still has it."
        ) from error
    if found != digest:
        raise StorageError(
            f"{name} was not copied: the clip on disk is not what was downloaded any more; it was changed or damaged. "
            "Nothing is paid again; download it again while the service still has it."
        )
    return size


def _size(fs: Any, path: str) -> int | None:
    """In bytes, as the storage says now; None where there is no such file."""
    fs.invalidate_cache()
    try:
        about = fs.info(path)
    except FileNotFoundError:
        return None
    return int(about["size"]) if about["type"] == "file" else None


def _pieces(fs: Any, path: str) -> Iterator[bytes]:
    with fs.open(path, "rb", block_size=PIECE) as file:
        while piece := file.read(PIECE):
            yield piece


def _is_whole(fs: Any, path: str, size: int, digest: str = "") -> bool:
    """Whether a file of this length is there, and, where a digest is given, of this content: it is read in full."""
    if _size(fs, path) != size:
        return False
    if not digest:
        return True
    found = hashlib.sha256()
    for piece in _pieces(fs, path):
        found.update(piece)
    return found.hexdigest() == digest


def _bring(fs: Any, path: str, part: Path, *, size: int, digest: str) -> bool:
    """Write the copy to disk, safe there; whether it is the right one."""
    found = hashlib.sha256()
    with part.open("xb") as file:
        for piece in _pieces(fs, path):
            found.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
        return file.tell() == size and digest in {"", found.hexdigest()}


def _put_by_part(fs: Any, source: Path, path: str, size: int, digest: str) -> None:
    """Write beside its place, check, and put in its place: for file systems that show a file while it is written."""
    folder, _, name = path.rpartition("/")
    fs.makedirs(folder, exist_ok=True)
    part = f"{path}.{secrets.token_hex(4)}.part"
    fs.put_file(str(source), part)
    if not _is_whole(fs, part, size, digest):
        raise StorageError("what the storage gave back differs from what was sent")
    if _size(fs, path) is None:
        fs.mv(part, path)
    elif not _is_whole(fs, path, size, digest):
        fs.rm_file(path)  # not every server renames over what is there
        fs.mv(part, path)
    # What copies that broke off have left, and one that is still under way: it finds this one here, whole.
    fs.invalidate_cache()
    for each in fs.ls(folder, detail=False):
        left = each.rstrip("/").rpartition("/")[2]
        if left.startswith(f"{name}.") and left.endswith(".part"):
            fs.rm_file(f"{folder}/{left}")
    if not _is_whole(fs, path, size):
        raise StorageError("the storage lost the copy while giving it its name")
