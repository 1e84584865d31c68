"""Following tasks: few requests, nothing lost, nobody left waiting, whatever the service does."""

import asyncio
import gc
import time
import weakref
from collections import Counter

import pytest

from mjvideo_nb import (
    AuthenticationError,
    Clip,
    RateLimited,
    Refused,
    ServiceError,
    Task,
    TaskFailed,
    TaskNotFound,
    TaskTimeout,
    VideoRequest,
    errors,
    look,
    watch,
)
from mjvideo_nb.pace import Pace
from mjvideo_nb.watch import Watcher
from tests.clock import counting_waiting_only
from tests.patience import PATIENCE

QUICK = Pace(0.01, 0.02, 0.001, 0.002)
TOGETHER = Pace(0.2, 0.2, 0.001, 0.002)
"""Slow enough that all tasks of a test share their looks, on a busy machine too."""
SLOW = Pace(60, 60, 0.001, 0.002)
REQUEST = VideoRequest(image="https://x.example/a.jpg")


@pytest.fixture(autouse=True)
async def _clock():
    with counting_waiting_only(asyncio.get_running_loop(), "mjvideo_nb.look"):
        yield


def at(task_id, status, progress=None, *, clips=False, **more):
    links = tuple(
        Clip(task_id, index, f"https://x.example/{task_id}/{index}.mp4") for index in range(4 if clips else 0)
    )
    return Task(id=task_id, status=status, progress=progress, clips=links, **more)


def done(task_id):
    return at(task_id, "SUCCESS", 100, clips=True)


def sent(task_id):
    return Task(id=task_id, request=REQUEST)


class Service:
    """Tells of each task what its script says, one line a look and the last for good; counts what it is asked."""

    def __init__(self, **scripts):
        self.scripts = {task_id.removeprefix("t"): list(script) for task_id, script in scripts.items()}
        self.lists = []
        self.fetched = []
        self.now = self.most_at_once = 0
        self.listed = lambda tasks: tasks
        self.list_fails = lambda _: None
        self.fetch_fails = lambda _: None
        self._asked = asyncio.Event()

    @property
    def requests(self):
        return len(self.lists) + len(self.fetched)

    async def until(self, condition):
        """Wait until what was asked meets a condition."""
        while not condition():
            self._asked.clear()
            await self._asked.wait()

    def look(self, task_id):
        script = self.scripts[task_id]
        return script.pop(0) if len(script) > 1 else script[0]

    async def fetch(self, task):
        task_id = task if isinstance(task, str) else task.id
        self.fetched.append(task_id)
        self._asked.set()
        self.now += 1
        self.most_at_once = max(self.most_at_once, self.now)
        try:
            await asyncio.sleep(0)
            failure = self.fetch_fails(task_id)
            if failure:
                raise failure
            if task_id not in self.scripts:
                raise TaskNotFound("unknown", task_id=task_id)
            return self.look(task_id)
        finally:
            self.now -= 1

    async def fetch_many(self, task_ids):
        ids = list(task_ids)
        self.lists.append(ids)
        self._asked.set()
        await asyncio.sleep(0)
        failure = self.list_fails(ids)
        if failure:
            raise failure
        return {task.id: task for task in self.listed([self.look(one) for one in ids if one in self.scripts])}


def service_of(count, *script):
    return Service(**{f"t{n}": [line(str(n)) for line in script] for n in range(count)})


def running(task_id):
    return at(task_id, "IN_PROGRESS", 50)


@pytest.fixture
async def follow():
    """A watcher of a service."""
    watchers = []

    def make(service, pace=QUICK, **options):
        watchers.append(Watcher(service, pace=pace, **options))
        return watchers[-1]

    yield make
    for watcher in watchers:
        await watcher.close()


async def outcomes(watcher, tasks, **options):
    return await asyncio.gather(*(watcher.wait(task, **options) for task in tasks), return_exceptions=True)


# Few requests


