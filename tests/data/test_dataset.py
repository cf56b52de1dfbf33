"""Splits share no example and are the same in every stage."""

from dataclasses import replace

import numpy as np
import pytest

from edgebake.data.dataset import Examples, take_split
from edgebake.recipe import Data, SplitBy, Splits

SPLITS = Splits(SplitBy.seed, train=0.5, calibration=0.1, validation=0.1, test=0.3)
NAMES = ("train", "calibration", "validation", "test")


def _numbered(count: int) -> Examples:
    """Return examples whose only pixel is their own number."""
    images = [np.full((1, 1), i, np.uint8) for i in range(count)]
    return Examples(images, np.arange(count) % 2, ["even", "odd"])


def _numbers(examples: Examples) -> list[int]:
    return [int(image[0, 0]) for image in examples.inputs]


def test_every_example_is_in_exactly_one_split() -> None:
    data = Data(seed=0, splits=SPLITS)
    numbers: list[int] = []
    for name in NAMES:
        numbers += _numbers(take_split(_numbered(50), data, name))
    assert sorted(numbers) == list(range(50))


def test_labels_stay_with_their_images() -> None:
    part = take_split(_numbered(50), Data(seed=0, splits=SPLITS), "train")
    assert [number % 2 for number in _numbers(part)] == part.labels.tolist()
    assert part.classes == ["even", "odd"]


def test_a_seed_draws_the_same_split_again_and_another_seed_a_different_one() -> None:
    first, repeated, different = (
        _numbers(take_split(_numbered(50), Data(seed=seed, splits=SPLITS), "test"))
        for seed in (0, 0, 1)
    )
    assert first == repeated
    assert first != different


def test_split_is_not_the_first_rows_of_a_sorted_set() -> None:
    assert _numbers(take_split(_numbered(50), Data(seed=0, splits=SPLITS), "train")) != list(
        range(25)
    )


def test_unknown_split_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="tset"):
        take_split(_numbered(10), Data(seed=0, splits=SPLITS), "tset")


def test_columns_stay_with_their_images() -> None:
    examples = replace(_numbered(50), columns={"light": [f"lamp {number}" for number in range(50)]})
    part = take_split(examples, Data(seed=0, splits=SPLITS), "test")
    assert part.columns == {"light": [f"lamp {number}" for number in _numbers(part)]}


def test_examples_of_which_nothing_more_is_known_have_no_columns() -> None:
    assert take_split(_numbered(50), Data(seed=0, splits=SPLITS), "test").columns == {}


def test_take_keeps_the_order_that_was_asked_for() -> None:
    assert _numbers(_numbered(5).take(np.array([4, 0, 2]))) == [4, 0, 2]


def test_what_the_source_calls_a_split_is_one_and_its_train_is_drawn_from() -> None:
    splits = ["train"] * 30 + ["test"] * 20
    data = Data(seed=0, splits=Splits(SplitBy.source, calibration=0.1, validation=0.2))
    parts = {
        name: _numbers(take_split(replace(_numbered(50), splits=splits), data, name))
        for name in NAMES
    }
    assert parts["test"] == list(range(30, 50))
    assert {name: len(part) for name, part in parts.items()} == {
        "train": 21,
        "calibration": 3,
        "validation": 6,
        "test": 20,
    }
    assert sorted(number for name in NAMES[:3] for number in parts[name]) == list(range(30))


def test_taking_a_part_reads_no_image() -> None:
    class Unread(list[int]):
        def __getitem__(self, _: object) -> int:  # type: ignore[override]
            raise AssertionError("read")

    examples = Examples(Unread(range(10)), np.arange(10) % 2, ["even", "odd"])
    part = take_split(
        take_split(examples, Data(seed=0, splits=SPLITS), "train"),
        Data(seed=1, splits=SPLITS),
        "train",
    )
    assert len(part.inputs) == 3  # half of five, and what is left of the others rounded up and down
