"""When to look again: sparse at first, close towards the end, never slower than agreed."""

import pytest

from mjvideo_nb.pace import LOCAL, REMOTE, Durations, Pace

PACE = Pace(shortest=3, longest=15, first_pause=1, longest_pause=30)


@pytest.mark.parametrize(
    ("elapsed", "progress", "typical", "pause"),
    [
        (0, None, 60, 15),  # the end is far
        (0, 0, 600, 15),
        (40, None, 60, 10),  # half of what is left
        (50, 80, 60, 5),
        (58, 95, 60, 3),  # near
        (60, 99, 60, 3),
        (30, 75, 200, 5),  # faster than its kind: progress knows it
        (70, 35, 60, 15),  # slower than its kind: progress knows that too
        (61, None, 60, 3),  # nothing known but that it is late: any moment
        (90, None, 60, 7.5),  # each further minute makes that less likely
        (600, None, 60, 15),
        (62, 5, 60, 3),  # a small number says more about the queue than about the speed
        (50, 100, 60, 3),
    ],
)
def test_the_pause_is_half_of_what_is_left(elapsed, progress, typical, pause):
    assert PACE.pause(elapsed, progress, typical) == pytest.approx(pause, abs=0.01)


def test_no_pause_leaves_its_limits():
    for pace in (PACE, REMOTE, LOCAL, Pace(0, 0)):
        for elapsed in (0, 0.1, 5, 59.9, 60, 61, 3600, 1e9):
            for progress in (None, 0, 1, 9, 10, 50, 99, 100):
                for typical in (0, 0.5, 60, 3600):
                    assert pace.shortest <= pace.pause(elapsed, progress, typical) <= pace.longest


def test_a_task_is_looked_at_a_dozen_times_and_noticed_soon():
    """A minute is followed by few looks, and the last one comes shortly after the end."""
    now, looks = 0.0, 0
    while now < 60:
        now += PACE.pause(now, int(100 * now / 60), 60)
        looks += 1
    assert looks <= 10
    assert now - 60 <= PACE.shortest


def test_a_failing_service_is_asked_less_and_less():
    assert [PACE.back_off(failures) for failures in (1, 2, 3, 4, 5, 6, 7, 5000)] == [1, 2, 4, 8, 16, 30, 30, 30]


def test_how_long_tasks_take_is_learned():
    durations = Durations(first_guess=60)
    for _ in range(20):
        durations.learn(200)
    assert durations.typical == pytest.approx(200, abs=1)
    durations.learn(50)
    assert 100 < durations.typical < 200  # one task does not overthrow what many have taught
