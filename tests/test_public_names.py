"""The public surface, and what using it loads."""

import pkgutil
import subprocess
import sys

import pytest

import mjvideo_nb as mj
from tests.failures import each

PUBLIC = [
    "AuthenticationError",
    "BadClip",
    "BannedPrompt",
    "BudgetExceeded",
    "Client",
    "Clip",
    "ClipExpired",
    "InvalidRequest",
    "Job",
    "Library",
    "LibraryError",
    "MJVideoError",
    "Motion",
    "Query",
    "QueueFull",
    "QuotaError",
    "RateLimited",
    "Refused",
    "Retries",
    "SandboxUnavailable",
    "ServiceError",
    "Spending",
    "Status",
    "StorageError",
    "SubmissionUncertain",
    "Task",
    "TaskFailed",
    "TaskNotFound",
    "TaskTimeout",
    "VideoRequest",
    "WorkFailed",
    "balance",
    "compare",
    "connect",
    "contact_sheet",
    "each",
    "export",
    "history",
    "preview",
    "rank",
    "reel",
    "run",
    "spending",
    "studio",
    "sweep",
    "video",
]


def test_the_public_names_are_these():
    assert mj.__all__ == PUBLIC
    assert {*PUBLIC, "open"} <= set(dir(mj))  # a star import must not hide Python's own open


@each([*PUBLIC, "open"])
def test_each_public_name_can_be_used_and_says_what_it_is(name):
    if not hasattr(mj, name):
        yield "mj has no such name; give it one, or take it out of the list"
    elif not getattr(mj, name).__doc__:
        yield "it has no docstring; say in one what it is for"


def test_no_module_takes_the_place_of_a_public_name():
    """To import `mjvideo_nb.video` would set `mj.video` to that module, for whoever names it later."""
    modules = {module.name for module in pkgutil.iter_modules(mj.__path__)}
    assert modules & {*PUBLIC, "open"} == set()


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="vidio"):
        mj.vidio  # noqa: B018


def loaded_by(code):
    """Which of the heavy libraries a fresh interpreter has loaded after this code."""
    check = (
        "import sys; print([m for m in ('IPython','ipywidgets','anywidget','httpx','PIL','av') if m in sys.modules])"
    )
    return subprocess.run([sys.executable, "-c", f"{code}\n{check}"], capture_output=True, text=True, check=True).stdout


def test_importing_the_package_loads_nothing_heavy():
    assert loaded_by("import mjvideo_nb").strip() == "[]"


def test_importing_the_package_loads_nothing_but_itself():
    """Not even what annotations are written with: it would cost more than the package."""
    shown = "import sys; print(*sys.modules)"
    code = (shown, f"import mjvideo_nb; {shown}")
    runs = [subprocess.run([sys.executable, "-c", each], capture_output=True, text=True, check=True) for each in code]
    before, after = (set(run.stdout.split()) for run in runs)
    assert after - before == {"mjvideo_nb"}


def test_the_models_need_no_http():
    assert loaded_by("import mjvideo_nb as mj; mj.VideoRequest(image='a.jpg')").strip() == "[]"


def test_the_client_is_named_before_http_is_loaded():
    """To catch its errors or read its help costs nothing of that; the first `Client()` loads it."""
    assert loaded_by("import mjvideo_nb as mj; mj.Client").strip() == "[]"


def test_the_client_loads_no_jupyter():
    assert loaded_by("import mjvideo_nb as mj; mj.Client('key')").strip() == "['httpx']"
