"""What the doctor looks at, one small check each: its name, whether it does, and in words what to do where it does not."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import urlsplit

from mjvideo_nb import config, wire
from mjvideo_nb.account import BALANCE_URL, balance
from mjvideo_nb.config import Secret
from mjvideo_nb.errors import (
    AuthenticationError,
    InvalidRequest,
    LibraryError,
    MJVideoError,
    RateLimited,
    ServiceError,
    TaskNotFound,
)
from mjvideo_nb.sandbox.process import missing
from mjvideo_nb.sent import Lost, NotSent
from mjvideo_nb.trouble import Reply, date_of

__all__ = ["NOTE", "OK", "WRONG", "Check", "local_checks", "network_checks"]

OK, NOTE, WRONG = "ok", "note", "wrong"
PATIENCE = 8.0
"""Seconds for one answer."""
CLOCK_TOLERANCE = 60.0
"""Seconds; signed links are read against a clock, and one that is minutes off finds them expired or not yet valid."""
TASK_SIZE = 40_000_000
"""Bytes of four clips and more than that."""
NOBODYS_TASK = "0"
"""An id that no service gives away: asking for it costs nothing and shows whether the key is accepted."""
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@dataclass(frozen=True)
class Check:
    """What one look found.

    Args:
        name: a word or two.
        state: `OK`, `NOTE` (it works, but) or `WRONG`.
        words: what was found and, unless all is well, what to do.

    """

    name: str
    state: str
    words: str

    def __str__(self) -> str:
        return f"{self.name:<12} {'' if self.state == OK else f'{self.state}: '}{self.words}"


def local_checks() -> list[Check]:
    """Everything that needs no network."""
    return [
        _setting("key", _key_source),
        _setting("base URL", _base_url),
        _setting("price", lambda: f"{config.price()} USD a call"),
        packages(),
        proxy(),
        disk(config.library()),
        records(config.library(), os.environ.get("MJVIDEO_DATABASE", "")),
        sandbox(),
        keyring(),
        kernel(installed("ipykernel"), installed("nest-asyncio")),
        widgets(installed("ipywidgets"), installed("anywidget"), installed("jupyterlab-widgets")),
        front_end(installed("jupyterlab"), installed("notebook")),
    ]


def installed(package: str) -> str:
    """The version of a package, or ""."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _setting(name: str, read: Callable[[], str]) -> Check:
    """A setting, or what is wrong with it: one that does not do must not hide the others."""
    try:
        return Check(name, OK, read())
    except InvalidRequest as error:
        return Check(name, WRONG, str(error))


def _key_source() -> str:
    if config.api_key() is None:
        return "none"
    return "from COMETAPI_KEY" if os.environ.get("COMETAPI_KEY") else "from the system's key store"


def _base_url() -> str:
    return config.base_url() + (" (from COMETAPI_BASE_URL)" if os.environ.get("COMETAPI_BASE_URL") else "")


def packages() -> Check:
    """The versions that a report of a fault should name."""
    found = [
        f"{name} {there}"
        for name in ("httpx", "tenacity", "sqlalchemy", "av", "pillow", "fsspec")
        if (there := installed(name))
    ]
    return Check("packages", OK, ", ".join(found))


def proxy() -> Check:
    """Which settings of the environment send requests another way; their values may hold a password."""
    used = [name for name in PROXIES if os.environ.get(name) or os.environ.get(name.lower())]
    return Check("proxy", OK, f"from {', '.join(used)}" if used else "none")


def disk(library: Path) -> Check:
    """Whether clips can be kept."""
    there = library.absolute()
    while not there.exists():
        there = there.parent
    try:
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as error:
        advice = "make it writable, or name another folder with library= or MJVIDEO_LIBRARY."
        return Check("library", WRONG, f"{library} cannot be written ({error.strerror or error}): {advice}")
    words = f"{library}, {free / 1e9:.1f} GB free, room for about {free // TASK_SIZE} tasks"
    if free < TASK_SIZE:
        return Check("library", WRONG, f"{words}: make room, or name another folder with library= or MJVIDEO_LIBRARY.")
    return Check("library", NOTE if free < 25 * TASK_SIZE else OK, words)


