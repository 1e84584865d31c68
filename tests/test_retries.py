"""What is safe to repeat is repeated, patiently and not for ever; what may have arrived is sent once."""

import asyncio
import logging

import pytest

from mjvideo_nb import (
    Client,
    InvalidRequest,
    MJVideoError,
    QueueFull,
    RateLimited,
    Refused,
    ServiceError,
    SubmissionUncertain,
    Task,
    VideoRequest,
)
from mjvideo_nb.limits import Limits
from mjvideo_nb.pace import Pace
from mjvideo_nb.retries import Retries, look_again, send_again
from tests.clock import counting_waiting_only
from tests.loopback import DROP, HANG, Server, answer, unused_url
from tests.patience import PATIENCE

KEY = "sk-0123456789"
REQUEST = VideoRequest(image="https://x.example/a.jpg")
EXTEND = VideoRequest(image="", action="extend", index=0, task_id="17")
QUICK = Retries(first_pause=0.001, longest_pause=0.002)
"""As by default, but for the pauses."""
SHORT = Retries(deadline=0.1, unreachable=0.1, parent=0.1, first_pause=0.01, longest_pause=0.03)
"""It gives up soon."""

ACCEPTED = answer(200, {"code": 1, "description": "ok", "result": "18"})
FULL = answer(200, {"code": 23, "description": "The queue is full", "result": "99"})
SATURATED = answer(429, {"description": "saturated ", "type": "upstream_error", "code": 30})
TOO_SOON = answer(400, {"description": "task_status_not_success ", "type": "upstream_error", "code": 4})
SEEN = {"id": "17", "status": "IN_PROGRESS", "progress": "46%"}


@pytest.fixture(autouse=True)
async def _clock():
    with counting_waiting_only(asyncio.get_running_loop(), "tenacity"):
        yield


class Told(list):
    """What `on_retry` was told."""

    def __call__(self, error, seconds):
        self.append((error and type(error), seconds))

    @property
    def kinds(self):
        return [kind for kind, _ in self]


def script(*said):
    """Answers one after another, the last one for good."""
    left = list(said)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def client_of(url, retries=QUICK, **options):
    client = Client(KEY, url, **options)
    client.retries = retries
    return client


# The rules


def lasting(status=404):
    error = ServiceError("no such service", status=status)
    error.lasting = True
    return error


def test_only_a_submit_that_was_surely_not_accepted_may_be_sent_again():
    limits = Retries(deadline=100, unreachable=30, parent=20)
    window = send_again(limits, REQUEST)
    assert window(QueueFull("", status=200)) == 100
    assert window(RateLimited("", status=429)) == 100
    assert window(ServiceError("never left")) == 30
    for error in (
        SubmissionUncertain("", status=502),
        SubmissionUncertain("answer lost"),
        ServiceError("", status=500),
        lasting(),
        lasting(None),
        Refused("", status=400, description="Parameter error"),
        Refused("", status=400, description="task_status_not_success "),
        InvalidRequest(""),
    ):
        assert window(error) == 0, error


def test_an_extend_may_wait_for_its_parent():
    window = send_again(Retries(parent=20), EXTEND)
    assert window(Refused("", status=400, description="task_status_not_success ")) == 20
    assert window(Refused("", status=400, code="task_status_not_success")) == 20
    assert window(Refused("", status=400, description="Parameter error")) == 0


def test_a_look_may_be_repeated_through_all_that_passes():
    window = look_again(Retries(deadline=100, unreachable=30))
    assert window(RateLimited("", status=429)) == 100
    assert window(ServiceError("", status=502)) == 30
    assert window(ServiceError("answer lost")) == 30
    assert window(lasting()) == 0
    assert window(Refused("", status=403)) == 0


def test_one_deadline_is_over_all():
    limits = Retries(deadline=5, unreachable=30, parent=20)
    assert send_again(limits, REQUEST)(ServiceError("never left")) == 5
    assert send_again(limits, EXTEND)(Refused("", status=400, description="task_status_not_success")) == 5
    assert look_again(limits)(ServiceError("", status=502)) == 5


def test_pauses_are_drawn_from_nothing_up_to_a_bound_that_doubles():
    limits = Retries(first_pause=1, longest_pause=30)
    for failures, bound in ((1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (5000, 30)):
        drawn = [limits.pause(failures, QueueFull(""), left=1000) for _ in range(2000)]
        assert 0 <= min(drawn) < 0.05 * bound
        assert 0.95 * bound < max(drawn) <= bound
        assert 0.45 * bound < sum(drawn) / len(drawn) < 0.55 * bound


def test_a_pause_that_the_service_names_is_kept_up_to_a_cap():
    limits = Retries(first_pause=1, longest_retry_after=60)
    error = RateLimited("")
    for asked, least in ((7, 7), (60, 60), (3600, 60)):
        error.retry_after = asked
        drawn = [limits.pause(1, error, left=1000) for _ in range(500)]
        assert least <= min(drawn)
        assert max(drawn) <= least + 1
        assert max(drawn) - min(drawn) > 0.5  # nobody else who was told the same comes at the same moment


def test_the_last_try_comes_just_before_the_end():
    assert Retries().pause(1, QueueFull(""), left=0.0) == 0
    assert max(Retries().pause(9, QueueFull(""), left=2) for _ in range(200)) == 2


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "5", None, True])
def test_a_limit_is_a_number_of_seconds(value):
    with pytest.raises(InvalidRequest, match="deadline: a number of seconds") as caught:
        Retries(deadline=value)
    assert caught.value.field == "deadline"


