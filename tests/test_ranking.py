"""From what was said of pairs to a ranking: what is known of the method holds, and it never claims to be surer than it is."""

from __future__ import annotations

import itertools
import math
import random

import pytest

from mjvideo_nb.ranking import PRIOR, Judgement, chance, fit

# How often a journal (row) was cited by another (column), from Stigler (1994); the strengths and standard errors are those
# that Turner and Firth's BradleyTerry2 gives for it, measured from Biometrika.
CITED = [[714, 730, 498, 221], [33, 425, 68, 17], [320, 813, 1072, 142], [284, 276, 325, 188]]
PUBLISHED = [(0, 0), (-2.94907, 0.10255), (-0.47957, 0.06059), (0.26895, 0.07083)]


def duel(i, j, better, times=1):
    return [Judgement(i, j, better)] * times


def judged(rng, strengths, count):
    """What a judge of these strengths says of pairs taken at random."""
    said = []
    for _ in range(count):
        i, j = rng.sample(range(len(strengths)), 2)
        said.append(Judgement(i, j, i if rng.random() < chance(strengths[i] - strengths[j]) else j))
    return said


def error(ranked, i, j):
    """The standard error of a difference, as its probability tells it."""
    covariance = ranked.covariance
    return math.sqrt(covariance[i][i] + covariance[j][j] - 2 * covariance[i][j])


def test_published_strengths_and_errors_are_found_again():
    said = [judgement for i, j in itertools.permutations(range(4), 2) for judgement in duel(i, j, i, CITED[i][j])]
    ranked = fit(4, said)
    for journal, (strength, standard_error) in enumerate(PUBLISHED):
        assert ranked.strengths[journal] - ranked.strengths[0] == pytest.approx(strength, abs=0.01)
        if journal:
            assert error(ranked, journal, 0) == pytest.approx(standard_error, abs=0.001)
    assert ranked.order == [3, 0, 2, 1]


@pytest.mark.parametrize("seed", range(5))
def test_a_known_order_is_recovered(seed):
    rng = random.Random(seed)
    strengths = [1.2 * place for place in range(7)]
    rng.shuffle(strengths)
    ranked = fit(7, judged(rng, strengths, 500))
    assert ranked.order == sorted(range(7), key=lambda i: -strengths[i])


def test_intervals_cover_about_as_often_as_they_say():
    rng = random.Random(7)
    covered = []
    for _ in range(120):
        strengths = [rng.gauss(0, 1) for _ in range(6)]
        average = sum(strengths) / 6
        ranked = fit(6, judged(rng, strengths, 60))
        for thing, strength in enumerate(strengths):
            low, high = ranked.interval(thing)
            covered.append(low <= strength - average <= high)
    assert 0.93 <= sum(covered) / len(covered) <= 0.99


def test_how_sure_it_is_of_two_is_about_how_often_it_is_right():
    rng = random.Random(11)
    claims = []
    for _ in range(150):
        strengths = [rng.gauss(0, 1) for _ in range(5)]
        ranked = fit(5, judged(rng, strengths, 25))
        for i, j in itertools.combinations(ranked.order, 2):
            claims.append((ranked.better(i, j), strengths[i] > strengths[j]))
    for low, high in [(0.5, 0.7), (0.7, 0.9), (0.9, 0.97), (0.97, 1.0)]:
        these = [right for sure, right in claims if low <= sure < high]
        assert len(these) > 50
        said = sum(sure for sure, _ in claims if low <= sure < high) / len(these)
        assert sum(these) / len(these) == pytest.approx(said, abs=0.08)


def test_the_order_in_which_it_was_said_does_not_matter():
    rng = random.Random(3)
    said = judged(rng, [0, 0.5, 1, 2], 40)
    shuffled = rng.sample(said, len(said))
    turned = [Judgement(one.right, one.left, one.better) for one in said]
    for other in (shuffled, turned):
        assert fit(4, other).strengths == fit(4, said).strengths
        assert fit(4, other).covariance == fit(4, said).covariance