async def test_a_thousand_tasks_share_requests_of_two_hundred(follow):
    service = service_of(1000, running, running, done)
    found = await outcomes(follow(service, TOGETHER), map(sent, service.scripts))
    assert {task.id for task in found} == set(service.scripts)
    assert all(len(task.clips) == 4 and task.request is REQUEST for task in found)
    assert service.fetched == []
    assert max(map(len, service.lists)) == 200
    assert len(service.lists) == 15


async def test_a_task_alone_is_fetched(follow):
    service = service_of(1, running, done)
    await follow(service).wait(sent("0"))
    assert (service.lists, service.fetched) == ([], ["0", "0"])


async def test_only_what_ended_without_clips_is_fetched_by_itself(follow):
    service = Service(
        t1=[running("1"), at("1", "SUCCESS", 100), done("1")],
        t2=[running("2"), done("2")],
        t3=[running("3"), at("3", "FAILURE")],
    )
    seen = []
    found = await outcomes(follow(service, TOGETHER), map(sent, "123"), on_update=seen.append)
    assert [type(one) for one in found] == [Task, Task, TaskFailed]
    assert service.fetched == ["1"]
    # What the list held too little of is not told before the fetch completes it.
    assert [(task.status, len(task.clips)) for task in seen if task.id == "1"] == [
        ("", 0),
        ("IN_PROGRESS", 0),
        ("SUCCESS", 4),
    ]


@pytest.mark.parametrize("status", [404, 405, 200, 501, 403, 301])
async def test_without_a_bulk_route_tasks_are_fetched_four_at_a_time(follow, status):
    service = service_of(50, running, done)
    service.list_fails = lambda _: (Refused if status == 403 else ServiceError)("no list here", status=status)
    found = await outcomes(follow(service, TOGETHER), map(sent, service.scripts))
    assert all(len(task.clips) == 4 for task in found)
    assert len(service.lists) == 1
    assert Counter(Counter(service.fetched).values()) == {2: 50}
    assert service.most_at_once == look.SINGLES_AT_ONCE


async def test_a_bulk_route_that_fails_while_fetches_work_is_left_alone(follow):
    service = service_of(3, running, done)
    service.list_fails = lambda _: ServiceError("down", status=500)
    told = []
    found = await outcomes(follow(service, TOGETHER), map(sent, service.scripts), on_trouble=told.append)
    assert all(task.clips for task in found)
    assert len(service.lists) == 2  # the first failure may have been the service's
    assert [error and error.status for error in told] == [500] * 3 + [None] * 3


async def test_a_missing_bulk_route_is_tried_again_after_a_while(follow, monkeypatch):
    monkeypatch.setattr(look, "BULK_REST", 0.05)
    service = service_of(2, running)
    service.list_fails = lambda _: ServiceError("missing", status=404) if len(service.lists) == 1 else None
    waiting = asyncio.create_task(outcomes(follow(service), map(sent, "01")))
    await service.until(lambda: len(service.lists) == 2)
    fetched = len(service.fetched)
    await service.until(lambda: len(service.lists) == 5)
    assert len(service.fetched) == fetched
    waiting.cancel()


async def test_a_service_that_is_down_does_not_cost_the_bulk_route(follow):
    service = service_of(3, running, done)
    down = ServiceError("maintenance", status=200)
    service.list_fails = lambda _: down if len(service.lists) == 1 else None
    service.fetch_fails = lambda _: down
    found = await outcomes(follow(service, TOGETHER), map(sent, service.scripts))
    assert all(task.clips for task in found)
    assert len(service.lists) > 1
    assert len(service.fetched) <= look.SINGLES_AT_ONCE


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_a_service_that_takes_fewer_ids_gets_fewer(follow, status):
    service = service_of(200, running, running, done)
    service.list_fails = lambda ids: ServiceError("too many", status=status) if len(ids) > 60 else None
    found = await outcomes(follow(service, TOGETHER), map(sent, service.scripts))
    assert all(task.clips for task in found)
    assert service.fetched == []
    assert [len(ids) for ids in service.lists[:4]] == [200, 100, 50, 50]
    assert {len(ids) for ids in service.lists[2:]} == {50}