def records(folder: Path, address: str = "") -> Check:
    """What the library holds, and whether it can be used; the one at an `address`, where many machines share it."""
    from mjvideo_nb.library import Query, open_library  # it loads SQLAlchemy, which no other command needs
    from mjvideo_nb.library.postgres import has_library

    try:
        database = config.database(address)
        if not (has_library(database) if database else (folder / "library.sqlite").exists()):
            return Check("records", OK, "none yet")
        library = open_library(folder, database)
        total = library.shelf.search(Query(), limit=0)[1]
        uncertain, still_open = len(library.shelf.uncertain()), len(library.shelf.open_jobs())
        spent = library.spent()
        if database:
            library.close()  # else the others would take this for a kernel that has died
    except (LibraryError, InvalidRequest) as error:
        return Check("records", WRONG, str(error))
    where = " in the shared database" if database else ""
    words = f"{total} {'job' if total == 1 else 'jobs'}{where}, {spent:.2f} USD spent; {still_open} not ended"
    if uncertain:
        return Check("records", NOTE, f"{words}; {uncertain} with unknown outcome: settle them in mj.history().")
    return Check("records", OK, words)


def sandbox() -> Check:
    """Whether clips can be made without a key."""
    absent = missing()
    if absent:
        return Check("sandbox", OK, f'lacks {", ".join(absent)}: pip install "mjvideo-nb[sandbox]"')
    return Check("sandbox", OK, "installed")


def keyring() -> Check:
    """Whether the key may come from the system's key store."""
    found = installed("keyring")
    return Check(
        "key store", OK, f"keyring {found}" if found else 'not used; to use it: pip install "mjvideo-nb[keyring]"'
    )


def kernel(ipykernel: str, nest_asyncio: str) -> Check:
    """Whether notebooks of this environment have a kernel that goes well with ours."""
    if not ipykernel:
        return Check("kernel", NOTE, "no ipykernel here; for notebooks: pip install ipykernel")
    if _major(ipykernel) >= 7 and nest_asyncio:
        return Check(
            "kernel",
            NOTE,
            f"ipykernel {ipykernel}, and nest_asyncio {nest_asyncio} beside it: nest_asyncio.apply() with asyncio.run() loses "
            "the cells that wait under Run All. Use nest-asyncio2 instead (pip install nest-asyncio2; import nest_asyncio2).",
        )
    return Check("kernel", OK, f"ipykernel {ipykernel}")


def widgets(ipywidgets: str, anywidget: str, jupyterlab_widgets: str) -> Check:
    """Whether cards can be shown."""
    lacks = [name for name, there in (("ipywidgets", ipywidgets), ("anywidget", anywidget)) if not there]
    if lacks or _major(ipywidgets) < 8:
        return Check("widgets", WRONG, 'cards need ipywidgets 8 and anywidget: pip install "ipywidgets>=8.1" anywidget')
    words = f"ipywidgets {ipywidgets}, anywidget {anywidget}"
    if _major(jupyterlab_widgets) < 3:
        return Check("widgets", NOTE, f"{words}; in JupyterLab cards need: pip install -U jupyterlab-widgets")
    return Check("widgets", OK, words)


def front_end(jupyterlab: str, notebook: str) -> Check:
    """Whether a notebook can be opened from this environment."""
    found = [f"{name} {there}" for name, there in (("JupyterLab", jupyterlab), ("Notebook", notebook)) if there]
    if not found:
        words = "neither JupyterLab nor Notebook here; VS Code or another server will do, or: pip install jupyterlab"
        return Check("front end", NOTE, words)
    if (jupyterlab and _major(jupyterlab) < 4) or (notebook and _major(notebook) < 7):
        return Check(
            "front end", NOTE, f"{', '.join(found)}: cards are made for JupyterLab 4 and Notebook 7; pip install -U"
        )
    return Check("front end", OK, ", ".join(found))