def test_the_numbers_of_the_things_do_not_matter():
    rng = random.Random(4)
    said = judged(rng, [0, 0.5, 1, 2], 40)
    names = [2, 0, 3, 1]
    renamed = [Judgement(names[one.left], names[one.right], names[one.better]) for one in said]
    before, after = fit(4, said), fit(4, renamed)
    for thing, name in enumerate(names):
        assert after.strengths[name] == pytest.approx(before.strengths[thing], abs=1e-9)
        assert after.interval(name) == pytest.approx(before.interval(thing), abs=1e-9)


def test_the_contrary_of_everything_turns_the_ranking_about():
    said = judged(random.Random(5), [0, 0.5, 1, 2], 40)
    contrary = [Judgement(one.left, one.right, one.left + one.right - one.better) for one in said]
    before, after = fit(4, said), fit(4, contrary)
    assert after.strengths == pytest.approx([-strength for strength in before.strengths], abs=1e-9)
    assert after.order == before.order[::-1]
    assert after.better(0, 1) == pytest.approx(before.better(1, 0), abs=1e-9)


@pytest.mark.parametrize("times", [1, 10, 1000, 100_000])
def test_what_never_lost_stays_finite_and_gets_surer(times):
    ranked = fit(3, duel(0, 1, 0, times) + duel(1, 2, 1, times))
    assert ranked.order == [0, 1, 2]
    assert all(
        math.isfinite(value) for thing in range(3) for value in (ranked.strengths[thing], *ranked.interval(thing))
    )
    assert abs(ranked.strengths[0]) < 20
    assert 0.5 < ranked.better(0, 1) <= 1
    assert ranked.better(0, 1) >= fit(3, duel(0, 1, 0) + duel(1, 2, 1)).better(0, 1)


def test_ties_are_half_a_win_each():
    ties = fit(2, duel(0, 1, None, 10))
    halves = fit(2, duel(0, 1, 0, 5) + duel(0, 1, 1, 5))
    assert ties.strengths == halves.strengths == (0, 0)
    assert ties.covariance == halves.covariance
    assert ties.better(0, 1) == 0.5
    assert (ties.wins, ties.losses, ties.ties) == ((0, 0), (0, 0), (10, 10))
    assert error(ties, 0, 1) < error(fit(2, []), 0, 1)


def test_nothing_said_is_nothing_known():
    ranked = fit(5, [])
    assert ranked.strengths == (0,) * 5
    assert {ranked.better(i, j) for i, j in itertools.permutations(range(5), 2)} == {0.5}
    low, high = ranked.interval(0)
    assert high == -low
    assert high > PRIOR
    assert not ranked.settled
    assert ranked.may_be_first == [0, 1, 2, 3, 4]


def test_nothing_is_claimed_of_those_that_nothing_connects():
    ranked = fit(4, duel(0, 1, 0, 30) + duel(2, 3, 2, 30))
    assert ranked.better(0, 1) > 0.99
    assert {ranked.better(i, j) for i in (0, 1) for j in (2, 3)} == {0.5}
    assert not ranked.settled
    assert ranked.groups[0] == ranked.groups[1] != ranked.groups[2] == ranked.groups[3]
    assert set(ranked.next_pair()) in ({0, 2}, {1, 3})
    joined = fit(4, duel(0, 1, 0, 30) + duel(2, 3, 2, 30) + duel(1, 2, 1, 10))
    assert len(set(joined.groups)) == 1
    assert joined.order == [0, 1, 2, 3]


def test_the_average_is_none_of_their_business():
    """The interval of a strength does not widen with the doubt about all of them together, which nothing can tell."""
    said = [judgement for i, j in itertools.combinations(range(3), 2) for judgement in duel(i, j, None, 4000)]
    low, high = fit(3, said).interval(0)
    assert high - low < 0.1
    assert sum(fit(3, judged(random.Random(1), [0, 1, 2], 30)).strengths) == pytest.approx(0, abs=1e-9)


