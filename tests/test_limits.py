"""Places in order of asking, and a budget that is checked before anything is sent."""

from __future__ import annotations

import asyncio

import pytest

from mjvideo_nb import BudgetExceeded, InvalidRequest
from mjvideo_nb.limits import Limits, Places
from tests.patience import PATIENCE


async def until_waiting(places, count):
    while places.waiting < count:
        await asyncio.sleep(0)


async def test_no_more_than_so_many_at_once_and_in_order():
    places = Places(2)
    first, second = await places.take(), await places.take()
    order = []

    async def come(name):
        place = await places.take()
        order.append(name)
        return place

    waiting = [asyncio.create_task(come(name)) for name in "abc"]
    await until_waiting(places, 3)
    assert order == []
    second.give_back()
    await waiting[0]
    assert order == ["a"]
    first.give_back()
    await waiting[1]
    (await waiting[0]).give_back()
    await waiting[2]
    assert order == ["a", "b", "c"]


async def test_a_place_given_back_twice_is_one_place():
    places = Places(1)
    place = await places.take()
    place.give_back()
    place.give_back()
    await places.take()
    waiting = asyncio.create_task(places.take())
    await until_waiting(places, 1)
    assert not waiting.done()
    waiting.cancel()


async def test_who_waits_is_told_the_place_in_the_line():
    places = Places(1)
    place = await places.take()
    told = {name: [] for name in "ab"}
    waiting = [asyncio.create_task(places.take(told[name].append)) for name in "ab"]
    await until_waiting(places, 2)
    place.give_back()
    (await waiting[0]).give_back()
    await waiting[1]
    assert told == {"a": [1, 0], "b": [2, 1, 0]}


async def test_who_leaves_the_queue_blocks_nobody():
    places = Places(1)
    place = await places.take()
    told = []
    gone = asyncio.create_task(places.take())
    stays = asyncio.create_task(places.take(told.append))
    await until_waiting(places, 2)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    assert told == [2, 1]
    place.give_back()
    await stays


async def test_who_is_cancelled_at_the_very_moment_of_the_turn_passes_it_on():
    places = Places(1)
    place = await places.take()
    gone, stays = asyncio.create_task(places.take()), asyncio.create_task(places.take())
    await until_waiting(places, 2)
    place.give_back()
    gone.cancel()
    await asyncio.wait_for(stays, PATIENCE)
    assert gone.cancelled()


def test_a_budget_is_checked_before_and_names_both_figures():
    limits = Limits(budget=1.0, price=0.6)
    charge = limits.charge("480p")
    with pytest.raises(BudgetExceeded, match=r"0\.60 USD.*0\.40 USD of the budget of 1\.00 USD.*Nothing was sent"):
        limits.charge("480p")
    charge.give_back()
    charge.give_back()
    assert limits.left == 1.0
    limits.charge("480p")


def test_a_budget_can_be_spent_to_the_last_cent():
    limits = Limits(budget=1.8, price=0.6)
    for _ in range(3):
        limits.charge("480p")
    assert limits.left == pytest.approx(0)


def test_prices_by_type():
    limits = Limits(budget=2, price={"480p": 0.5, "720p": 1.6})
    limits.charge("480p")
    with pytest.raises(BudgetExceeded):
        limits.charge("720p")
    with pytest.raises(InvalidRequest, match="needs a price for vid_2"):
        limits.charge("vid_2")


def test_without_a_budget_money_is_only_counted():
    limits = Limits(price=0.6)
    limits.charge("480p")
    assert limits.spent == 0.6
    assert limits.left is None


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"at_once": 0}, "at_once"),
        ({"at_once": True}, "at_once"),
        ({"budget": -1}, "budget"),
        ({"budget": "10"}, "budget"),
    ],
)
def test_a_wrong_limit_is_named(options, field):
    with pytest.raises(InvalidRequest) as caught:
        Limits(**options)
    assert caught.value.field == field
