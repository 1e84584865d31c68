"""Which of several things is best, from judgements of two at a time: how strong each is, how sure that is, what to ask next.

The model is that of Bradley and Terry (1952), "Rank analysis of incomplete block designs", Biometrika 39, 324-345: thing i
is judged better than thing j with probability 1 / (1 + exp(s_j - s_i)), s being their strengths. A tie is half a win for
each, as in Turner and Firth (2012), "Bradley-Terry models in R", Journal of Statistical Software 48(9).

The strengths are those of the highest posterior under a weak normal prior, found by Newton's method: the log-posterior is
strictly concave, so there is one maximum, and it is finite also for a thing that never lost (without a prior it exists
only if no group of things beats all others: Hunter (2004), "MM algorithms for generalized Bradley-Terry models", Annals of
Statistics 32, 384-406). How sure they are comes from the inverse of the information matrix there. The next pair is the one
whose answer is expected to tell most, by the determinant of that matrix (Chaloner and Verdinelli (1995), "Bayesian
experimental design", Statistical Science 10, 273-304), with more weight on those that may be first.

No I/O, nothing of videos.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist

__all__ = ["ENOUGH", "Fit", "Judgement", "chance", "fit"]

PRIOR = 2.0
"""Standard deviation of the strengths before anything is judged; wide, so that a few judgements outweigh it."""
ENOUGH = 0.95
"""How sure is sure."""
NORMAL = NormalDist()
WIDE = NORMAL.inv_cdf(0.5 + ENOUGH / 2)
"""Standard errors on each side of a 95 % interval."""
FARTHEST = 60
"""How many judgements are looked ahead: an estimate beyond says only that it takes many."""
UNDERDOG = 0.05
"""Weight of a pair that has no chance to be first: the places below are ordered too, only later."""
STEPS = 100
PRECISION = 1e-10

Matrix = list[list[float]]
Rows = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Judgement:
    """Two things side by side, and what was said of them.

    Args:
        left: number of the one on the left.
        right: number of the one on the right.
        better: number of the better one, or None where neither is.

    """

    left: int
    right: int
    better: int | None


@dataclass(frozen=True)
class Fit:
    """What the judgements say.

    Args:
        strengths: of each thing, as the logarithm of odds; 0 is the average of them.
        covariance: of the strengths.
        wins: how often each was better.
        losses: how often the other was.
        ties: how often neither was.
        groups: a number for each thing, the same for those that were judged against each other, also by way of others.
        last: the pair that was judged last.

    """

    strengths: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    wins: tuple[int, ...]
    losses: tuple[int, ...]
    ties: tuple[int, ...]
    groups: tuple[int, ...]
    last: tuple[int, int] | None = None

    @property
    def order(self) -> list[int]:
        """Their numbers, the best first."""
        return sorted(range(len(self.strengths)), key=lambda i: -self.strengths[i])

    def interval(self, thing: int) -> tuple[float, float]:
        """The 95 % interval of a strength, measured from the average as the strength is."""
        count = len(self.strengths)
        # The judgements say nothing of the average itself: all of the prior's doubt about it is in the covariance.
        error = math.sqrt(max(0.0, self.covariance[thing][thing] - PRIOR**2 / count))
        return self.strengths[thing] - WIDE * error, self.strengths[thing] + WIDE * error

    def better(self, one: int, other: int) -> float:
        """How probable it is (0-1) that one is better than the other; one half for two that nothing connects."""
        if self.groups[one] != self.groups[other]:
            return 0.5
        return _better(self.strengths, self.covariance, one, other)

    @property
    def doubt(self) -> float:
        """At most how probable it is that another one than the first is the best (Bonferroni's bound; can be above 1)."""
        first = self.order[0]
        return sum(self.better(other, first) for other in range(len(self.strengths)) if other != first)

    @property
    def may_be_first(self) -> list[int]:
        """Those that are the best one or may still turn out to be it, the best first."""
        first, *others = self.order
        return [first, *(other for other in others if self.better(other, first) > 1 - ENOUGH)]

    @property
    def settled(self) -> bool:
        """Whether the first place is sure."""
        return self.doubt <= 1 - ENOUGH

    def next_pair(self, things: Sequence[int] | None = None, *, rng: random.Random | None = None) -> tuple[int, int]:
        """The pair whose judgement is expected to tell most; in any order, and any of several that tell as much.

        Args:
            things: those to choose from, by default all. At least two.
            rng: where chance comes from.

        """
        choice = list(range(len(self.strengths))) if things is None else list(things)
        pairs = _pairs(choice, self.last)
        return _most_telling(self.strengths, self.covariance, self.groups, pairs, rng or random.SystemRandom())

    def to_settle(self) -> int | None:
        """About how many more judgements make the first place sure, if they go as the strengths say; None for many."""
        things = list(range(len(self.strengths)))
        first = self.order[0]
        covariance = [list(row) for row in self.covariance]
        groups = list(self.groups)
        last = self.last
        dice = random.Random(0)  # noqa: S311 - the same answer each time
        for count in range(FARTHEST + 1):
            doubt = sum(
                0.5 if groups[i] != groups[first] else _better(self.strengths, covariance, i, first)
                for i in things
                if i != first
            )
            if doubt <= 1 - ENOUGH:
                return count
            last = i, j = _most_telling(self.strengths, covariance, groups, _pairs(things, last), dice)
            _learn(self.strengths, covariance, i, j)
            groups = [groups[i] if group == groups[j] else group for group in groups]
        return None


def chance(strength: float) -> float:
    """The probability (0-1) that something of this strength is judged better than something average."""
    if strength < 0:
        return math.exp(strength) / (1 + math.exp(strength))
    return 1 / (1 + math.exp(-strength))


def fit(count: int, judgements: Iterable[Judgement]) -> Fit:
    """The strengths of things by what was said of pairs of them.

    Args:
        count: how many things there are, numbered from 0.
        judgements: in the order in which they were made, which matters for nothing but what was last.

    """
    said = list(judgements)
    points = [[0.0] * count for _ in range(count)]
    wins, losses, ties = [0] * count, [0] * count, [0] * count
    groups = list(range(count))
    for one in said:
        i, j = one.left, one.right
        if one.better is None:
            points[i][j] += 0.5
            points[j][i] += 0.5
            ties[i] += 1
            ties[j] += 1
        else:
            loser = j if one.better == i else i
            points[one.better][loser] += 1
            wins[one.better] += 1
            losses[loser] += 1
        groups = [groups[i] if group == groups[j] else group for group in groups]
    strengths = _strengths(points)
    covariance = _inverse(_information(strengths, points))
    return Fit(
        tuple(strengths),
        tuple(map(tuple, covariance)),
        tuple(wins),
        tuple(losses),
        tuple(ties),
        tuple(groups),
        (said[-1].left, said[-1].right) if said else None,
    )


def _strengths(points: Matrix) -> list[float]:
    """Newton's method; a step that overshoots is halved."""
    count = len(points)
    strengths = [0.0] * count
    value = _posterior(strengths, points)
    for _ in range(STEPS):
        slope = [
            sum(
                points[i][j] - (points[i][j] + points[j][i]) * chance(strengths[i] - strengths[j])
                for j in range(count)
                if j != i
            )
            - strengths[i] / PRIOR**2
            for i in range(count)
        ]
        if max(map(abs, slope)) < PRECISION:
            break
        step = _solved(_information(strengths, points), slope)
        size = 1.0
        while size > PRECISION:
            moved = [s + size * d for s, d in zip(strengths, step, strict=True)]
            found = _posterior(moved, points)
            if found >= value - PRECISION:
                strengths, value = moved, found
                break
            size /= 2
    return strengths


def _posterior(strengths: Sequence[float], points: Matrix) -> float:
    """Its logarithm, but for a constant."""
    count = len(strengths)
    total = -sum(s * s for s in strengths) / (2 * PRIOR**2)
    for i, j in combinations(range(count), 2):
        gap = strengths[i] - strengths[j]
        # log(1 + exp(x)) without an overflow.
        both = max(gap, 0.0) + math.log1p(math.exp(-abs(gap)))
        total += points[i][j] * (gap - both) - points[j][i] * both
    return total


def _information(strengths: Sequence[float], points: Matrix) -> Matrix:
    count = len(strengths)
    matrix = [[0.0] * count for _ in range(count)]
    for i in range(count):
        matrix[i][i] = 1 / PRIOR**2
    for i, j in combinations(range(count), 2):
        weight = (points[i][j] + points[j][i]) * _spread(strengths, i, j)
        matrix[i][i] += weight
        matrix[j][j] += weight
        matrix[i][j] = matrix[j][i] = -weight
    return matrix


def _spread(strengths: Sequence[float], i: int, j: int) -> float:
    """The variance of one judgement, which is what it tells of the difference."""
    p = chance(strengths[i] - strengths[j])
    return p * (1 - p)


def _cholesky(matrix: Matrix) -> Matrix:
    root: Matrix = []
    for i, row in enumerate(matrix):
        line: list[float] = []
        for j in range(i + 1):
            left = row[j] - sum(a * b for a, b in zip(line, root[j] if j < i else line, strict=False))
            line.append(math.sqrt(left) if i == j else left / root[j][j])
        root.append(line)
    return root


def _solved(matrix: Matrix, right: Sequence[float]) -> list[float]:
    return _back(_cholesky(matrix), right)


def _inverse(matrix: Matrix) -> Matrix:
    root, count = _cholesky(matrix), len(matrix)
    return [_back(root, [float(i == k) for i in range(count)]) for k in range(count)]


def _back(root: Matrix, right: Sequence[float]) -> list[float]:
    """Solves for a matrix whose Cholesky root this is."""
    count = len(root)
    middle: list[float] = []
    for i in range(count):
        middle.append((right[i] - sum(a * b for a, b in zip(root[i], middle, strict=False))) / root[i][i])
    found = [0.0] * count
    for i in reversed(range(count)):
        found[i] = (middle[i] - sum(root[k][i] * found[k] for k in range(i + 1, count))) / root[i][i]
    return found


def _variance(covariance: Rows, i: int, j: int) -> float:
    """Of the difference of two strengths."""
    return max(1e-12, covariance[i][i] + covariance[j][j] - 2 * covariance[i][j])


def _better(strengths: Sequence[float], covariance: Rows, one: int, other: int) -> float:
    return NORMAL.cdf((strengths[one] - strengths[other]) / math.sqrt(_variance(covariance, one, other)))


def _most_telling(
    strengths: Sequence[float],
    covariance: Rows,
    groups: Sequence[int],
    pairs: Sequence[tuple[int, int]],
    rng: random.Random,
) -> tuple[int, int]:
    things = sorted({thing for pair in pairs for thing in pair})
    first = max(things, key=lambda i: strengths[i])
    hope = {i: 0.5 if i == first else _better(strengths, covariance, i, first) for i in things}
    seen = Counter(groups)
    told = {
        # Those that nobody has seen yet come before all others.
        (i, j): (
            (seen[groups[i]] == 1) + (seen[groups[j]] == 1),
            _spread(strengths, i, j) * _variance(covariance, i, j) * (UNDERDOG + 4 * hope[i] * hope[j]),
        )
        for i, j in pairs
    }
    unseen, most = max(told.values())
    return rng.choice([pair for pair, (new, gain) in told.items() if new == unseen and gain > most * (1 - 1e-9)])


def _pairs(things: Sequence[int], last: tuple[int, int] | None) -> list[tuple[int, int]]:
    """All of them but the last, unless there is no other."""
    pairs = list(combinations(things, 2))
    return [pair for pair in pairs if last is None or set(pair) != set(last)] or pairs


def _learn(strengths: Sequence[float], covariance: Matrix, i: int, j: int) -> None:
    """What one more judgement of a pair does to the covariance (Sherman and Morrison's formula)."""
    told = [row[i] - row[j] for row in covariance]
    weight = _spread(strengths, i, j)
    share = weight / (1 + weight * (told[i] - told[j]))
    for row, a in zip(covariance, told, strict=True):
        for k, b in enumerate(told):
            row[k] -= share * a * b
