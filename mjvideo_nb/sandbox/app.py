"""The routes: HTTP in and out of the service, and the places where it can be told to misbehave."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from mjvideo_nb.sandbox import shapes, submission
from mjvideo_nb.sandbox.answers import Json, envelope, refused, upstream_error
from mjvideo_nb.sandbox.connection import HANG_UP
from mjvideo_nb.sandbox.faults import (
    Answer,
    Clip,
    Drop,
    EmptyPrompt,
    Instead,
    Listed,
    NewId,
    Plan,
    Slow,
    Unknown,
    View,
)
from mjvideo_nb.sandbox.service import GatewayRefusal, Service
from mjvideo_nb.sandbox.switches import Faults, typed_in
from mjvideo_nb.sandbox.tasks import Task

LARGEST_BODY = 40 * 1024 * 1024
HOSTS = ["127.0.0.1", "localhost"]
"""Names that this service answers to: a page in the user's browser cannot reach it under a name of its own."""
GATEWAYS = ("", "/mj-fast", "/mj-relax", "/mj-turbo")
FAULT_HEADER = "x-sandbox-fault"
NONE = Faults()

Work = Callable[[Request], Awaitable[Response]]


class BodyTooLargeError(Exception):
    """The body of a request is larger than the service takes."""


class Routes:
    """What each route does; counts what it is asked."""

    def __init__(self, service: Service, faults: Faults, *, max_list: int | None = None) -> None:
        self.service = service
        self.faults = faults
        self.max_list = max_list
        self.requests: Counter[str] = Counter()
        self.accepted = 0
        self.keys_elsewhere = 0
        self.longest_list = 0
        self.most_running = 0
        self._asked: Counter[tuple[str, str]] = Counter()
        self._own: dict[str, Faults] = {}
        """The faults of single tasks, of those that have any."""

    def table(self) -> list[Route]:
        routes = [
            Route("/sandbox/faults", self.read_faults),
            Route("/sandbox/faults", self.write_faults, methods=["PUT"]),
            Route("/sandbox/stats", self.stats),
            Route("/sandbox/tasks", self.tasks),
            Route("/cdn/video/{id}/0_{index:int}.mp4", self._route("clip", self.clip)),
        ]
        for gateway in GATEWAYS:
            at = f"{gateway}/mj"
            routes += [
                Route(f"{at}/submit/video", self._route("submit", self.submit), methods=["POST"]),
                Route(f"{at}/task/list-by-condition", self._route("list", self.list), methods=["POST"]),
                Route(f"{at}/task/{{id}}/fetch", self._route("fetch", self.fetch)),
                Route(f"{at}/image/{{id}}", self._route("image", self.image)),
                Route(f"{at}/video/{{id}}/0_{{index:int}}.mp4", self._route("clip", self.clip)),
            ]
        return routes

    def _route(self, name: str, work: Work) -> Work:
        """`work` with the faults that any route can have."""

        async def answer(request: Request) -> Response:
            self.requests[name] += 1
            faults = self.faults | self._own.get(request.path_params.get("id", ""), NONE)
            if await _cut_or_slow(request, name, faults):
                return Response()
            if request.method == "POST":
                # A page in the user's browser can post text here without asking, but not JSON.
                if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
                    return envelope(415, "the body must be application/json")
                try:
                    request.state.body = await _body(request)
                except BodyTooLargeError:
                    return envelope(413, "request body too large")
                try:
                    own = self._typed(name, request)
                except ValueError as error:
                    return refused(4, str(error))
                if await _cut_or_slow(request, name, own):
                    return Response()
                faults |= own
            request.state.faults = faults
            instead = faults.take_one(Instead, name)
            if instead:
                fault, value = instead
                return fault.answer(value)
            response = await work(request)
            if faults.take_one(Drop, name, _after):
                await _hang_up(request)
            return response

        return answer

    def _typed(self, route: str, request: Request) -> Faults:
        """The faults that a request's body asks for: a submit for its task, a list with the ids of tasks that have some."""
        try:
            body = request.state.json = json.loads(request.state.body)
        except ValueError:
            body = request.state.json = None
        if not isinstance(body, dict):
            return NONE
        if route == "submit":
            request.state.own = typed_in(str(body.get("prompt")), request.headers.get(FAULT_HEADER, ""))
            return request.state.own  # type: ignore[no-any-return]  # a request's state holds anything
        faults, ids = NONE, body.get("ids")
        for task_id in ids if self._own and isinstance(ids, list) else ():
            faults |= self._own.get(str(task_id), NONE)
        return faults

    async def submit(self, request: Request) -> Response:
        faults: Faults = request.state.faults
        try:
            asked = submission.read(request.state.json)
            if not asked.prompt.strip() and faults.take_one(EmptyPrompt, "submit"):
                return upstream_error("prompt_required ")
            plan = faults.take_one(Plan, "submit")
            prefix = faults.take_one(NewId, "submit")
            task = self.service.submit(
                asked, ending=plan[0].ending if plan else None, id_prefix=prefix[0].prefix if prefix else ""
            )
        except submission.Refusal as no:
            return refused(no.code, no.description, properties=no.properties)
        except GatewayRefusal as no:
            return upstream_error(str(no))
        self.accepted += 1
        self.most_running = max(self.most_running, self.service.running())
        if request.state.own:
            self._own[task.id] = request.state.own
        return _send("submit", shapes.submitted(task), faults)

    async def fetch(self, request: Request) -> Response:
        task = self.service.task(request.path_params["id"])
        if task is None:
            unknown = self.faults.take_one(Unknown, "fetch")
            return unknown[0].answer() if unknown else upstream_error("task_no_found ")
        return _send("fetch", self._shown("fetch", task, request), request.state.faults)

    async def list(self, request: Request) -> Response:
        body = request.state.json
        ids = body.get("ids") if isinstance(body, dict) else None
        if not isinstance(ids, list):
            return upstream_error("ids is required")
        if self.max_list is not None and len(ids) > self.max_list:
            return envelope(413, f"at most {self.max_list} ids, not {len(ids)}")
        self.longest_list = max(self.longest_list, len(ids))
        known = [task for task in map(self.service.task, dict.fromkeys(map(str, ids))) if task is not None]
        # The newest first, as the real list: the order of the question is not promised.
        known.sort(key=lambda task: task.submitted, reverse=True)
        tasks: list[Json] = []
        for task in known:
            shown = [self._shown("list", task, request)]
            for fault, _ in self._own.get(task.id, NONE).take(Listed, "list"):
                shown = fault.change(shown)
            tasks += shown
        for fault, _ in self.faults.take(Listed, "list"):
            tasks = fault.change(tasks)
        return _send("list", tasks, request.state.faults)

    async def image(self, request: Request) -> Response:
        task = self.service.task(request.path_params["id"])
        if task is None or task.size is None:
            return upstream_error("task_no_found ", 404)
        return FileResponse(self.service.poster(task), media_type="image/jpeg")

    async def clip(self, request: Request) -> Response:
        task = self.service.task(request.path_params["id"])
        index: int = request.path_params["index"]
        if task is None or self.service.look(task).status != "SUCCESS" or index >= task.batch:
            return upstream_error("task_no_found ", 404)
        path = self.service.clip(task, index)
        if request.url.hostname == "localhost" and "authorization" in request.headers:
            self.keys_elsewhere += 1
        faults: Faults = request.state.faults
        fault = None if request.url.hostname == "localhost" else faults.take_one(Clip, "clip")
        if fault:
            elsewhere = request.url.replace(hostname="localhost")
            return fault[0].answer(path.read_bytes(), str(elsewhere))
        return FileResponse(path, media_type="video/mp4")

    def _shown(self, route: str, task: Task, request: Request) -> Json:
        now = self.service.look(task)
        body = shapes.shown(task, now, str(request.base_url).rstrip("/"))
        phase = "running" if not now.finished else now.status
        self._asked[task.id, phase] += 1
        faults = self.faults | self._own.get(task.id, NONE)
        for fault, value in faults.take(View, route, lambda view: view.while_ == phase):
            body = fault.change(body, self._asked[task.id, phase], value)
        return body

    async def stats(self, _: Request) -> Response:
        """Requests by route, tasks accepted (each would have been billed) and how many of them ran at once at most, keys where
        they do not belong, most ids in a list.
        """
        return JSONResponse(
            {
                "requests": dict(self.requests),
                "accepted": self.accepted,
                "most_running": self.most_running,
                "keys_elsewhere": self.keys_elsewhere,
                "longest_list": self.longest_list,
            }
        )

    async def tasks(self, _: Request) -> Response:
        """Every task that this process knows, by its id and prompt."""
        return JSONResponse([{"id": task.id, "prompt": task.prompt} for task in self.service.known()])

    async def read_faults(self, _: Request) -> Response:
        return JSONResponse({"faults": self.faults.as_json()})

    async def write_faults(self, request: Request) -> Response:
        try:
            self.faults.set(json.loads(await request.body())["faults"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return await self.read_faults(request)


def create_app(service: Service, faults: Iterable[Json] = (), *, max_list: int | None = None) -> Starlette:
    """The application; it ends the service's work when it is shut down.

    Args:
        service: what it speaks for.
        faults: those that are on from the start.
        max_list: ids that one list may ask for; a longer one is refused with 413.

    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await service.stop()

    routes = Routes(service, Faults(faults), max_list=max_list)
    return Starlette(
        routes=routes.table(), lifespan=lifespan, middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)]
    )


def _before(drop: Drop) -> bool:
    return not drop.accepted


def _after(drop: Drop) -> bool:
    return drop.accepted


async def _body(request: Request) -> bytes:
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > LARGEST_BODY:
            raise BodyTooLargeError
        chunks.append(chunk)
    return b"".join(chunks)


def _send(route: str, body: Any, faults: Faults) -> Response:
    odd = faults.take_one(Answer, route)
    return odd[0].send(body) if odd else JSONResponse(body)


async def _cut_or_slow(request: Request, route: str, faults: Faults) -> bool:
    """What happens before a request is looked at; True when its connection is gone."""
    if faults.take_one(Drop, route, _before):
        await _hang_up(request)
        return True
    for _, seconds in faults.take(Slow, route):
        await asyncio.sleep(seconds)
    return False


async def _hang_up(request: Request) -> None:
    """End the connection without a word."""
    hang_up = request.scope.get("extensions", {}).get(HANG_UP)
    if hang_up is None:
        raise ClientDisconnect
    hang_up()
    while (await request.receive())["type"] != "http.disconnect":
        pass
