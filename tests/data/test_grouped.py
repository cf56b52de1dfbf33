"""Groups stay whole, and splits come as close to their shares as groups allow."""

from collections import Counter

from edgebake.data.grouped import Group, divide

SIZES = {"train": 1200, "test": 400, "validation": 200, "calibration": 200}


def _classes(groups: list[Group], split_of: dict[str, str]) -> dict[str, Counter[int]]:
    counts: dict[str, Counter[int]] = {}
    for group in groups:
        counts.setdefault(split_of[group.name], Counter()).update(group.classes)
    return counts


def test_equal_groups_have_the_shares_of_the_recipe() -> None:
    groups = [Group(f"p{number}", {0: 60, 1: 40}) for number in range(20)]
    assert _classes(groups, divide(groups, SIZES)) == {
        "train": {0: 720, 1: 480},
        "test": {0: 240, 1: 160},
        "validation": {0: 120, 1: 80},
        "calibration": {0: 120, 1: 80},
    }


def test_as_many_groups_as_splits_have_one_each_and_train_the_largest() -> None:
    groups = [Group("a", {0: 1, 1: 1}), Group("b", {0: 9, 1: 9}), Group("c", {0: 1, 1: 1})]
    groups.append(Group("d", {0: 4, 1: 4}))
    split_of = divide(groups, {"train": 18, "test": 6, "validation": 3, "calibration": 3})
    assert sorted(split_of.values()) == ["calibration", "test", "train", "validation"]
    assert (split_of["b"], split_of["d"]) == ("train", "test")


def test_a_class_of_two_groups_is_trained_and_tested() -> None:
    groups = [Group(f"p{number}", {0: 50}) for number in range(18)]
    groups += [Group("rare a", {1: 3}), Group("rare b", {1: 3})]
    split_of = divide(groups, {"train": 543, "test": 182, "validation": 90, "calibration": 90})
    assert {split_of["rare a"], split_of["rare b"]} == {"train", "test"}


def test_classes_that_groups_do_not_mix_are_stratified_too() -> None:
    groups = [Group(f"m{number}", {number % 2: 10}) for number in range(40)]
    sizes = {"train": 200, "test": 100, "validation": 60, "calibration": 40}
    assert _classes(groups, divide(groups, sizes)) == {
        "train": {0: 100, 1: 100},
        "test": {0: 50, 1: 50},
        "validation": {0: 30, 1: 30},
        "calibration": {0: 20, 1: 20},
    }
