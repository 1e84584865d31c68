"""The client: submit, fetch, wait, download. Plain asyncio, any event loop, no Jupyter.

    async with Client() as client:
        task = await client.submit(VideoRequest(image="tulip.jpg", prompt="petals open"))
        task = await client.wait(task, on_update=print)
        paths = await client.download(task, "clips")

A submit is accepted at most once: it is sent again only where it surely was not accepted (`retries`). Looking at a task
costs nothing and is repeated through trouble.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from . import config, flags
from .account import balance_at
from .errors import (
    AuthenticationError,
    BadClip,
    ClipExpired,
    InvalidRequest,
    MJVideoError,
    SubmissionUncertain,
)
from .exchange import Exchange, checked_id
from .journal import Journal
from .limits import Charge, Limits, Place, Places
from .models import Clip, Task, VideoRequest, is_empty
from .pace import LOCAL, REMOTE
from .retries import OnRetry, Retries, look_again, persist, send_again
from .watch import TASK_DEADLINE, Watcher

if TYPE_CHECKING:
    from .part import Copy
    from .transport import AsyncClient, Timeout

__all__ = ["TASK_DEADLINE", "Client"]

Waits = Callable[[int], object]


@dataclass
class _Running:
    """A task sent from here that has not been seen to end."""

    task: Task
    place: Place
    charge: Charge
    follower: asyncio.Future[None] | None = None


class Client:
    """Speaks to one video service: sends requests, follows tasks, brings clips home. Plain asyncio, without Jupyter.

        async with Client() as client:
            task = await client.wait(await client.submit(VideoRequest("tulip.jpg", prompt="petals open")))
            paths = await client.download(task, "clips")

    Certificates are always verified, and there is no setting that turns it off; proxies are those of the environment.

    Args:
        api_key: the key; by default from `COMETAPI_KEY`, then from the system's key store.
        base_url: the service's address, a path included; by default `COMETAPI_BASE_URL`, then CometAPI's.
        timeout: of one HTTP exchange, in seconds or as an `httpx.Timeout`; by default 120 s, and 15 s to connect.
        headers: further headers for the service. A bare proxy takes its key as `{"mj-api-secret": key}`; then no
            `api_key` is needed.
        http: a ready `httpx.AsyncClient`; it is not closed at the end.

    Attributes:
        retries: how long to go on where it is safe to ask again; set another `Retries` to change it.
        limits: how many tasks may run at once, and what may be spent.

    Raises:
        AuthenticationError: there is no key anywhere; says where one can be given.
        InvalidRequest: the base URL is no URL.

    """

    def __init__(
        self,
        api_key: str | config.Secret | None = None,
        base_url: str | None = None,
        *,
        timeout: float | Timeout | None = None,
        headers: Mapping[str, str] | Mapping[str, config.Secret] | None = None,
        http: AsyncClient | None = None,
    ) -> None:
        self.base_url = config.base_url(base_url)
        key = config.api_key(api_key)
        if key is None and not headers:
            raise AuthenticationError(f"There is no key, so nothing was sent. {config.HOW_TO_GIVE_A_KEY}")
        # Loaded with the first client, not with its name: httpx alone takes longer than all of this package.
        from .download import Downloads
        from .transport import Transport

        self._key = key
        self._transport = Transport(self.base_url, key, timeout=timeout, headers=headers, http=http)
        self.downloads = Downloads(self._transport)
        self._exchange = Exchange(self._transport, self._seen)
        self.retries = Retries()
        # It looks once at a time: it has a back-off of its own, for all its tasks together.
        self.watcher = Watcher(self._exchange, pace=LOCAL if self._transport.is_local else REMOTE)
        self._running: dict[str, _Running] = {}
        self.limits = Limits()

    @property
    def limits(self) -> Limits:
        """How many tasks may run at once (5), and what may be spent (no limit); set it before the first submit."""
        return self._limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self._limits = limits
        self._places = Places(limits.at_once)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections. Tasks at the service go on."""
        for running in self._running.values():
            if running.follower:
                running.follower.cancel()
        await self.watcher.close()
        await self._transport.close()

    def __repr__(self) -> str:
        return f"Client(base_url={self.base_url!r})"

    async def submit(
        self,
        request: VideoRequest,
        *,
        on_wait: Callable[[int], object] | None = None,
        on_retry: Callable[[MJVideoError | None, float], object] | None = None,
    ) -> Task:
        """Send a request when it is its turn and the budget allows it (see `limits`): one call, one price.

        It is sent once. Only where it surely was not accepted (nothing left this machine, the queue is full, too many
        requests, the parent of an extend has only just ended) is it sent again, within the limits of `retries`.

        Args:
            request: what to make; its image is read and checked first.
            on_wait: while it waits its turn, called with its place in the line: 1 is next, 0 when it is its turn.
            on_retry: called with the error and the seconds until the next try, and with None and 0 when that begins.

        Returns:
            The task, accepted and not yet begun.

        Raises:
            InvalidRequest: the image or a flag in the prompt cannot be sent. Nothing was sent.
            BudgetExceeded: it costs more than the budget has left. Nothing was sent.
            Refused, BannedPrompt, QuotaError, QueueFull, RateLimited, AuthenticationError, ServiceError: it was not
                accepted; nothing is charged.
            SubmissionUncertain: it may have been accepted and billed. It is never sent again by itself.

        """
        return await self.send(request, await prepare(request), on_wait=on_wait, on_retry=on_retry)

    async def send(
        self,
        request: VideoRequest,
        image: str,
        *,
        on_wait: Waits | None = None,
        on_retry: OnRetry | None = None,
        journal: Journal | None = None,
    ) -> Task:
        """Send a request whose first frame is ready (see `prepare`). `submit` does both.

        Args:
            request: what to make.
            image: its first frame as the service takes it.
            on_wait: as for `submit`.
            on_retry: as for `submit`.
            journal: told what is about to happen to the request and what has become of it. If it cannot write down
                that a submit is about to leave, none does.

        """
        charge = self.limits.charge(request.short_type)
        if self._places.full:
            self._follow_running()
        try:
            place = await self._places.take(on_wait)
        except BaseException:
            charge.give_back()
            raise
        pausing = False

        def told(error: MJVideoError | None, seconds: float) -> None:
            nonlocal pausing
            pausing = error is not None
            if on_retry is not None:
                on_retry(error, seconds)

        try:
            task = await persist(
                lambda: self._send_once(request, image, journal),
                window=send_again(self.retries, request),
                limits=self.retries,
                on_retry=told,
            )
        except BaseException as error:
            place.give_back()
            sure = isinstance(error, Exception) and not isinstance(error, SubmissionUncertain)
            if sure or pausing:
                charge.give_back()  # else its price stays counted: it may have been billed
            raise
        self._running[task.id] = _Running(task, place, charge)
        if self._places.waiting:
            self._follow_running()
        return task

    async def _send_once(self, request: VideoRequest, image: str, journal: Journal | None) -> Task:
        if journal is None:
            return await self._exchange.submit(request, image)
        await journal.sending()
        try:
            task = await self._exchange.submit(request, image)
        except SubmissionUncertain as error:
            await journal.uncertain(error)
            raise
        except MJVideoError as error:
            await journal.turned_away(error)
            raise
        await journal.accepted(task)
        return task

    def _follow_running(self) -> None:
        """Look at the tasks that hold a place, also those that nobody waits for: somebody waits for their places."""
        for running in self._running.values():
            if running.follower is None:
                running.follower = asyncio.ensure_future(self._follow(running.task))

    async def _follow(self, task: Task) -> None:
        try:
            await self.watcher.wait(task)
        except MJVideoError:
            # However it ended, and also where nobody can tell: nobody waits for this place for ever.
            self._ended(task.id, paid=True)

    def _ended(self, task_id: str, *, paid: bool) -> None:
        """A task that was sent from here is over: its place is free, and a failed one's price is given back."""
        running = self._running.pop(task_id, None)
        if running:
            running.place.give_back()
            if not paid:
                running.charge.give_back()

    def _seen(self, task: Task) -> None:
        if task.ended:
            self._ended(task.id, paid=task.succeeded)

    async def fetch(self, task: Task | str) -> Task:
        """Look at one task; through trouble again, within the limits of `retries`.

        Args:
            task: its id, or the task as it was; then the request it holds is kept.

        Returns:
            The task as it is now.

        Raises:
            TaskNotFound: the service does not know it.
            AuthenticationError, RateLimited, Refused, ServiceError: the look failed; the task goes on.

        """
        return await persist(lambda: self._exchange.fetch(task), window=look_again(self.retries), limits=self.retries)

    async def fetch_many(self, task_ids: Iterable[str]) -> dict[str, Task]:
        """Look at many tasks, by `task_ids`, in one request; through trouble again, within the limits of `retries`.

        Returns:
            The tasks by id. Unknown ids are left out, and a gateway may leave the clips out: fetch a task that ended.

        Raises:
            AuthenticationError, RateLimited, Refused, ServiceError: the look failed; the tasks go on.

        """
        ids = task_ids if isinstance(task_ids, str) else list(task_ids)
        return await persist(
            lambda: self._exchange.fetch_many(ids), window=look_again(self.retries), limits=self.retries
        )

    async def wait(
        self,
        task: Task | str,
        *,
        timeout: float = TASK_DEADLINE,
        on_update: Callable[[Task], object] | None = None,
        on_trouble: Callable[[MJVideoError | None], object] | None = None,
    ) -> Task:
        """Follow a task until it has its clips.

        Args:
            task: the task, or its id.
            timeout: seconds from now; then `TaskTimeout`, and the task goes on.
            on_update: called with the task, first as it is and then at each change. An exception from it ends the
                waiting, not the task.
            on_trouble: called with the error while the service cannot be asked, and with None when it can again.

        Returns:
            The task, succeeded, with its clips.

        Raises:
            TaskFailed: it failed, was cancelled, or waits for an input a video cannot give.
            TaskTimeout: it was still running at the end of `timeout`.
            TaskNotFound, AuthenticationError, Refused: the service will not tell.
            ServiceError: there is no service at the base URL, or the task succeeded and no links to clips came.

        """
        seen = task if isinstance(task, Task) else Task(id=checked_id(task))
        return await self.watcher.wait(seen, timeout=timeout, on_update=on_update, on_trouble=on_trouble)

    async def download(self, task: Task, folder: str | Path) -> list[Path]:
        """Bring all clips of a task to disk.

        Args:
            task: a task with clips.
            folder: each clip goes to `<folder>/<task id>/<index>.mp4`; one that is there already is left as it is.

        Returns:
            The paths, in the order of the variants.

        Raises:
            ClipExpired: the service no longer has a clip, also not under the links of a fresh look.
            BadClip: what came is no whole video, twice.
            ServiceError: the connection failed.
            OSError: the folder cannot be written.

        """
        return [copy.path for copy in await self.bring(task, folder)]

    async def bring(self, task: Task, folder: str | Path) -> list[Copy]:
        """As `download`, of the same `task` to the same `folder`, and says of each clip its size and digest too."""
        if not task.clips:
            raise InvalidRequest(
                f"task: {task.id} has no clips yet; wait for it first: task = await client.wait(task).", field="task"
            )
        results = await self._bring(task.clips, folder)
        stale = [i for i, result in enumerate(results) if isinstance(result, ClipExpired | BadClip)]
        if stale:
            # One look brings fresh links for all of them.
            fresh = await self._fresh_links(task)
            again = await self._bring([fresh.get(task.clips[i].index, task.clips[i]) for i in stale], folder)
            for i, result in zip(stale, again, strict=True):
                results[i] = result
        # Every clip has had its chance before the first failure is reported: one bad link loses no other clip.
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return [result for result in results if not isinstance(result, BaseException)]

    async def balance(self) -> float:
        """What the account at CometAPI has left, in USD: in a program what `mj.balance()` is in a notebook.

        Raises:
            InvalidRequest: the service is another one, which has no such address.
            AuthenticationError: the key is not known there.
            ServiceError: no answer, or none that can be read.

        """
        return await balance_at(self.base_url, self._key)

    async def _bring(self, clips: Iterable[Clip], folder: str | Path) -> list[Copy | BaseException]:
        return await asyncio.gather(*(self.downloads.bring(clip, folder) for clip in clips), return_exceptions=True)

    async def _fresh_links(self, task: Task) -> dict[int, Clip]:
        try:
            return {clip.index: clip for clip in (await self._exchange.fetch(task)).clips}
        except MJVideoError:
            return {}  # then what was wrong with the clip is the error to report


async def prepare(request: VideoRequest) -> str:
    """The request's first frame as the service takes it, read and checked off the event loop.

    Raises:
        InvalidRequest: it, or a flag in the prompt, cannot be sent; names the field.

    """
    flags.check(request.prompt, request.extra)
    if request.action and is_empty(request.image):
        return ""
    from . import frames  # a task picked up by its id needs none

    return (await asyncio.to_thread(frames.load, request.image)).wire
