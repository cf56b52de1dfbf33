"""How many examples each split holds: worked numbers."""

import pytest

from edgebake.data.splits import split_sizes
from edgebake.recipe import SplitBy, Splits

SPLITS = Splits(SplitBy.seed, train=0.5, calibration=0.1, validation=0.1, test=0.3)


def test_test_split_is_rounded_up_and_train_takes_the_rest() -> None:
    assert split_sizes({"": 1797}, SPLITS) == {
        "train": 899,
        "test": 540,
        "calibration": 179,
        "validation": 179,
    }


def test_whole_shares_are_not_moved_by_binary_fractions() -> None:
    # In binary 0.29 * 100 is a little less than 29, and 0.07 * 100 a little more than 7.
    shares = Splits(SplitBy.seed, train=0.54, calibration=0.29, validation=0.1, test=0.07)
    assert split_sizes({"": 100}, shares) == {
        "train": 54,
        "test": 7,
        "calibration": 29,
        "validation": 10,
    }


@pytest.mark.parametrize("count", [1, 2, 3, 7, 100, 1797])
def test_no_split_is_negative_and_none_is_lost(count: int) -> None:
    sizes = split_sizes({"": count}, SPLITS)
    assert min(sizes.values()) >= 0
    assert sum(sizes.values()) == count


def test_shares_are_of_what_the_source_calls_train() -> None:
    counts = {"train": 100, "test": 40}
    shares = Splits(SplitBy.source, calibration=0.1, validation=0.2)
    assert split_sizes(counts, shares) == {
        "train": 70,
        "test": 40,
        "calibration": 10,
        "validation": 20,
    }


def test_splits_that_the_source_has_are_left_alone() -> None:
    counts = {"train": 100, "validation": 9, "test": 40}
    shares = Splits(SplitBy.source, calibration=0.1)
    assert split_sizes(counts, shares) == {
        "train": 90,
        "test": 40,
        "calibration": 10,
        "validation": 9,
    }
