"""A crowd on one account, in short: nobody starts more than the account allows, and what is killed loses nothing.

The long form, by hand: `python -m tests.shared.crowd`.
"""

from __future__ import annotations

import contextlib

from .crowd import Crowd, run


def test_kernels_that_are_killed_and_a_server_that_goes_away_lose_nothing(tmp_path, cluster):
    with contextlib.closing(Crowd(tmp_path, cluster, at_once=3, calls=24, seed=3, seconds=0.5)) as crowd:
        outcome = run(crowd, kernels=4, jobs=8, kills=4, outages=1, minutes=0.3)
        assert outcome.flaws == [], crowd.said()
        assert outcome.most_running <= 3
        assert outcome.accepted <= 24
        assert outcome.states["done"] > 0
        assert outcome.killed > 0
        assert outcome.outages == 1
        assert len(crowd.refused()) + sum(outcome.states.values()) <= 32
