"""The camera never leaves the picture, never jumps, and moves as much as the motion says."""

import itertools
import math

import pytest

from mjvideo_nb.sandbox.camera import MAX_ZOOM, MORE_FRAMES, MOVES, Pose, Shot, path, shots, view

PICTURES = [(1040, 580), (780, 780), (580, 1040), (1100, 560)]
SHOTS = [Shot(move, side) for move in MOVES for side in (-1, 1)]


def corners(pose, size):
    seen = view(pose, size, size)
    for x, y in itertools.product((-size[0] / 2, size[0] / 2), (-size[1] / 2, size[1] / 2)):
        yield (
            seen.centre_x + seen.step * (x * seen.cos - y * seen.sin),
            seen.centre_y + seen.step * (x * seen.sin + y * seen.cos),
        )


def distance(before, after, size):
    """How far the corners of the view go, at most, in pixels."""
    return max(math.dist(a, b) for a, b in zip(corners(before, size), corners(after, size), strict=True))


def chains():
    """Every move after every other, with high motion, to both sides."""
    for first, second in itertools.product(SHOTS, SHOTS):
        start = path(first, Pose(), "high", 124)[-1]
        yield [start, *path(second, start, "high", MORE_FRAMES)]


@pytest.mark.parametrize("size", PICTURES)
def test_no_pose_sees_past_the_edge(size):
    for pose in itertools.chain.from_iterable(chain[::8] for chain in chains()):
        for x, y in corners(pose, size):
            assert -1e-6 <= x <= size[0] + 1e-6
            assert -1e-6 <= y <= size[1] + 1e-6


def test_the_neutral_pose_is_the_whole_picture():
    seen = view(Pose(), (1040, 580), (832, 464))
    assert (seen.centre_x, seen.centre_y, seen.step, seen.sin) == (520, 290, 1.25, 0)


def test_no_frame_jumps_and_none_stands_still():
    for chain in chains():
        steps = [distance(before, after, (832, 464)) for before, after in itertools.pairwise(chain)]
        assert max(steps) < 8
        assert min(steps) > 0.02


def test_zoom_stays_where_a_picture_is_still_sharp():
    for shot in SHOTS:
        pose = Pose()
        for _ in range(5):
            pose = path(shot, pose, "high", MORE_FRAMES)[-1]
            assert 1 <= pose.zoom <= MAX_ZOOM


@pytest.mark.parametrize("shot", SHOTS)
def test_low_goes_much_less_far_than_high(shot):
    def length(motion):
        poses = [Pose(), *path(shot, Pose(), motion, 124)]
        return sum(distance(before, after, (832, 464)) for before, after in itertools.pairwise(poses))

    assert length("high") > 3.5 * length("low")


def test_variants_are_different_moves_and_the_same_for_the_same_seed():
    assert shots("seed", 4) == shots("seed", 4)
    assert len({shot.move for shot in shots("seed", 4)}) == 4
    assert len({tuple(shots(str(seed), 4)) for seed in range(20)}) > 10


@pytest.mark.parametrize("shot", SHOTS)
def test_a_loop_comes_back_to_where_it_began_without_a_jump(shot):
    chain = [Pose(), *path(shot, Pose(), "high", 124, loop=True)]
    assert distance(chain[-1], chain[0], (832, 464)) < 0.01
    assert max(distance(before, after, (832, 464)) for before, after in itertools.pairwise(chain)) < 14
    assert max(distance(chain[0], pose, (832, 464)) for pose in chain) > 20
