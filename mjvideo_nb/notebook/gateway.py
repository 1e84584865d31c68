"""A session's way to its service: the client, the sandbox where that is the service, turns, and following.

On an account of one's own the client counts places and follows tasks by itself. On one that many kernels share, the line in
the database counts them, and one kernel follows for all.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from mjvideo_nb.client import Client
from mjvideo_nb.errors import MJVideoError, SandboxUnavailable
from mjvideo_nb.journal import Journal
from mjvideo_nb.limits import Limits
from mjvideo_nb.models import Task, VideoRequest
from mjvideo_nb.sandbox.process import SandboxError, SandboxProcess

if TYPE_CHECKING:
    from mjvideo_nb.library.shared import SharedAccount

    from .polling import Polling
    from .session import Session
    from .turns import Turns

__all__ = ["Gateway"]

SANDBOX_KEY = "sandbox"


class Gateway:
    """The way to the service of one session. Its coroutines run on the I/O thread.

    Args:
        session: whose.
        faults: in the sandbox, what shall go wrong.

    Attributes:
        line: held while a request is made ready, so that all come to the client in their order.

    """

    def __init__(self, session: Session, faults: tuple[str, ...]) -> None:
        self._session = session
        self._faults = faults
        self._client: Client | None = None
        self._process: SandboxProcess | None = None
        self._opening = asyncio.Lock()
        self._turns: Turns | None = None
        self._polling: Polling | None = None
        self.line = asyncio.Lock()

    async def client(self) -> Client:
        """The client; starts the sandbox where it is the service.

        Raises:
            SandboxUnavailable: the sandbox cannot start; says why.
            AuthenticationError: there is no key.

        """
        self._session.check()
        async with self._opening:
            if self._process and not self._process.alive:
                await self._close()
            if self._client is None:
                self._client = await self._open_sandbox() if self._session.sandbox else self._session.open_client()
                self._client.limits = Limits(at_once=sys.maxsize if self._shared else self._session.limits.at_once)
            return self._client

    async def send(
        self,
        job: str,
        request: VideoRequest,
        image: str,
        *,
        on_wait: Callable[[int], object],
        on_retry: Callable[[MJVideoError | None, float], object],
        journal: Journal,
    ) -> Task:
        """Send a request when it is its turn; as `Client.send` has it.

        Args:
            job: the id of its entry.
            request: as there.
            image: as there.
            on_wait: as there.
            on_retry: as there.
            journal: as there.

        """
        client = await self.client()
        if self._shared:
            await self._turns_of(self._shared).take(job, on_wait)
        return await client.send(request, image, on_wait=on_wait, on_retry=on_retry, journal=journal)

    async def follow(
        self,
        job: str,
        task: Task,
        *,
        on_update: Callable[[Task], object],
        on_trouble: Callable[[MJVideoError | None], object],
    ) -> Task:
        """The task of a job, succeeded, with its clips; as `Client.wait` has it.

        Args:
            job: the id of its entry.
            task: as there.
            on_update: as there.
            on_trouble: as there.

        """
        if self._shared:
            polling = self._polling_of(self._shared)
            return await polling.wait(job, task, on_update=on_update, on_trouble=on_trouble)
        client = await self.client()
        return await client.wait(task, on_update=on_update, on_trouble=on_trouble)

    async def take_part(self) -> None:
        """On a shared account: hear the others, and follow for all when it is this kernel's part."""
        if self._shared:
            self._turns_of(self._shared)
            self._polling_of(self._shared)
            self._shared.switchboard.start()

    @property
    def _shared(self) -> SharedAccount | None:
        """The account that others share; not the sandbox, of which each kernel has its own."""
        return None if self._session.sandbox else self._session.library.account

    def _turns_of(self, shared: SharedAccount) -> Turns:
        from .turns import Turns  # these load SQLAlchemy, which no import of a session needs

        if self._turns is None:
            session = self._session
            self._turns = Turns(
                shared.line, shared.switchboard, session.account, session.limits.at_once, session.writer
            )
        return self._turns

    def _polling_of(self, shared: SharedAccount) -> Polling:
        from .polling import Polling

        if self._polling is None:
            self._polling = Polling(self, shared, self._session.account)
        return self._polling

    async def settle(self) -> None:
        """Settle what kernels that have ended left behind, and go on with what is this one's now."""
        await asyncio.to_thread(self._session.jobs.pick_up)

    async def _open_sandbox(self) -> Client:
        try:
            process = await asyncio.to_thread(SandboxProcess.start, faults=self._faults)
        except SandboxError as error:
            raise SandboxUnavailable(f"{error} Nothing was sent.") from error
        self._process = process
        return Client(SANDBOX_KEY, process.url)

    async def _close(self) -> None:
        client, self._client = self._client, None
        if client:
            await client.close()
        self.stop()

    async def close(self) -> None:
        """Close the connections and end the sandbox, if this session started one."""
        if self._turns:
            self._turns.close()
        if self._polling:
            self._polling.close()
        await self._close()

    def stop(self) -> None:
        """End the sandbox, if this session started one."""
        process, self._process = self._process, None
        if process:
            process.stop()
