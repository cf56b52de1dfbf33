"""Each class has its share of each split; worked numbers, and what holds for all."""

from hypothesis import given
from hypothesis import strategies as st

from edgebake.data.splits import split_sizes
from edgebake.data.stratified import Counts, divide
from edgebake.recipe import SplitBy, Splits

SHARES = Splits(SplitBy.seed, train=0.6, calibration=0.1, validation=0.1, test=0.2)


def _divided(class_sizes: list[int]) -> tuple[dict[str, int], Counts]:
    """Return the sizes that the splits should have, and the examples of each class."""
    sizes = split_sizes({"": sum(class_sizes)}, SHARES)
    return sizes, divide(class_sizes, sizes)


def _totals(counts: Counts) -> dict[str, int]:
    return {split: sum(row[split] for row in counts) for split in counts[0]}


def test_each_class_has_the_shares_of_the_recipe() -> None:
    _, counts = _divided([100, 10, 50])
    assert counts == [
        {"train": 60, "test": 20, "validation": 10, "calibration": 10},
        {"train": 6, "test": 2, "validation": 1, "calibration": 1},
        {"train": 30, "test": 10, "validation": 5, "calibration": 5},
    ]


def test_200_classes_of_5_are_all_trained_and_tested() -> None:
    sizes, counts = _divided([5] * 200)
    assert {(row["train"], row["test"]) for row in counts} == {(3, 1)}
    # Validation and calibration hold 100 examples each: classes take turns.
    assert all(row["validation"] + row["calibration"] == 1 for row in counts)
    assert (
        _totals(counts)
        == sizes
        == {"train": 600, "test": 200, "validation": 100, "calibration": 100}
    )


def test_a_small_class_is_in_every_split_where_a_large_one_can_give_way() -> None:
    sizes, counts = _divided([1000, 6])
    assert counts[1] == {"train": 3, "test": 1, "validation": 1, "calibration": 1}
    assert _totals(counts) == sizes


def test_train_comes_first_then_test_then_the_others() -> None:
    _, counts = _divided([1, 2, 3, 4, 90])
    assert counts[0] == {"train": 1, "test": 0, "validation": 0, "calibration": 0}
    assert counts[1] == {"train": 1, "test": 1, "validation": 0, "calibration": 0}
    assert counts[2] == {"train": 1, "test": 1, "validation": 1, "calibration": 0}
    assert counts[3] == {"train": 1, "test": 1, "validation": 1, "calibration": 1}


def test_test_takes_from_train_what_its_classes_need() -> None:
    sizes, counts = _divided([4] * 200)
    assert sizes["test"] == 160
    assert _totals(counts) == {"train": 440, "test": 200, "validation": 80, "calibration": 80}


def test_shares_of_train_are_divided_likewise() -> None:
    counts = divide([10, 20], {"train": 24, "validation": 6})
    assert counts == [{"train": 8, "validation": 2}, {"train": 16, "validation": 4}]


@given(st.lists(st.integers(1, 60), min_size=2, max_size=12))
def test_none_is_lost_and_no_class_strays_far(class_sizes: list[int]) -> None:
    sizes, counts = _divided(class_sizes)
    for size, row in zip(class_sizes, counts, strict=True):
        assert sum(row.values()) == size
        assert row["train"] >= 1
        assert row["test"] >= min(1, size - 1)
    for split, total in _totals(counts).items():
        # A size is left only for the sake of classes with few examples.
        assert abs(total - sizes[split]) <= sum(size < 5 for size in class_sizes)
