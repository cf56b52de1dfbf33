"""Splits by group: what is drawn, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from edgebake.data.dataset import Examples, assign_splits
from edgebake.errors import DataError
from edgebake.recipe import Data, SplitBy, Splits

BY_GROUP = Splits(SplitBy.group, 0.6, 0.1, 0.1, 0.2, column="person")
BY_SOURCE = Splits(SplitBy.source, calibration=0.1, validation=0.2, column="person")


def _examples(persons: list[str]) -> Examples:
    count = len(persons)
    images = [np.zeros((1, 1), np.uint8)] * count
    names = [f"{number}.png" for number in range(count)]
    labels = np.arange(count) % 2
    return Examples(images, labels, ["a", "b"], columns={"person": persons}, names=names)


def _persons(examples: Examples, data: Data) -> dict[str, set[str]]:
    persons = np.array(examples.columns["person"])
    splits = assign_splits(examples, data)
    return {name: set(persons[numbers].tolist()) for name, numbers in splits.items()}


def _refused(examples: Examples, splits: Splits = BY_GROUP) -> str:
    with pytest.raises(DataError) as refused:
        assign_splits(examples, Data(path="pets", seed=0, splits=splits))
    return str(refused.value)


def test_a_person_is_in_one_split_only() -> None:
    examples = _examples([f"p{number // 10}" for number in range(200)])
    persons = _persons(examples, Data(path="pets", seed=0, splits=BY_GROUP))
    assert {name: len(group) for name, group in persons.items()} == {
        "train": 12,
        "calibration": 2,
        "validation": 2,
        "test": 4,
    }
    assert len(set.union(*persons.values())) == 20
    other = _persons(examples, Data(path="pets", seed=1, splits=BY_GROUP))
    assert other != persons


def test_splits_of_the_source_are_drawn_from_by_group() -> None:
    examples = _examples([f"p{number // 10}" for number in range(200)])
    examples = replace(examples, splits=["test"] * 100 + ["train"] * 100)
    persons = _persons(examples, Data(path="pets", seed=0, splits=BY_SOURCE))
    assert persons["test"] == {f"p{number}" for number in range(10)}
    sizes = [len(persons[name]) for name in ("train", "calibration", "validation")]
    assert sizes == [7, 1, 2]


def test_a_person_in_two_splits_of_the_source_is_named() -> None:
    examples = replace(_examples(["ann", "bob", "ann"]), splits=["train", "test", "test"])
    assert _refused(examples, BY_SOURCE) == (
        "pets: 'ann' in the column 'person' is in train and test; expected each group in one split"
    )


def test_what_cannot_be_divided_is_named() -> None:
    assert _refused(_examples(["ann", "bob", "", "cy"])) == (
        "data.splits.column: no value of 'person' for 2.png; expected a group for every example"
    )
    assert _refused(_examples(["ann", "bob", "cy"] * 5)) == (
        "data.splits.column: 'person' has 3 groups (ann, bob, cy); "
        "expected at least 4, one for each split that is drawn"
    )
    assert _refused(replace(_examples(["ann"]), columns={"persons": ["ann"]})) == (
        "data.splits.column: pets has no column 'person'; expected one of: persons; "
        "did you mean 'persons'?"
    )