async def test_a_route_that_refuses_any_number_of_ids_is_none(follow):
    service = service_of(30, running, done)
    service.list_fails = lambda _: ServiceError("no", status=400)
    found = await outcomes(follow(service, TOGETHER), map(sent, service.scripts))
    assert all(task.clips for task in found)
    assert [len(ids) for ids in service.lists] == [30, 15, 10]


async def test_a_list_that_leaves_out_what_exists_is_not_believed(follow):
    service = service_of(20, running, running, done)
    service.listed = lambda tasks: tasks[::2]
    found = await outcomes(follow(service, TOGETHER), map(Task, service.scripts))
    assert all(task.clips for task in found)
    assert len(service.lists) == 1


async def test_a_list_that_calls_ended_tasks_running_is_not_believed(follow, monkeypatch):
    monkeypatch.setattr(watch, "DOUBT_EVERY", 0.0)
    service = service_of(20, done)
    service.listed = lambda tasks: [running(task.id) for task in tasks]
    watcher = follow(service)
    watcher._durations.typical = 0.01
    found = await outcomes(watcher, map(sent, service.scripts), timeout=PATIENCE)
    assert all(task.clips for task in found)
    lists = len(service.lists)
    await outcomes(watcher, map(sent, service.scripts), timeout=PATIENCE)
    assert len(service.lists) == lists
    assert len(service.fetched) == 20 + 20


async def test_a_list_that_says_the_same_as_a_fetch_is_believed(follow, monkeypatch):
    monkeypatch.setattr(watch, "DOUBT_EVERY", 0.0)
    service = service_of(20, running)
    watcher = follow(service)
    watcher._durations.typical = 0.01
    waiting = asyncio.create_task(outcomes(watcher, map(sent, service.scripts)))
    await service.until(lambda: len(service.lists) == 8)
    assert 1 <= len(service.fetched) <= 8  # one doubt a look, however many are late
    assert len(set(service.fetched)) == len(service.fetched)  # a different one each time
    waiting.cancel()


async def test_what_the_list_does_not_know_yet_is_waited_for(follow):
    service = Service(t1=[running("1"), running("1"), done("1")], t2=[running("2"), done("2")])
    hidden = {"1"}
    service.listed = lambda tasks: [task for task in tasks if task.id not in hidden or len(service.lists) > 1]
    found = await outcomes(follow(service, TOGETHER), map(sent, "12"))
    assert [task.status for task in found] == ["SUCCESS"] * 2
    assert (len(service.lists), service.fetched) == (2, ["1"])


async def test_ten_thousand_tasks_lose_nothing(follow):
    service = service_of(10_000, running, done)
    begun = time.process_time()
    watcher = follow(service, TOGETHER)
    found = await outcomes(watcher, map(sent, service.scripts))
    assert [task.id for task in found] == list(service.scripts)
    assert max(map(len, service.lists)) <= 200
    assert len(service.lists) <= 110  # 100, and what fell between two looks
    assert time.process_time() - begun < 10
    assert watcher._watched == {}


# What is told


async def test_each_change_is_told_once_and_in_order_to_each(follow):
    script = [
        at("1", ""),
        at("1", "SUBMITTED", 0),
        at("1", "IN_PROGRESS", 30),
        at("1", "IN_PROGRESS", 30),
        at("1", "SUBMITTED", 0),  # it can step back
        at("1", "DREAMING", 60),
        at("1", "SUCCESS", 100),
        at("1", "SUCCESS", 100),
        done("1"),
    ]
    watcher = follow(Service(t1=script))
    first, second = [], []
    await asyncio.gather(
        watcher.wait(sent("1"), on_update=first.append), watcher.wait(sent("1"), on_update=second.append)
    )
    assert [(task.status, task.progress, len(task.clips)) for task in first] == [
        ("", None, 0),
        ("SUBMITTED", 0, 0),
        ("IN_PROGRESS", 30, 0),
        ("SUBMITTED", 0, 0),
        ("DREAMING", 60, 0),
        ("SUCCESS", 100, 0),
        ("SUCCESS", 100, 4),
    ]
    assert second == first


