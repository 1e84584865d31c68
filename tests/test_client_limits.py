"""A client under limits: never more running than allowed, never more spent than the budget."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from mjvideo_nb import BudgetExceeded, Client, Refused, SubmissionUncertain, TaskFailed, VideoRequest
from mjvideo_nb.limits import Limits
from mjvideo_nb.pace import Pace
from tests.patience import PATIENCE

LOOKS = 3
"""Looks after which a task of the service below has ended."""


class Service:
    """Accepts everything, ends a task after some looks, and knows how many ran at once."""

    def __init__(self, status="SUCCESS"):
        self.status = status
        self.looks = {}
        self.most = 0

    @property
    def running(self):
        return sum(looks < LOOKS for looks in self.looks.values())

    def task(self, task_id):
        self.looks[task_id] += 1
        if self.looks[task_id] < LOOKS:
            return {"id": task_id, "status": "IN_PROGRESS", "progress": "40%"}
        return {
            "id": task_id,
            "status": self.status,
            "videoUrl": "https://cdn.example/0.mp4",
            "failReason": "Job Timeout",
        }

    def __call__(self, request):
        path = request.url.path
        if path.endswith("/submit/video"):
            prompt = json.loads(request.content)["prompt"]
            if prompt == "refuse":
                return httpx.Response(200, json={"code": 9, "description": "no"})
            if prompt == "lose":
                return httpx.Response(502)
            task_id = str(1000 + len(self.looks))
            self.looks[task_id] = 0
            self.most = max(self.most, self.running)
            return httpx.Response(200, json={"code": 1, "result": task_id})
        if path.endswith("/list-by-condition"):
            return httpx.Response(200, json=[self.task(task_id) for task_id in json.loads(request.content)["ids"]])
        return httpx.Response(200, json=self.task(path.split("/")[-2]))


@pytest.fixture
async def connect():
    opened = []

    def make(service, **limits):
        http = httpx.AsyncClient(transport=httpx.MockTransport(service))
        client = Client("sk-0123456789", "https://gateway.example", http=http)
        client.watcher.pace = Pace(0.001, 0.001, 0.001, 0.001)
        client.limits = Limits(**limits)
        opened.extend((client, http))
        return client

    yield make
    for one in opened:
        await (one.close() if isinstance(one, Client) else one.aclose())


def request(prompt=""):
    return VideoRequest(image="https://x/a.jpg", prompt=prompt)


@pytest.mark.parametrize("at_once", [1, 2, 5])
async def test_submits_wait_their_turn_also_where_nobody_waits_for_the_tasks(connect, at_once):
    service = Service()
    client = connect(service, at_once=at_once)
    places = []
    tasks = await asyncio.wait_for(
        asyncio.gather(*(client.submit(request(), on_wait=places.append) for _ in range(8))), 20
    )
    assert len({task.id for task in tasks}) == 8
    assert service.most == at_once
    assert max(places) == 8 - at_once
    assert places.count(0) == 8 - at_once


async def test_a_refused_submit_gives_its_place_and_its_price_back(connect):
    client = connect(Service(), at_once=1, budget=1.0, price=0.6)
    for _ in range(3):
        with pytest.raises(Refused):
            await client.submit(request("refuse"))
    assert client.limits.spent == 0
    await client.submit(request())
    assert client.limits.spent == 0.6


async def test_a_lost_submit_gives_its_place_back_and_stays_counted(connect):
    client = connect(Service(), at_once=1, budget=1.0, price=0.6)
    with pytest.raises(SubmissionUncertain):
        await client.submit(request("lose"))
    assert client.limits.spent == 0.6
    with pytest.raises(BudgetExceeded):
        await client.submit(request())


async def test_a_failed_task_gives_its_price_back(connect):
    client = connect(Service(status="FAILURE"), at_once=1, budget=1.0, price=0.6)
    task = await client.submit(request())
    with pytest.raises(TaskFailed):
        await client.wait(task)
    assert client.limits.spent == 0
    await client.submit(request())


async def test_beyond_the_budget_nothing_is_sent(connect):
    service = Service()
    client = connect(service, budget=1.0, price=0.6)
    await client.submit(request())
    with pytest.raises(BudgetExceeded, match=r"0\.60 USD.*0\.40 USD"):
        await client.submit(request())
    assert len(service.looks) == 1


async def test_who_stops_waiting_for_a_turn_pays_nothing(connect):
    service = Service()
    client = connect(service, at_once=1, budget=10, price=0.6)
    client.watcher.pace = Pace(60, 60)
    await client.submit(request())
    begun = asyncio.Event()
    waiting = asyncio.create_task(client.submit(request(), on_wait=lambda _: begun.set()))
    await asyncio.wait_for(begun.wait(), PATIENCE)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert client.limits.spent == 0.6
    assert len(service.looks) == 1
