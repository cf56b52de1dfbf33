"""Classes are in the order of the model's answers, and nothing is guessed about them."""

from pathlib import Path

import pytest

from edgebake.data.readers import labels
from edgebake.errors import DataError
from edgebake.recipe import Data, SplitBy, Splits


def _data(tmp_path: Path, text: str | None = None) -> Data:
    if text is None:
        return Data(path="pets")
    (tmp_path / "labels.txt").write_bytes(text.encode())
    return Data(path="pets", labels=str(tmp_path / "labels.txt"))


def test_names_are_sorted_without_a_labels_file(tmp_path: Path) -> None:
    assert labels.encode_names(_data(tmp_path), ["dog", "cat", "dog"]) == (
        ["cat", "dog"],
        [1, 0, 1],
    )


def test_a_labels_file_gives_the_order_and_may_name_more_classes(tmp_path: Path) -> None:
    data = _data(tmp_path, "\ufeffdog\r\nbird\r\ncat\r\n\r\n")
    assert labels.encode_names(data, ["dog", "cat", "dog"]) == (["dog", "bird", "cat"], [0, 2, 0])


def test_numbers_are_lines_of_the_labels_file(tmp_path: Path) -> None:
    assert labels.encode_numbers(_data(tmp_path, "dog\nbird\ncat\n"), [2, 0, 2]) == (
        ["dog", "bird", "cat"],
        [2, 0, 2],
    )


def test_numbers_are_names_without_a_labels_file(tmp_path: Path) -> None:
    # Sorted as numbers: 10 after 9.
    assert labels.encode_numbers(_data(tmp_path), [10, 9, 10]) == (["9", "10"], [1, 0, 1])


def test_a_class_that_the_labels_file_lacks_is_named(tmp_path: Path) -> None:
    data = _data(tmp_path, "dogs\ncats\n")
    with pytest.raises(DataError) as refused:
        labels.encode_names(data, ["dog", "cats"])
    expected = (
        f"pets: the class 'dog' is not in {data.labels}; expected one of: cats, dogs; did you "
        "mean 'dogs'?"
    )
    assert str(refused.value) == expected


@pytest.mark.parametrize("number", [-1, 2])
def test_a_number_beyond_the_labels_file_is_named(number: int, tmp_path: Path) -> None:
    data = _data(tmp_path, "dogs\ncats\n")
    with pytest.raises(DataError) as refused:
        labels.encode_numbers(data, [0, number])
    assert (
        str(refused.value)
        == f"pets: the label {number}; expected 0 to 1, one for each line of {data.labels}"
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("dog\n\ncat\n", "line 2 is empty"),
        ("dog\ncat\ndog\n", "line 3 says 'dog', as line 1 does"),
        ("", "line 1 is empty"),
    ],
)
def test_a_labels_file_that_says_no_order_is_refused(text: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=why):
        labels.read_labels_file(_data(tmp_path, text))


def test_a_labels_file_that_is_not_there_is_named() -> None:
    with pytest.raises(
        DataError,
        match=r"nowhere\.txt: No such file or directory; expected a text file with one class",
    ):
        labels.read_labels_file(Data(labels="nowhere.txt"))


def test_one_class_alone_cannot_be_told_from_another(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match="pets: all examples are of the class 'cat'; expected two classes or more"
    ):
        labels.encode_names(_data(tmp_path), ["cat", "cat"])


@pytest.mark.parametrize(
    ("word", "split"),
    [("Train", "train"), ("val", "validation"), ("VALID ", "validation"), ("calib", "calibration")],
)
def test_splits_have_the_names_that_people_use(word: str, split: str) -> None:
    assert labels.parse_split(word) == split


def test_other_words_are_no_splits() -> None:
    assert labels.parse_split("cats") is None


def test_splits_of_the_data_and_of_the_recipe_agree_or_the_recipe_is_told() -> None:
    by_seed, by_source = (
        Data(path="pets", splits=Splits(SplitBy.seed)),
        Data(path="pets", splits=Splits(SplitBy.source)),
    )
    labels.check_splits(by_seed, [""], "folders")
    labels.check_splits(by_source, ["train", "test"], "folders")
    for data, splits, why in (
        (
            by_seed,
            ["train", "test"],
            "has its own splits: test and train; expected `data.splits.by: source`",
        ),
        (by_source, [""], "has no splits of its own; expected folders, or `data.splits.by: seed`"),
        (by_source, ["test"], "holds test but no training examples; expected folders"),
    ):
        with pytest.raises(DataError) as refused:
            labels.check_splits(data, splits, "folders")
        assert str(refused.value) == f"pets: {why}"


def test_a_class_that_is_tested_and_never_learned_is_named() -> None:
    with pytest.raises(
        DataError, match="pets: test holds 'bird', train does not; expected every class in train"
    ):
        labels.refuse_untrained_classes(
            Data(path="pets"), ["cat", "bird", "dog"], ["train", "test", "train"]
        )