def _major(text: str) -> int:
    head = text.partition(".")[0]
    return int(head) if head.isdigit() else 0


async def network_checks(key: Secret | None, base_url: str, balance_url: str | None) -> list[Check]:
    """Everything that asks the service.

    Args:
        key: the key, or None where there is none; then only the address is tried.
        base_url: the service's address.
        balance_url: where to ask for the balance; None for CometAPI's query service, and only if the key is for CometAPI.

    """
    import asyncio

    service, money = await asyncio.gather(_ask_service(key, base_url), ask_balance(key, base_url, balance_url))
    return [*service, money]


async def _ask_service(key: Secret | None, base_url: str) -> list[Check]:
    from mjvideo_nb.transport import Timeout, Transport

    transport = Transport(base_url, key, timeout=Timeout(PATIENCE, connect=PATIENCE / 2))
    try:
        reply = await transport.get(wire.fetch_path(NOBODYS_TASK))
    except (NotSent, Lost) as error:
        words = f"{base_url} gives no answer ({error}): check the network, the proxy and the base URL."
        return [Check("service", WRONG, words)]
    finally:
        await transport.close()
    return [service(reply, base_url, has_key=key is not None), clock(reply, time.time())]


def service(reply: Reply, base_url: str, *, has_key: bool) -> Check:
    """What the answer to a look at nobody's task says of the address and the key."""
    outcome: MJVideoError | None = None
    try:
        wire.read_task(reply, NOBODYS_TASK, base_url)
    except TaskNotFound:
        outcome = None
    except MJVideoError as error:
        outcome = error
    if isinstance(outcome, AuthenticationError) and not has_key:
        return Check("service", OK, "answers; it wants a key")
    if isinstance(outcome, AuthenticationError):
        return Check("service", WRONG, f"answers, but does not accept the key: {outcome}")
    if isinstance(outcome, RateLimited) or outcome is None or outcome.status == 400:
        return Check("service", OK, "answers" + (" and accepts the key" if has_key else ""))
    passing = isinstance(outcome, ServiceError) and not outcome.lasting
    return Check("service", NOTE if passing else WRONG, f"answers, but: {outcome}")


def clock(reply: Reply, now: float) -> Check:
    """Whether this machine's clock and the service's agree."""
    theirs = date_of(reply.headers.get("date", ""))
    if theirs is None:
        return Check("clock", OK, "not compared: the service does not say the time")
    off = now - theirs.timestamp()
    if abs(off) <= CLOCK_TOLERANCE:
        return Check("clock", OK, "agrees with the service's")
    how = f"{abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} the service's"
    return Check("clock", NOTE, f"{how}: set it, or signed links to clips may seem expired.")


async def ask_balance(key: Secret | None, base_url: str, balance_url: str | None) -> Check:
    """What the account has left; the key goes only to whom it belongs, or to whom the user names."""
    if key is None:
        return Check("balance", OK, "not asked: there is no key")
    at_home = urlsplit(base_url).hostname == urlsplit(config.DEFAULT_BASE_URL).hostname
    if balance_url is None and not at_home:
        return Check("balance", OK, "not asked: this is not CometAPI; where a gateway tells it, name it: --balance URL")
    try:
        left = await balance(key, url=balance_url or BALANCE_URL, timeout=PATIENCE)
    except AuthenticationError as error:
        return Check("balance", WRONG, f"{error} Check the key.")
    except MJVideoError as error:
        return Check("balance", NOTE, f"{error} Try again, or look at the provider's page.")
    price = config.price()
    calls = left / price if isinstance(price, int | float) and price else None
    words = f"{left:.2f} USD" + ("" if calls is None else f", enough for about {max(0, int(calls))} calls")
    if calls is not None and calls < 1:
        return Check("balance", WRONG, f"{words}: top up the account.")
    return Check("balance", NOTE if calls is not None and calls < 5 else OK, words)