async def test_who_comes_later_is_told_what_the_others_know(follow):
    service = Service(t1=[running("1")])
    watcher = follow(service)
    first = asyncio.create_task(watcher.wait(sent("1")))
    await service.until(lambda: len(service.fetched) == 2)
    seen = []
    second = asyncio.create_task(watcher.wait(Task(id="1"), on_update=seen.append))
    await service.until(lambda: len(service.fetched) == 4)
    assert [(task.status, task.request) for task in seen] == [("", None), ("IN_PROGRESS", REQUEST)]
    first.cancel()
    service.scripts["1"] = [done("1")]
    assert (await second).clips
    assert seen[-1].status == "SUCCESS"


async def test_a_task_that_has_its_clips_costs_no_request(follow):
    service = Service()
    seen = []
    assert await follow(service).wait(done("1"), on_update=seen.append) == done("1")
    assert (len(seen), service.requests) == (1, 0)


async def test_a_task_can_be_waited_for_again(follow):
    service = Service(t1=[running("1"), done("1")])
    watcher = follow(service)
    assert await watcher.wait(sent("1")) == await watcher.wait(sent("1"))


async def test_a_mistake_of_one_listener_ends_its_own_waiting_only(follow):
    service = Service(t1=[running("1"), at("1", "IN_PROGRESS", 60), done("1")], t2=[running("2"), done("2")])

    def listen(task):
        if task.status == "IN_PROGRESS":
            raise TimeoutError("mine")

    def stop(task):
        if task.status == "IN_PROGRESS":
            raise StopIteration

    watcher = follow(service)
    found = await asyncio.gather(
        watcher.wait(sent("1"), on_update=listen),
        watcher.wait(sent("1"), on_update=stop),
        watcher.wait(sent("1")),
        watcher.wait(sent("2")),
        return_exceptions=True,
    )
    assert (type(found[0]), str(found[0])) == (TimeoutError, "mine")
    assert type(found[1]) is RuntimeError
    assert [task.status for task in found[2:]] == ["SUCCESS"] * 2


async def test_a_listener_that_ends_its_own_waiting_and_then_fails_harms_nobody(follow):
    service = Service(t1=[running("1"), done("1")])
    watcher = follow(service)

    def listen(task):
        if task.status == "IN_PROGRESS":
            quitter.cancel()
            raise ValueError

    quitter = asyncio.create_task(watcher.wait(sent("1"), on_update=listen))
    assert (await watcher.wait(sent("1"))).clips
    with pytest.raises((asyncio.CancelledError, ValueError)):
        await quitter


# How it ends


async def test_modal_is_an_end(follow):
    with pytest.raises(TaskFailed, match="input") as caught:
        await follow(Service(t1=[at("1", "MODAL", 0)])).wait(sent("1"))
    assert caught.value.code == "MODAL"


async def test_an_error_is_nobody_elses(follow):
    """One exception raised in several places would mix up their tracebacks."""
    watcher = follow(Service(t1=[at("1", "FAILURE", fail_reason="[Image denied] x")]))
    first, second = await outcomes(watcher, [sent("1"), sent("1")])
    assert first is not second
    assert (str(first), vars(first)) == (str(second), vars(second))


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_can_be_handed_to_several(name):
    kind = getattr(errors, name)
    error = kind("what happened")
    error.task_id = "17"
    one, other = [], []
    for found in (one, other):
        waiter = watch._Waiter(asyncio.Future(loop=asyncio.new_event_loop()), None, None, ("", None, ()))
        watched = watch._Watched("1", None, "", False, 0, 0, 0, waiters=[waiter])
        watched.conclude(error)
        found.append(waiter.future.result())
        waiter.future.get_loop().close()
    assert one[0] is not other[0]
    assert (type(one[0]), str(one[0]), one[0].task_id) == (kind, "what happened", "17")


