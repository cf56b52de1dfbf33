"""No class is evaluated untrained, or passes a gate untested."""

from collections import Counter

import pytest

from edgebake.data.class_coverage import Coverage
from edgebake.errors import DataError
from edgebake.recipe import Data


def _coverage(train: dict[str, int], test: dict[str, int], **others: dict[str, int]) -> Coverage:
    counts = {"train": Counter(train), "test": Counter(test)}
    counts |= {split: Counter(sizes) for split, sizes in others.items()}
    return Coverage(["cat", "dog", "fox"], counts)


FULL = {"cat": 5, "dog": 3, "fox": 3}


def _refused(coverage: Coverage, *untested: str) -> str:
    with pytest.raises(DataError) as refused:
        coverage.check(Data(path="pets", untested_classes=list(untested)))
    return str(refused.value)


def test_the_smallest_class_of_train_and_test_is_the_first_of_equals() -> None:
    coverage = _coverage(FULL, {"cat": 1, "dog": 2, "fox": 2})
    assert coverage.smallest() == {
        "train": {"name": "dog", "examples": 3},
        "test": {"name": "cat", "examples": 1},
    }
    coverage.check(Data(path="pets"))


def test_the_smallest_class_of_train_may_be_an_untested_one() -> None:
    coverage = _coverage({"cat": 5, "dog": 1}, {"cat": 2})
    assert coverage.smallest() == {
        "train": {"name": "dog", "examples": 1},
        "test": {"name": "cat", "examples": 2},
    }


def test_a_class_that_test_lacks_is_refused_or_listed() -> None:
    coverage = _coverage(FULL, {"cat": 1, "fox": 1})
    assert _refused(coverage) == (
        "pets: test has no example of 1 of 3 classes: 'dog' (3 in all); expected every class in "
        "train and in test: add examples of it, or list it in data.untested_classes"
    )
    for listed in ("dog", "*"):
        coverage.check(Data(path="pets", untested_classes=[listed]))
    assert coverage.untested == ["dog"]


def test_a_class_that_train_lacks_is_refused_even_if_it_is_listed() -> None:
    coverage = _coverage({"cat": 5, "fox": 1}, {"cat": 1, "fox": 1}, validation={"dog": 1})
    expected = (
        "pets: train has no example of 1 of 3 classes: 'dog' (1 in all); expected every class in "
        "train and in test: add examples of it"
    )
    assert _refused(coverage) == expected
    assert _refused(coverage, "dog") == expected
    assert _refused(coverage, "*") == expected


def test_a_class_without_any_example_may_be_listed() -> None:
    coverage = _coverage({"cat": 5, "fox": 1}, {"cat": 1, "fox": 1})
    assert "test has no example of 1 of 3 classes: 'dog' (0 in all)" in _refused(coverage)
    coverage.check(Data(path="pets", untested_classes=["dog"]))
    assert coverage.smallest()["train"] == {"name": "fox", "examples": 1}


def test_a_list_that_does_not_fit_is_refused() -> None:
    coverage = _coverage(FULL, FULL)
    assert _refused(coverage, "dgo") == (
        "data.untested_classes: pets has no class 'dgo'; "
        "expected one of its classes; did you mean 'dog'?"
    )
    assert _refused(coverage, "dog") == (
        "data.untested_classes: 'dog' has 3 test examples; "
        "expected only classes that have none: remove it from the list"
    )