# A submit


@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        (FULL, QueueFull),
        (SATURATED, RateLimited),
        (answer(200, {"code": 30, "description": "saturated"}), RateLimited),
        (answer(429), RateLimited),
        (answer(429, {"error": {"message": "slow down"}}), RateLimited),
    ],
)
async def test_a_submit_that_was_not_accepted_is_sent_again(refusal, error):
    told = Told()
    async with Server(script(refusal, refusal, ACCEPTED)) as service, client_of(service.url) as client:
        task = await client.submit(REQUEST, on_retry=told)
    assert task.id == "18"
    assert len(service.asked) == 3
    assert len({asked.body for asked in service.asked}) == 1
    assert told.kinds == [error, None, error, None]
    assert all(0 <= seconds <= 0.002 for _, seconds in told)


async def test_a_submit_that_never_left_is_sent_when_the_service_is_back():
    """Nobody listens at first; the server starts when the client says that it will try again."""
    url = unused_url()
    async with client_of(url, Retries(first_pause=0.05, longest_pause=0.05)) as client:
        started = asyncio.Event()

        def told(error, seconds):
            if error:
                assert isinstance(error, ServiceError)
                assert "Nothing was sent" in str(error)
                started.set()

        async with asyncio.TaskGroup() as group:
            sending = group.create_task(client.submit(REQUEST, on_retry=told))
            await started.wait()
            server = Server(script(ACCEPTED))
            server.port = int(url.rsplit(":", 1)[1])
            async with server:
                assert (await sending).id == "18"
    assert len(server.asked) == 1


async def test_an_extend_waits_for_its_parent():
    async with Server(script(TOO_SOON, TOO_SOON, ACCEPTED)) as service, client_of(service.url) as client:
        assert (await client.submit(EXTEND)).id == "18"
    assert len(service.asked) == 3


@pytest.mark.parametrize("said", [DROP, answer(502), answer(200, b"<html>"), answer(200, {"code": 1})])
async def test_a_submit_that_may_have_arrived_is_never_sent_again(said):
    """Also not after tries that were refused."""
    told = Told()
    async with Server(script(FULL, SATURATED, said, ACCEPTED)) as service, client_of(service.url) as client:
        with pytest.raises(SubmissionUncertain) as caught:
            await client.submit(REQUEST, on_retry=told)
    assert len(service.asked) == 3
    assert "times" not in str(caught.value)  # it was accepted once at most, and nothing may suggest otherwise
    assert told.kinds == [QueueFull, None, RateLimited, None]


@pytest.mark.parametrize(
    ("said", "error"),
    [(FULL, QueueFull), (SATURATED, RateLimited), (TOO_SOON, Refused)],
    ids=["full", "saturated", "too soon"],
)
async def test_a_refusal_that_does_not_end_is_told_with_the_deadline(said, error):
    async with Server(script(said)) as service, client_of(service.url, SHORT) as client:
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(error, match=r"Nothing was charged.* It was tried \d+ times in 0 s\.") as caught:
                await client.submit(EXTEND)
    assert len(service.asked) > 2
    assert f"tried {len(service.asked)} times" in str(caught.value)


async def test_a_service_that_stays_out_of_reach_is_told_with_the_deadline():
    told = Told()
    async with client_of(unused_url(), SHORT) as client, asyncio.timeout(PATIENCE):
        with pytest.raises(ServiceError, match=r"Nothing was sent.* It was tried \d+ times") as caught:
            await client.submit(REQUEST, on_retry=told)
    assert caught.value.status is None
    assert len(told) >= 4


async def test_a_pause_that_is_longer_than_what_is_left_is_not_begun():
    said = answer(429, b"", retry_after="30")
    async with Server(script(said)) as service, client_of(service.url, Retries(deadline=20)) as client:
        with pytest.raises(RateLimited) as caught:
            await client.submit(REQUEST)
    assert caught.value.retry_after == 30
    assert len(service.asked) == 1


async def test_a_pause_that_the_service_asks_for_is_made():
    told = Told()
    said = answer(429, b"", retry_after="0.2")
    async with Server(script(said, ACCEPTED)) as service, client_of(service.url) as client:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await client.submit(REQUEST, on_retry=told)
        assert loop.time() - begun >= 0.19
    assert told[0][1] >= 0.2


async def test_retry_after_as_a_date_is_held_against_the_services_own_clock():
    """Ours may be hours off."""
    said = answer(429, b"", date="Mon, 05 Jan 2015 10:00:00 GMT", retry_after="Mon, 05 Jan 2015 10:00:45 GMT")
    async with Server(script(said)) as service, client_of(service.url, Retries(deadline=1)) as client:
        with pytest.raises(RateLimited) as caught:
            await client.submit(REQUEST)
    assert caught.value.retry_after == 45


