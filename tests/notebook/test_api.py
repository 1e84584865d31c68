"""The words of a notebook reach what they name."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

import mjvideo_nb as mj
from mjvideo_nb import account
from mjvideo_nb.notebook import session as sessions
from mjvideo_nb.notebook.session import Session
from tests.loopback import Server, answer
from tests.patience import PATIENCE

from .conftest import KEY


@pytest.fixture
def current(session, monkeypatch):
    monkeypatch.setattr(sessions, "_current", session)
    return session


def test_a_video_is_opened_spent_and_exported(current, photo, tmp_path):
    job = mj.video(photo, prompt="<b>steam</b> & more", motion="high", extra={"batchSize": 1})
    job.wait(PATIENCE)
    assert mj.open(job.id) is job
    assert mj.spending().settled == pytest.approx(0.6)
    longer = job.extend(0, motion="low", prompt="and on", extra={"batchSize": 1})
    longer.wait(PATIENCE)
    job.rate(0, 5)
    page = mj.export(tmp_path / "show.html", [job, longer], title="Mine").read_text(encoding="utf-8")
    for words in (
        "Mine",
        "&lt;b&gt;steam&lt;/b&gt; &amp; more",
        "5–9 s: [0] low · and on",
        job.id,
        longer.id,
        "coffee.jpg",
    ):
        assert words in page
    assert "<b>steam" not in page
    assert str(current.folder) not in page
    assert KEY not in page


def test_a_job_without_clips_cannot_be_exported(current, request_, misbehave, tmp_path):
    misbehave("refused-9")
    job = current.jobs.make(request_)
    with pytest.raises(mj.Refused):
        job.wait(PATIENCE)
    with pytest.raises(mj.InvalidRequest, match=r"jobs: .*no clips on disk") as caught:
        mj.export(tmp_path / "show.html", job)
    assert caught.value.field == "jobs"


def test_the_balance_is_asked_of_its_own_address(monkeypatch):
    async def ask():
        async with Server(lambda _: answer(body={"total_quota": 12.5})) as server:
            monkeypatch.setattr(account, "balance", partial(account.balance, url=server.url))
            return await asyncio.to_thread(Session(KEY).balance)

    assert asyncio.run(ask()) == 12.5


@pytest.mark.parametrize("options", [{"sandbox": True}, {"api_key": KEY, "base_url": "https://gateway.example"}])
def test_another_service_has_no_balance_to_ask_for(options):
    with pytest.raises(mj.InvalidRequest, match="ask the provider") as caught:
        Session(**options).balance()
    assert KEY not in str(caught.value)
