"""Work on files by any executor: threads, processes, or the machines of a cluster, which share no disk with this one.

To threads a function is given as it is. To any other executor the bytes of the files go along, and the bytes of what was
made come back: a worker writes them to a folder of its own, under the same names, and runs the same function there.
"""

from __future__ import annotations

import pickle
import secrets
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from .errors import InvalidRequest, WorkFailed
from .written import written

__all__ = ["Errand", "Parcel", "Work", "begin", "check", "is_here", "run"]

REMEDY = (
    "What was made until then is whole, and nothing is paid for it. Give an executor that works, or leave executor out: "
    "then threads of this machine do it."
)
LARGEST_TASK = "1 GiB"
"""Of what one task may hold before Dask warns of it; its own 10 MiB are less than some clips."""

_guard = threading.Lock()


@dataclass(frozen=True)
class Parcel:
    """A file on its way to a worker.

    Args:
        name: of the file, without its folder.
        data: what is in it.
        mark: another one each time.

    """

    name: str
    data: bytes = field(repr=False)
    mark: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    def __dask_tokenize__(self) -> str:
        """What Dask makes the name of the task from: it would read all bytes, and take what failed before for the answer."""
        return self.mark


class Errand:
    """A function as a worker runs it; it goes by the function's own name, also on Dask's dashboard.

    Args:
        function: takes a path, or a list of them, then the path of what it makes, if it makes a file.
        result: the name of that file; "" where what the function gives back is wanted.
        many: whether it takes a list.
        options: for the function.

    """

    def __init__(self, function: Callable[..., Any], *, result: str, many: bool, options: dict[str, Any]) -> None:
        self.__name__ = getattr(function, "__name__", type(function).__name__)
        self._function = function
        self._result = result
        self._many = many
        self._options = options

    def __repr__(self) -> str:
        return f"<{self.__name__}>"  # Dask logs this of work that failed: not the options, some of which are secret

    def __call__(self, *parcels: Parcel) -> Any:
        """On the worker: the bytes of what the function made, or what it gave back."""
        with tempfile.TemporaryDirectory(prefix="mjvideo-") as folder:
            paths = [_unpacked(parcel, Path(folder, str(number))) for number, parcel in enumerate(parcels)]
            given: Any = paths if self._many else paths[0]
            if not self._result:
                return self._function(given, **self._options)
            made = Path(folder, "made", self._result)
            made.parent.mkdir()
            self._function(given, made, **self._options)
            return made.read_bytes()


def _unpacked(parcel: Parcel, folder: Path) -> Path:
    folder.mkdir()
    path = folder / parcel.name
    path.write_bytes(parcel.data)
    return path


@dataclass(frozen=True)
class Work:
    """What an executor was given to do.

    Args:
        future: of the executor.
        receive: makes the result of what came back.
        size: bytes that were sent along.

    """

    future: Future[Any]
    receive: Callable[[Any], Any]
    size: int = 0

    def result(self) -> Any:
        """What came of it; waits for it. Whoever is interrupted while waiting takes the work back.

        Raises:
            WorkFailed: the executor did not do it.
            Exception: whatever the function raised.

        """
        try:
            value = self.future.result()
        except KeyboardInterrupt:
            self.future.cancel()
            raise
        except Exception as error:
            if _is_of_executor(error):
                raise _not_done(error) from error
            raise
        return self.receive(value)


def check(executor: object) -> None:
    """Make sure that this is an executor, or None.

    Raises:
        InvalidRequest: it is something else; names the field `executor`.

    """
    if executor is None or isinstance(executor, Executor):
        return
    remedy = "give client.get_executor() of it" if hasattr(executor, "get_executor") else "or leave it out for threads"
    raise InvalidRequest(
        f"executor: one of concurrent.futures, or a Dask client's client.get_executor(), not {type(executor).__name__}; "
        f"{remedy}.",
        field="executor",
    )


def is_here(executor: Executor) -> bool:
    """Whether its workers are threads of this process, which see the same files."""
    return isinstance(executor, ThreadPoolExecutor)


def begin(
    executor: Executor,
    function: Callable[..., Any],
    source: Path | Sequence[Path],
    target: Path | None = None,
    **options: Any,
) -> Work:
    """Give an executor some work on files, and return at once.

    Args:
        executor: any of `concurrent.futures`.
        function: one that can be pickled; it takes the source, the target if there is one, and the options.
        source: a file, or a list of files, which are read now.
        target: the file that is made, written here when it is whole; None where what the function gives back is wanted.
        options: for the function.

    Raises:
        WorkFailed: the executor takes no work.
        OSError: a source cannot be read.

    """
    try:
        if is_here(executor):
            into = () if target is None else (target,)
            return Work(executor.submit(function, source, *into, **options), _as_it_is)
        many = not isinstance(source, Path)
        parcels = [Parcel(path.name, path.read_bytes()) for path in ([source] if isinstance(source, Path) else source)]
        errand = Errand(function, result=target.name if target else "", many=many, options=options)
        with _large_tasks(executor):
            future = executor.submit(errand, *parcels)
    except RuntimeError as error:  # it broke before, or was shut down
        raise _not_done(error) from error
    receive = partial(_write, target) if target else _as_it_is
    return Work(future, receive, sum(len(parcel.data) for parcel in parcels))


def run(
    executor: Executor, function: Callable[..., Path], source: Path | Sequence[Path], target: Path, **options: Any
) -> Path:
    """Let an executor make a file, and wait for it; as `begin`.

    Raises:
        InvalidRequest: this is no executor.
        WorkFailed: it did not do the work.
        Exception: whatever the function raised.

    """
    check(executor)
    begin(executor, function, source, target, **options).result()
    return target


def _as_it_is(value: Any) -> Any:
    return value


def _write(target: Path, data: bytes) -> Path:
    with written(target) as part:
        part.write_bytes(data)
    return target


def _is_of_executor(error: Exception) -> bool:
    """Whether it says that the work was not done, and nothing of the work."""
    # A worker without this package, or a function that it cannot be sent, is the executor's matter too.
    lost = isinstance(error, BrokenExecutor | CancelledError | ImportError | pickle.PickleError)
    return lost or type(error).__module__.partition(".")[0] == "distributed"


def _not_done(error: Exception) -> WorkFailed:
    words = f"{type(error).__name__}: {error}".removesuffix(": ").rstrip(".")
    return WorkFailed(f"executor: it did not do the work ({words}). {REMEDY}")


@contextmanager
def _large_tasks(executor: Executor) -> Iterator[None]:
    """Dask warns of tasks with many bytes in them. Here they must be in it: only then can another worker do it anew."""
    if type(executor).__module__.partition(".")[0] != "distributed":
        yield
        return
    import dask

    with _guard, dask.config.set({"distributed.admin.large-graph-warning-threshold": LARGEST_TASK}):
        yield
