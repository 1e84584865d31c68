"""The law: whatever works from a plain cell or a script works with `await` too, under the same names and with the same errors.

- What is waited for is awaited under its own name: `job.wait()` and `await job`, `sweep.wait()` and `await sweep`, `mj.balance()` and
  `await client.balance()`. Both give the same value, or raise the same error.
- What is a coroutine runs from a plain cell by `mj.run`: `mj.run(client.submit(request))`.
- All other names return at once or read this machine's disk, and are the same in both: `mj.video`, `mj.open`, `mj.history`, ...
- A limit of time is an argument where one waits (`TaskTimeout`) and asyncio's own where one awaits (`TimeoutError`, of which `TaskTimeout`
  is a kind). In both the job goes on.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import mjvideo_nb as mj
from mjvideo_nb import account
from mjvideo_nb.notebook import session as sessions
from mjvideo_nb.notebook.session import Session
from mjvideo_nb.notebook.sweep import Sweep
from tests.loopback import Server, answer
from tests.patience import PATIENCE

from .conftest import KEY

PACKAGE = Path(mj.__file__).parent
ONE = {"batchSize": 1}
COUNTERPARTS = {
    # What waits for the I/O thread, and what is awaited instead.
    "Job.wait": mj.Job.__await__,
    "Sweep.wait": Sweep.__await__,
    "Session.balance": mj.Client.balance,
}


def asked_of(function: str) -> dict[str, str]:
    """Where in the notebook layer `io.<function>` is called, or the future of `io.start` waited for: names and modules."""
    found = {}
    for module in sorted((PACKAGE / "notebook").glob("*.py")):
        tree = ast.parse(module.read_text(encoding="utf-8"))
        for owner in [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]:
            for method in [node for node in owner.body if isinstance(node, ast.FunctionDef)]:
                if f"io.{function}(" in ast.unparse(method):
                    found[f"{owner.name}.{method.name}"] = module.name
    return found


def test_whatever_waits_has_something_to_await():
    """A new place that waits for the I/O thread belongs into the table above, with its counterpart."""
    assert asked_of("wait").keys() == COUNTERPARTS.keys()


def test_what_can_be_awaited_can_be_waited_for():
    both = {"Job", "Sweep"}
    public = [getattr(mj, name) for name in [*mj.__all__, "open"]]
    classes = {each for each in public if inspect.isclass(each)} | {Sweep}
    awaited = {each.__name__ for each in classes if hasattr(each, "__await__")}
    waited = {each.__name__ for each in classes if hasattr(each, "wait") and not inspect.iscoroutinefunction(each.wait)}
    assert awaited == waited == both


@pytest.mark.parametrize("kind", [mj.Job, Sweep])
def test_both_give_the_same_kind_of_value(kind):
    given = inspect.signature(kind.wait).return_annotation
    assert inspect.signature(kind.__await__).return_annotation == f"Generator[Any, None, {given}]"


def test_no_other_public_word_is_a_coroutine():
    """So that a name never has to be looked up: what is a coroutine is a method of `Client`, and `mj.run` runs it."""
    assert [name for name in mj.__all__ if inspect.iscoroutinefunction(getattr(mj, name))] == []


# Each coroutine of a client, awaited and run


@dataclass
class Tried:
    client: mj.Client
    folder: Path
    photo: Path
    task: mj.Task | None = None

    @property
    def request(self) -> mj.VideoRequest:
        return mj.VideoRequest(image=self.photo, prompt="steam", extra=ONE)


async def sent(tried: Tried) -> Any:
    return await tried.client.send(tried.request, await mj.client.prepare(tried.request))


# In each: what is called, and what is looked at, which must be the same both ways.
WORKS = {
    "submit": (lambda t: t.client.submit(t.request), lambda task: (type(task), task.request.prompt)),
    "send": (sent, lambda task: (type(task), task.request.prompt)),
    "fetch": (lambda t: t.client.fetch(t.task.id), lambda task: (task.id, task.status)),
    "fetch_many": (lambda t: t.client.fetch_many([t.task.id]), lambda tasks: [(k, v.status) for k, v in tasks.items()]),
    "wait": (lambda t: t.client.wait(t.task), lambda task: (task.id, task.clips)),
    "download": (lambda t: t.client.download(t.task, t.folder), lambda paths: paths),
    "bring": (lambda t: t.client.bring(t.task, t.folder), lambda copies: [copy.path for copy in copies]),
    "close": (lambda t: t.client.close(), lambda nothing: nothing),
}
GONE = mj.Task("1999999999999999")
FAILS = {
    "submit": (lambda t: t.client.submit(mj.VideoRequest(image="nowhere.jpg")), mj.InvalidRequest),
    "send": (lambda t: t.client.send(mj.VideoRequest(image="x"), "[broken"), mj.MJVideoError),
    "fetch": (lambda t: t.client.fetch(GONE), mj.TaskNotFound),
    "fetch_many": (lambda t: t.client.fetch_many("17"), mj.InvalidRequest),
    "wait": (lambda t: t.client.wait(GONE), mj.TaskNotFound),
    "download": (lambda t: t.client.download(GONE, t.folder), mj.InvalidRequest),
    "bring": (lambda t: t.client.bring(GONE, t.folder), mj.InvalidRequest),
    "balance": (lambda t: t.client.balance(), mj.InvalidRequest),
}


def in_a_plain_cell(coroutine):
    """While a loop runs, and not from a coroutine that could await."""

    async def cell():
        return mj.run(coroutine)

    return cell()


async def awaited(coroutine):
    return await coroutine


@pytest.fixture
async def tried(sandbox, photo, tmp_path):
    async with mj.Client(KEY, sandbox.url) as client:
        tried = Tried(client, tmp_path / "clips", photo)
        tried.task = await client.wait(await client.submit(tried.request))
        yield tried


def test_every_coroutine_of_a_client_is_tried():
    public = {
        name
        for name, value in vars(mj.Client).items()
        if not name.startswith("_") and inspect.iscoroutinefunction(value)
    }
    assert public == WORKS.keys() | FAILS.keys()


@pytest.mark.parametrize("name", WORKS)
async def test_run_gives_what_await_gives(tried, name):
    call, seen = WORKS[name]
    assert seen(await in_a_plain_cell(call(tried))) == seen(await call(tried))


@pytest.mark.parametrize("name", FAILS)
async def test_run_raises_what_await_raises(tried, name):
    call, kind = FAILS[name]
    raised = []
    for way in (awaited, in_a_plain_cell):
        with pytest.raises(kind) as caught:
            await way(call(tried))
        raised.append((type(caught.value), str(caught.value)))
    assert raised[0] == raised[1]


# Jobs and sweeps, waited for and awaited


@pytest.fixture
def current(session, monkeypatch):
    monkeypatch.setattr(sessions, "_current", session)
    return session


def everywhere(thing):
    """Waited for in a script and in a plain cell, awaited in a cell and by `run`: what each of them gives or raises."""

    async def wait_in_a_cell():
        return thing.wait(PATIENCE)

    ways = [
        lambda: thing.wait(PATIENCE),
        lambda: asyncio.run(wait_in_a_cell()),
        lambda: asyncio.run(awaited(thing)),
        lambda: mj.run(thing),
        lambda: asyncio.run(in_a_plain_cell(thing)),
    ]
    outcomes = []
    for way in ways:
        try:
            outcomes.append(way())
        except mj.MJVideoError as error:
            outcomes.append((type(error), str(error)))
    return outcomes


def test_a_job_gives_the_same_task_in_every_way(current, photo):
    first, *others = everywhere(mj.video(photo, prompt="steam", extra=ONE))
    assert first.succeeded
    assert all(other is first for other in others)


def test_a_job_raises_the_same_error_in_every_way(current, photo, misbehave):
    misbehave("refused-9")
    first, *others = everywhere(mj.video(photo, prompt="steam", extra=ONE))
    assert first[0] is mj.Refused
    assert others == [first] * 4


def test_a_sweep_gives_the_same_tasks_in_every_way(current, photo):
    first, *others = everywhere(mj.sweep(photo, prompt=["one", "two"], extra=ONE).start())
    assert [task.succeeded for task in first] == [True, True]
    assert others == [first] * 4


def test_a_sweep_that_was_not_started_is_the_same_error_in_every_way(current, photo):
    first, *others = everywhere(mj.sweep(photo, prompt=["one", "two"], extra=ONE))
    assert first[0] is mj.InvalidRequest
    assert others == [first] * 4


async def test_a_limit_of_time_leaves_the_job_running_in_both(current, photo, misbehave):
    misbehave({"name": "http-503", "routes": ["fetch", "list"]})
    job = mj.video(photo, prompt="steam", extra=ONE)
    with pytest.raises(mj.TaskTimeout):
        job.wait(0.05)
    with pytest.raises(TimeoutError) as caught:
        await asyncio.wait_for(job, 0.05)
    assert issubclass(mj.TaskTimeout, type(caught.value))
    assert not job.done
    misbehave()
    assert (await job).succeeded


async def test_who_stops_awaiting_stops_nobody_else(current, photo):
    job = mj.video(photo, prompt="steam", extra=ONE)
    impatient, patient = asyncio.create_task(awaited(job)), asyncio.create_task(awaited(job))
    await asyncio.sleep(0)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    assert (await patient).succeeded


# The balance


async def test_the_balance_is_the_same_both_ways(monkeypatch):
    async with Server(lambda _: answer(body={"total_quota": 12.5})) as server:
        monkeypatch.setattr(account, "balance", partial(account.balance, url=server.url))
        async with mj.Client(KEY) as client:
            assert await client.balance() == await asyncio.to_thread(Session(KEY).balance) == 12.5


async def test_no_balance_is_the_same_error_both_ways():
    said = []
    async with mj.Client(KEY, "https://gateway.example") as client:
        for ask in (client.balance, partial(asyncio.to_thread, Session(KEY, "https://gateway.example").balance)):
            with pytest.raises(mj.InvalidRequest, match="ask the provider") as caught:
                await ask()
            said.append(str(caught.value))
    assert said[0] == said[1]
    assert KEY not in said[0]