async def test_no_second_try_where_none_is_wanted():
    for said in (FULL, SATURATED, TOO_SOON):
        async with Server(script(said)) as service, client_of(service.url, Retries(deadline=0)) as client:
            with pytest.raises((QueueFull, RateLimited, Refused)) as caught:
                await client.submit(EXTEND)
            assert "tried" not in str(caught.value)
        assert len(service.asked) == 1


async def test_who_gives_up_in_a_pause_has_sent_nothing_and_spent_nothing():
    async with Server(script(FULL)) as service, client_of(service.url, Retries(first_pause=60)) as client:
        client.limits = Limits(budget=1, price=0.6, at_once=1)
        paused = asyncio.Event()
        sending = asyncio.ensure_future(client.submit(REQUEST, on_retry=lambda error, _: error and paused.set()))
        await paused.wait()
        assert client.limits.spent == 0.6
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert client.limits.spent == 0
        service.respond = script(ACCEPTED)
        assert (await client.submit(REQUEST)).id == "18"  # its place is free as well
    assert len(service.asked) == 2


async def test_who_gives_up_while_it_is_sent_again_may_have_been_billed():
    """The pause before is no excuse."""
    arrived = asyncio.Event()
    said = script(FULL, HANG)

    def respond(asked):
        answered = said(asked)
        if answered is HANG:
            arrived.set()
        return answered

    async with Server(respond) as service, client_of(service.url) as client:
        client.limits = Limits(budget=1, price=0.6)
        sending = asyncio.ensure_future(client.submit(REQUEST))
        await arrived.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert client.limits.spent == 0.6


async def test_a_mistake_in_on_retry_surfaces_and_nothing_more_is_sent():
    def told(error, seconds):
        raise ZeroDivisionError("mine")

    async with Server(script(FULL, ACCEPTED)) as service, client_of(service.url) as client:
        with pytest.raises(ZeroDivisionError, match="mine"):
            await client.submit(REQUEST, on_retry=told)
    assert len(service.asked) == 1


# A look


TROUBLE = [
    DROP,
    answer(200, SEEN, content_length="900"),
    answer(200, b"<html>maintenance</html>"),
    answer(429),
    answer(408),
    answer(500, {"error": {"message": "oops", "code": ""}}),
    answer(502, b"<html>"),
    answer(503, b"", retry_after="0.01"),
    answer(504),
    answer(524),
]


@pytest.mark.parametrize("said", TROUBLE)
async def test_a_look_is_repeated_through_trouble(said):
    one, many = answer(200, SEEN), answer(200, [SEEN])
    async with Server(script(said, said, one)) as service, client_of(service.url) as client:
        assert (await client.fetch(Task(id="17", request=REQUEST))).request is REQUEST
        assert len(service.asked) == 3
    async with Server(script(said, said, many)) as service, client_of(service.url) as client:
        assert (await client.fetch_many(iter(["17", "3"]))).keys() == {"17"}
        assert [asked.json for asked in service.asked] == [{"ids": ["17", "3"]}] * 3


@pytest.mark.parametrize(
    "said",
    [
        answer(301, b"", location="/"),
        answer(400, {"error": "no"}),
        answer(401),
        answer(403),
        answer(404, b"<html>"),
        answer(413),
        answer(500, {"error": {"message": "parameters", "code": "invalid_request"}}),
    ],
)
async def test_a_look_that_would_fail_again_is_not_repeated(said):
    async with Server(script(said)) as service, client_of(service.url) as client:
        with pytest.raises(MJVideoError, match="goes on"):
            await client.fetch("17")
    assert len(service.asked) == 1


async def test_trouble_that_does_not_end_is_told_with_the_deadline():
    async with Server(script(answer(502))) as service, client_of(service.url, SHORT) as client:
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(ServiceError, match=r"goes on.* It was tried \d+ times"):
                await client.fetch("17")
    assert len(service.asked) > 2


async def test_the_watcher_looks_once_at_a_time():
    """It slows down its whole loop; a retry within would be a second, hidden one."""
    told = asyncio.Queue()
    async with Server(script(answer(502))) as service, client_of(service.url, Retries(first_pause=0)) as client:
        client.watcher.pace = Pace(0, 0, first_pause=60, longest_pause=60)
        waiting = asyncio.ensure_future(client.wait("17", on_trouble=told.put_nowait))
        error = await told.get()
        waiting.cancel()
    assert "tried" not in str(error)
    assert len(service.asked) == 1


async def test_repeating_says_nothing_on_the_terminal(capfd, caplog):
    caplog.set_level(logging.INFO)
    async with Server(script(FULL, answer(503), ACCEPTED)) as service, client_of(service.url) as client:
        with pytest.raises(SubmissionUncertain):
            await client.submit(REQUEST)
    out = capfd.readouterr()
    assert (out.out, out.err) == ("", "")
    assert {record.name for record in caplog.records} <= {"httpx"}