async def test_unknown_ids_are_told_apart_from_known_ones(follow):
    service = Service(t1=[running("1"), done("1")], t3=[running("3"), done("3")])
    found = await outcomes(follow(service, TOGETHER), map(Task, "123"))
    assert [type(one) for one in found] == [Task, TaskNotFound, Task]
    assert found[1].task_id == "2"
    assert service.fetched.count("2") == 1


async def test_a_task_just_sent_may_be_unknown_for_a_while(follow, monkeypatch):
    service = Service()
    watcher = follow(service)
    waiting = asyncio.create_task(watcher.wait(sent("1")))
    await service.until(lambda: len(service.fetched) == 3)
    assert not waiting.done()
    monkeypatch.setattr(watch, "NEWBORN", 0.0)
    with pytest.raises(TaskNotFound):
        await waiting


async def test_links_that_never_come_are_told_in_the_end(follow, monkeypatch):
    monkeypatch.setattr(watch, "LINKS_DEADLINE", 0.05)
    service = service_of(2, lambda task_id: at(task_id, "SUCCESS", 100))
    found = await outcomes(follow(service), map(sent, service.scripts))
    assert all(isinstance(one, ServiceError) and "no links" in str(one) for one in found)


async def test_time_without_an_answer_is_no_time_without_links(follow, monkeypatch):
    """The links get their time from a service that answers: trouble does not use it up."""
    monkeypatch.setattr(watch, "LINKS_DEADLINE", 0.05)
    service = service_of(2, lambda task_id: at(task_id, "SUCCESS", 100))
    service.fetch_fails = lambda _: ServiceError("down", status=503)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    waiting = asyncio.create_task(outcomes(follow(service), map(sent, service.scripts)))
    await service.until(lambda: loop.time() - begun > 0.1)
    assert not waiting.done()
    service.fetch_fails = lambda _: None
    service.scripts = {task_id: [done(task_id)] for task_id in "01"}
    assert all(task.clips for task in await waiting)


async def test_the_deadline_leaves_the_task_to_be_picked_up(follow):
    service = Service(t0773=[running("0773")])
    watcher = follow(service)
    with pytest.raises(TaskTimeout, match=r"0773.*0\.05 s.*IN_PROGRESS.*goes on.*pick it up") as caught:
        await watcher.wait(sent("0773"), timeout=0.05)
    assert caught.value.task_id == "0773"
    service.scripts["0773"] = [done("0773")]
    assert (await watcher.wait(Task(id="0773"))).clips


async def test_each_waiter_has_its_own_deadline(follow):
    service = Service(t1=[running("1")])
    watcher = follow(service)
    long = asyncio.create_task(watcher.wait(sent("1")))
    with pytest.raises(TaskTimeout):
        await watcher.wait(sent("1"), timeout=0.02)
    service.scripts["1"] = [done("1")]
    assert (await long).clips


async def test_a_deadline_is_kept_while_a_request_hangs(follow):
    service = Service(t1=[running("1")])
    service.fetch = lambda _: asyncio.get_running_loop().create_future()
    watcher = follow(service)
    with pytest.raises(TaskTimeout):
        await asyncio.wait_for(watcher.wait(sent("1"), timeout=0.05), PATIENCE)
    assert watcher._loop is None


async def test_one_answer_that_does_not_come_does_not_hold_up_the_others(follow, monkeypatch):
    monkeypatch.setattr(look, "LONGEST_ANSWER", 0.05)
    service = Service(t1=[done("1")], t2=[done("2")])
    real, told = service.fetch, []

    async def fetch(task_id):
        if len(service.fetched) == 0:
            service.fetched.append("hangs")
            await asyncio.get_running_loop().create_future()
        return await real(task_id)

    service.fetch = fetch
    service.list_fails = lambda _: ServiceError("none", status=404)
    found = await outcomes(follow(service), map(sent, "12"), on_trouble=told.append)
    assert all(task.clips for task in found)


# Nobody waits