def test_each_is_shown_before_any_is_shown_often():
    said = []
    rng = random.Random(0)
    for _ in range(20):
        i, j = fit(40, said).next_pair(rng=rng)
        said.append(Judgement(i, j, min(i, j)))
    assert len({thing for one in said for thing in (one.left, one.right)}) == 40


def test_the_same_pair_is_not_asked_twice_in_a_row_where_there_is_another():
    said = []
    rng = random.Random(0)
    for _ in range(30):
        pair = fit(3, said).next_pair(rng=rng)
        assert not said or set(pair) != {said[-1].left, said[-1].right}
        said.append(Judgement(*pair, pair[rng.random() < 0.5]))
    assert set(fit(2, duel(0, 1, 0)).next_pair()) == {0, 1}


def test_only_those_that_can_be_shown_are_asked_about():
    ranked = fit(6, duel(0, 1, 0))
    assert {tuple(sorted(ranked.next_pair([0, 1]))) for _ in range(20)} == {(0, 1)}
    assert set(itertools.chain(*(ranked.next_pair([2, 3, 5]) for _ in range(50)))) == {2, 3, 5}


def test_chance_takes_part_in_what_is_asked_first():
    assert len({fit(6, []).next_pair() for _ in range(200)}) > 5


@pytest.mark.parametrize(("count", "most"), [(2, 8), (3, 14), (4, 22), (8, 50)])
def test_a_judge_who_knows_soon_settles_the_first_place(count, most):
    rng = random.Random(count)
    order = rng.sample(range(count), count)
    said = []
    while not fit(count, said).settled:
        i, j = fit(count, said).next_pair(rng=rng)
        said.append(Judgement(i, j, i if order[i] < order[j] else j))
        assert len(said) <= most
    ranked = fit(count, said)
    assert ranked.order[0] == order.index(0)
    assert ranked.may_be_first == ranked.order[:1]
    assert ranked.to_settle() == 0


def test_how_many_more_it_takes_is_about_right_for_a_judge_who_knows():
    said, guessed = [], []
    rng = random.Random(2)
    while not fit(4, said).settled:
        guessed.append(fit(4, said).to_settle())
        i, j = fit(4, said).next_pair(rng=rng)
        said.append(Judgement(i, j, min(i, j)))
    assert guessed[0] is None, "nothing was said yet"
    for done, guess in list(enumerate(guessed))[len(said) // 2 :]:
        assert abs(guess - (len(said) - done)) <= 5


def test_two_that_are_alike_take_more_than_is_worth_waiting_for():
    assert fit(2, duel(0, 1, None, 20)).to_settle() is None


def test_a_settled_first_place_is_seldom_wrong():
    rng = random.Random(9)
    wrong = settled = 0
    for _ in range(60):
        strengths = [rng.gauss(0, 2) for _ in range(4)]
        said = []
        while len(said) < 40 and not fit(4, said).settled:
            i, j = fit(4, said).next_pair(rng=rng)
            said.append(Judgement(i, j, i if rng.random() < chance(strengths[i] - strengths[j]) else j))
        ranked = fit(4, said)
        settled += ranked.settled
        wrong += ranked.settled and ranked.order[0] != max(range(4), key=strengths.__getitem__)
    assert settled > 30
    assert wrong / settled < 0.12  # looking after every judgement whether it is settled costs some of the 5 %


@pytest.mark.parametrize(("strength", "share"), [(0, 0.5), (math.log(3), 0.75), (-math.log(3), 0.25)])
def test_a_strength_is_odds_against_the_average(strength, share):
    assert chance(strength) == pytest.approx(share)
    assert chance(1000) == 1
    assert chance(-1000) == 0
