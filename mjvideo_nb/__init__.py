"""Make Midjourney videos from inside a Jupyter notebook.

    import mjvideo_nb as mj

    mj.studio()                                            # a form, and a live card for every video made with it
    job = mj.video("tulip.jpg", prompt="petals open", motion="low", video_type="480p")
    job                                                    # shows a live card; the cell has long returned
    task = await job                                       # or, in a plain cell or a script: job.wait()
    job.extend(2, motion="high")                           # goes on from clip [2]; another job comes back
    mj.history()                                           # everything made in this folder
    mj.open("1773314942177684")                            # one job by its id, also in a new kernel

Outside a notebook, the same words without any of Jupyter:

    async with mj.Client() as client:
        task = await client.submit(mj.VideoRequest(image="tulip.jpg", prompt="petals open"))
        task = await client.wait(task)
        paths = await client.download(task, "clips")

Without a key, the notebook uses an embedded sandbox that renders real clips on this machine, and says so.
"""

TYPE_CHECKING = (
    False  # type checkers take it for true, as they do typing's, which takes longer to load than all of this
)
if TYPE_CHECKING:
    from .client import Client as Client
    from .errors import AuthenticationError as AuthenticationError
    from .errors import BadClip as BadClip
    from .errors import BannedPrompt as BannedPrompt
    from .errors import BudgetExceeded as BudgetExceeded
    from .errors import ClipExpired as ClipExpired
    from .errors import InvalidRequest as InvalidRequest
    from .errors import LibraryError as LibraryError
    from .errors import MJVideoError as MJVideoError
    from .errors import QueueFull as QueueFull
    from .errors import QuotaError as QuotaError
    from .errors import RateLimited as RateLimited
    from .errors import Refused as Refused
    from .errors import SandboxUnavailable as SandboxUnavailable
    from .errors import ServiceError as ServiceError
    from .errors import StorageError as StorageError
    from .errors import SubmissionUncertain as SubmissionUncertain
    from .errors import TaskFailed as TaskFailed
    from .errors import TaskNotFound as TaskNotFound
    from .errors import TaskTimeout as TaskTimeout
    from .errors import WorkFailed as WorkFailed
    from .library import Library as Library
    from .library import Query as Query
    from .library import Spending as Spending
    from .media import contact_sheet as contact_sheet
    from .media import preview as preview
    from .media import reel as reel
    from .models import Clip as Clip
    from .models import Motion as Motion
    from .models import Status as Status
    from .models import Task as Task
    from .models import VideoRequest as VideoRequest
    from .notebook.api import balance as balance
    from .notebook.api import compare as compare
    from .notebook.api import connect as connect
    from .notebook.api import each as each
    from .notebook.api import export as export
    from .notebook.api import history as history
    from .notebook.api import open as open  # noqa: A004 - read as mj.open(...)
    from .notebook.api import rank as rank
    from .notebook.api import spending as spending
    from .notebook.api import studio as studio
    from .notebook.api import sweep as sweep
    from .notebook.api import video as video
    from .notebook.job import Job as Job
    from .retries import Retries as Retries
    from .running import run as run

# Where each public name lives. A module is loaded when one of its names is first used, so that `import mjvideo_nb`
# costs next to nothing and a script never loads Jupyter.
_HOMES = {
    ".client": ("Client",),
    ".errors": (
        "AuthenticationError",
        "BadClip",
        "BannedPrompt",
        "BudgetExceeded",
        "ClipExpired",
        "InvalidRequest",
        "LibraryError",
        "MJVideoError",
        "QueueFull",
        "QuotaError",
        "RateLimited",
        "Refused",
        "SandboxUnavailable",
        "ServiceError",
        "StorageError",
        "SubmissionUncertain",
        "TaskFailed",
        "TaskNotFound",
        "TaskTimeout",
        "WorkFailed",
    ),
    ".library": ("Library", "Query", "Spending"),
    ".media": ("contact_sheet", "preview", "reel"),
    ".models": ("Clip", "Motion", "Status", "Task", "VideoRequest"),
    ".retries": ("Retries",),
    ".running": ("run",),
    ".notebook.api": (
        "balance",
        "compare",
        "connect",
        "each",
        "export",
        "history",
        "open",
        "rank",
        "spending",
        "studio",
        "sweep",
        "video",
    ),
    ".notebook.job": ("Job",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

# `open` is left out: a `from mjvideo_nb import *` must not take the place of Python's own.
__all__ = sorted(_HOME.keys() - {"open"})  # noqa: PLE0605 - one list of names, above
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOME[name], __name__), name)
    globals()[name] = value
    return value


def load_ipython_extension(ipython: object) -> None:
    """What `%load_ext mjvideo_nb` does: the magics `%%mjvideo` and `%mjvideo`, and what Tab offers behind them."""
    from .notebook.magic import register

    register(ipython)  # type: ignore[arg-type]  # to name its type here would load IPython


def unload_ipython_extension(ipython: object) -> None:
    """What `%unload_ext mjvideo_nb` does."""
    from .notebook.magic import unregister

    unregister(ipython)  # type: ignore[arg-type]


def __dir__() -> list[str]:
    return [*_HOME, "__version__"]