async def test_a_waiter_that_is_cancelled_leaves_no_polls(follow):
    service = service_of(2, running)
    watcher = follow(service)
    waiting = [asyncio.create_task(watcher.wait(sent(task_id))) for task_id in "01"]
    await service.until(lambda: len(service.lists) >= 3)
    waiting[0].cancel()
    await asyncio.wait(waiting[:1])
    lists = len(service.lists)
    await service.until(lambda: len(service.fetched) >= 5)  # the other one goes on alone
    assert len(service.lists) <= lists
    assert set(service.fetched) == {"1"}
    loop = watcher._loop
    waiting[1].cancel()
    await asyncio.wait([waiting[1], loop])
    assert (watcher._loop, watcher._watched) == (None, {})
    assert loop.done()


async def test_nobody_hangs_who_comes_while_the_loop_is_ending(follow):
    service = service_of(2, running, done)
    watcher = follow(service)
    first = asyncio.create_task(watcher.wait(sent("0")))
    await service.until(lambda: service.requests == 1)
    first.cancel()
    # Both in the same turn of the event loop: the old poll loop is cancelled and not yet gone.
    second = asyncio.create_task(watcher.wait(sent("1")))
    assert (await asyncio.wait_for(second, PATIENCE)).clips
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_the_end_and_the_cancellation_in_the_same_moment_leave_no_noise(follow, caplog):
    service = Service(t1=[at("1", "FAILURE")])
    watcher = follow(service)

    waiting = []

    def listen(task):
        if task.status == "FAILURE":
            waiting.pop().cancel()

    waiting.append(asyncio.create_task(watcher.wait(sent("1"), on_update=listen)))
    await asyncio.wait(waiting)
    assert waiting == []
    gc.collect()
    assert caplog.records == []


async def test_what_is_past_is_released(follow):
    service = service_of(3, running, done)
    watcher = follow(service)
    seen = []

    async def look_on(task_id):
        await watcher.wait(sent(task_id), on_update=lambda task: seen.append(weakref.ref(task)))

    async with asyncio.TaskGroup() as group:
        for task_id in service.scripts:
            group.create_task(look_on(task_id))
    service.scripts.clear()
    assert (watcher._watched, watcher._loop) == ({}, None)
    while len(asyncio.all_tasks()) > 1:  # the poll loop is cancelled: it ends in the next turns
        await asyncio.sleep(0)
    gc.collect()
    assert len(seen) == 9
    assert [task() for task in seen] == [None] * 9


async def test_closing_ends_every_waiting(follow):
    service = service_of(3, running)
    watcher = follow(service)
    waiting = [asyncio.create_task(watcher.wait(sent(task_id))) for task_id in service.scripts]
    await service.until(lambda: service.lists)
    await watcher.close()
    await asyncio.wait_for(asyncio.wait(waiting), PATIENCE)
    assert all(task.cancelled() for task in waiting)
    requests = service.requests
    await watcher.close()
    assert service.requests == requests


def test_a_second_event_loop_is_served_as_the_first():
    service = service_of(2, running, done)
    watcher = Watcher(service, pace=QUICK)
    left = []

    async def leave_it():
        left.append(asyncio.create_task(watcher.wait(sent("0"))))
        await service.until(lambda: service.fetched)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(leave_it())
    unfinished = asyncio.all_tasks(loop)
    assert unfinished
    # The loop ends with somebody waiting in it; another one comes.
    assert asyncio.run(watcher.wait(sent("1"))).clips
    assert asyncio.run(watcher.wait(sent("0"))).clips
    for task in unfinished:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*unfinished, return_exceptions=True))
    loop.close()


async def test_two_event_loops_at_once_are_refused(follow):
    service = service_of(2, running)
    watcher = follow(service)
    waiting = asyncio.create_task(watcher.wait(sent("0")))
    await service.until(lambda: service.requests)
    with pytest.raises(RuntimeError, match="another event loop"):
        await asyncio.to_thread(lambda: asyncio.run(watcher.wait(sent("1"))))
    waiting.cancel()


# Trouble


