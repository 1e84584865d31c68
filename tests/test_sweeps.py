"""The rules of a sweep: what alternatives stand for, and how the matrix is laid out."""

from __future__ import annotations

import pytest

from mjvideo_nb.errors import InvalidRequest
from mjvideo_nb.sweeps import MOST_CALLS, Plan, expand, plan, values

TYPES = {"vid_1.1_i2v_480": "480p", "vid_1.1_i2v_720": "720p"}
TAIL = "on the old wooden table by the window, in the morning"


def laid_out(prompt=("steam",), image=(("a1", "coffee.jpg"),), motion=("low",), video_type=("vid_1.1_i2v_480",)):
    return plan(prompt=prompt, image=image, motion=motion, video_type=video_type, short=TYPES)


@pytest.mark.parametrize(
    ("prompt", "stands_for"),
    [
        ("steam rises", ["steam rises"]),
        ("", [""]),
        ("  two  spaces ", ["  two  spaces "]),
        ("a | b", ["a | b"]),
        ("a {red|blue} {tulip|rose}", ["a red tulip", "a red rose", "a blue tulip", "a blue rose"]),
        ("{a|{b|c}}", ["a", "b", "c"]),
        ("{a{1|2}|b}", ["a1", "a2", "b"]),
        ("{x {a|{b|c}}|d}", ["x a", "x b", "x c", "d"]),
        ("a {|very} big cup", ["a big cup", "a very big cup"]),
        ("{|}", [""]),
        ("{a|b|a}", ["a", "b"]),
        ("{a|b}{|!}", ["a", "a!", "b", "b!"]),
        ("{{a|b}}", ["{a|b}"]),
        ("{{}} {a|b}", ["{} a", "{} b"]),
        ("{a|b}}}", ["a", "b}"]),
        ("{only}", ["only"]),
        ("{über|☕|שלום}", ["über", "☕", "שלום"]),
    ],
)
def test_alternatives_stand_for_prompts(prompt, stands_for):
    assert list(expand(prompt)) == stands_for


@pytest.mark.parametrize(
    "prompt", ["{a|b", "a|b}", "{a|{b|c}", "}{", "{a}}", "{ " * 21 + "} " * 21, "{a|b}" * 40, 5, None]
)
def test_what_cannot_be_expanded_names_the_prompt_and_what_to_do(prompt):
    with pytest.raises(InvalidRequest, match="prompt: ") as caught:
        expand(prompt)
    assert caught.value.field == "prompt"
    assert len(str(caught.value)) < 400


def test_one_value_or_several_may_be_given_and_none_may_not():
    assert values("motion", "low") == ("low",)
    assert values("motion", ["low", "high"]) == ("low", "high")
    with pytest.raises(InvalidRequest, match="motion: an empty list"):
        values("motion", [])


def test_prompts_are_rows_and_motions_columns():
    made = laid_out(prompt=["steam rises", "petals open"], motion=["low", "high"])
    assert (made.rows, made.columns, len(made)) == (2, 2, 4)
    assert made.column == "motion"
    assert [made.at(number)["prompt"] for number in range(4)] == [
        "steam rises",
        "steam rises",
        "petals open",
        "petals open",
    ]
    assert [made.at(number)["motion"] for number in range(4)] == ["low", "high"] * 2
    assert made.title == "2 prompts × 2 motions"
    assert made.name(3) == "petals open · high"
    assert made.number(-1, -1) == 3
    with pytest.raises(IndexError, match="2 × 2"):
        made.number(2, 0)


def test_a_third_parameter_goes_into_the_rows_and_every_combination_is_there_once():
    made = laid_out(
        prompt=["{steam|milk}", "petals"],
        image=[("a1", "a.jpg"), ("b2", "b.jpg")],
        motion=["low", "high"],
        video_type=list(TYPES),
    )
    assert made.column == "image"
    assert [axis.name for axis in made.row_axes] == ["prompt", "motion", "video_type"]
    cells = [tuple(made.at(number).values()) for number in range(len(made))]
    assert len(set(cells)) == len(cells) == 24
    assert made.name(0) == "steam · low · 480p · a.jpg"


@pytest.mark.parametrize(("count", "rows", "columns"), [(1, 1, 1), (4, 1, 4), (5, 5, 1)])
def test_what_varies_alone_stands_side_by_side_as_long_as_it_is_few(count, rows, columns):
    made = laid_out(prompt=[f"prompt {number}" for number in range(count)])
    assert (made.rows, made.columns) == (rows, columns)


def test_many_values_are_rows_not_columns():
    made = laid_out(prompt=["a", "b"], image=[(str(number), "x") for number in range(9)], motion=["low", "high"])
    assert made.column == "motion"
    assert made.axis("image").labels[:2] == ("x (1)", "x (2)")


def test_the_same_value_twice_is_one():
    made = laid_out(prompt=["a", "{a|b}"], image=[("a1", "first.jpg"), ("a1", "second.jpg")], motion=["low", "low"])
    assert made.axis("prompt").values == ("a", "b")
    assert made.axis("image").labels == ("first.jpg",)
    assert len(made) == 2


@pytest.mark.parametrize(
    ("prompts", "labels"),
    [
        (["steam rises", "petals open"], ("steam rises", "petals open")),
        (["slow light", "slow light on the table"], ("slow light", "slow light on the table")),
        ([f"the cup of coffee steams {TAIL}", f"the cup of tea steams {TAIL}"], ("… coffee …", "… tea …")),
        ([f"slow light {TAIL}", f"warm light {TAIL}"], ("slow …", "warm …")),
        ([TAIL, f"{TAIL} now"], (TAIL, "… now")),
        (["", f"steam {TAIL}"], ("no prompt", f"steam {TAIL}")),
        ([""], ("no prompt",)),
    ],
)
def test_long_prompts_are_labelled_by_what_tells_them_apart(prompts, labels):
    assert laid_out(prompt=prompts).axis("prompt").labels == labels


def test_a_sweep_is_not_longer_than_one_can_look_at():
    assert len(laid_out(prompt=["{1|2|3|4|5|6|7|8|9|10}{a|b|c|d|e|f|g|h|i|j}"], motion=["low", "high"])) == MOST_CALLS
    with pytest.raises(InvalidRequest, match=r"201 prompts are 201 calls; a sweep makes at most 200") as caught:
        laid_out(prompt=[str(number) for number in range(201)])
    assert caught.value.field == "prompt"


def test_a_plan_that_was_kept_is_laid_out_as_it_was():
    made = laid_out(prompt=["a", "☕"], motion=["low", "high"], video_type=list(TYPES))
    assert Plan.from_json(made.to_json()) == made