async def test_trouble_slows_the_loop_and_not_each_task(follow):
    service = service_of(50, running, done)
    service.list_fails = lambda _: RateLimited("slow down", status=429) if len(service.lists) <= 3 else None
    watcher = follow(service, TOGETHER)
    told = []
    found = await outcomes(watcher, map(sent, service.scripts), on_trouble=told.append)
    assert all(task.clips for task in found)
    # Three looks failed, each one request; what they would have told is told by the next.
    assert len(service.lists) == 5
    assert service.fetched == []
    assert Counter(error and error.status for error in told) == {429: 150, None: 50}


async def test_a_pause_that_the_service_asks_for_is_kept_also_for_who_comes_meanwhile(follow):
    limited = RateLimited("slow down", status=429)
    limited.retry_after = 0.3
    service = service_of(2, done)
    times = []
    service.fetch_fails = lambda _: times.append(time.monotonic()) or (limited if len(times) == 1 else None)
    watcher = follow(service)
    first = asyncio.create_task(watcher.wait(sent("0")))
    await service.until(lambda: times or service.fetched)
    await asyncio.gather(first, watcher.wait(Task(id="1")))
    assert service.requests == 2  # both share the look after the pause
    assert len(times) == 1


async def test_one_task_that_cannot_be_told_does_not_stand_before_the_others(follow):
    service = service_of(12, done)
    service.list_fails = lambda _: ServiceError("none", status=404)
    ill = {"0", "1", "2", "3", "4"}
    service.fetch_fails = lambda task_id: ServiceError("broken", status=500) if task_id in ill else None
    found = await outcomes(follow(service), map(sent, service.scripts), timeout=2)
    assert [isinstance(one, TaskTimeout) for one in found] == [str(n) in ill for n in range(12)]


@pytest.mark.parametrize(
    "error", [AuthenticationError("no", status=401), ServiceError("no", status=404), RuntimeError("closed")]
)
async def test_what_time_will_not_mend_is_told_to_all_at_once(follow, error):
    service = service_of(100, running)
    service.list_fails = lambda _: error
    service.fetch_fails = lambda _: error
    found = await outcomes(follow(service, TOGETHER), map(sent, service.scripts))
    assert {type(one) for one in found} == {type(error)}
    assert service.requests <= 1 + 2 * look.SINGLES_AT_ONCE


async def test_a_task_that_is_refused_ends_alone(follow):
    service = service_of(3, running, done)
    service.list_fails = lambda _: ServiceError("none", status=404)
    service.fetch_fails = lambda task_id: Refused("not yours", status=403) if task_id == "1" else None
    found = await outcomes(follow(service), map(sent, service.scripts))
    assert [type(one) for one in found] == [Task, Refused, Task]


async def test_a_mistake_in_the_loop_reaches_everybody(follow, monkeypatch):
    service = service_of(2, running)
    watcher = follow(service)
    monkeypatch.setattr(watcher._asker, "ask", None)
    found = await outcomes(watcher, map(sent, service.scripts))
    assert {type(one) for one in found} == {TypeError}
    monkeypatch.undo()
    service.scripts = {"2": [done("2")]}
    assert (await watcher.wait(sent("2"))).clips


async def test_no_pause_at_all_still_leaves_the_event_loop_to_others(follow):
    class AtOnce:
        looks = 0

        async def fetch(self, task_id):
            self.looks += 1
            return running(task_id)

    service = AtOnce()
    waiting = asyncio.create_task(follow(service, Pace(0, 0, 0, 0)).wait(sent("1")))
    turn = asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, turn.set)
    await asyncio.wait_for(turn.wait(), PATIENCE)
    assert service.looks > 1
    waiting.cancel()


async def test_who_comes_late_wakes_a_loop_that_sleeps_long(follow):
    service = Service(t1=[running("1")], t2=[done("2")])
    watcher = follow(service, SLOW)
    first = asyncio.create_task(watcher.wait(Task(id="1")))
    await service.until(lambda: service.requests == 1)
    watcher.pace = QUICK
    assert (await asyncio.wait_for(watcher.wait(Task(id="2")), PATIENCE)).clips
    first.cancel()
