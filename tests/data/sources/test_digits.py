"""The digits are scikit-learn's own, spread over 0 to 255."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits  # before a test starts Keras, which hides it

from edgebake.data.dataset import Examples
from edgebake.data.sources import digits
from edgebake.errors import DataError
from edgebake.recipe import Data, SplitBy, Splits


@pytest.fixture(scope="module")
def examples() -> Examples:
    return digits.load(Data())


def test_images_and_labels_are_those_of_scikit_learn(examples: Examples) -> None:
    expected = load_digits()
    np.testing.assert_array_equal(np.stack(examples.inputs), np.rint(expected.images * 255 / 16))
    np.testing.assert_array_equal(examples.labels, expected.target)


def test_first_row_of_the_first_digit_is_scaled_from_16_levels(examples: Examples) -> None:
    # 0 0 5 13 9 1 0 0 in the table; 5 * 255 / 16 = 79.7
    assert examples.inputs[0][0].tolist() == [0, 0, 80, 207, 143, 16, 0, 0]


def test_darkest_and_lightest_levels_use_the_whole_range(examples: Examples) -> None:
    assert int(np.min(examples.inputs)) == 0
    assert int(np.max(examples.inputs)) == 255
    assert examples.inputs[0].dtype == np.uint8


def test_labels_name_ten_classes(examples: Examples) -> None:
    assert examples.classes == ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
    assert examples.labels[:10].tolist() == list(range(10))


def test_count_needs_no_reading_and_is_right(examples: Examples) -> None:
    assert digits.count(Data()) == {"": len(examples.inputs)}
    assert len(examples.inputs) == len(examples.labels) == len(examples.names) == 1797
    assert set(examples.splits) == {""}


def test_a_third_of_the_digits_took_little_ink_and_a_third_much(examples: Examples) -> None:
    assert digits.columns(Data()) == list(examples.columns) == ["ink"]
    # 1,797 / 3 = 599, and digits of one amount stay together.
    assert Counter(examples.columns["ink"]) == {"light": 603, "medium": 608, "heavy": 586}


def test_ink_is_the_sum_of_all_levels(examples: Examples) -> None:
    amounts = load_digits().data.sum(axis=1)
    names = np.array(examples.columns["ink"])
    light, medium, heavy = (amounts[names == name] for name in ("light", "medium", "heavy"))
    assert light.max() < medium.min()
    assert medium.max() < heavy.min()
    # 0 0 5 13 9 1 0 0, and seven more rows: 294 of the 1,024 levels.
    assert (amounts[0], names[0]) == (294, "light")


def test_digits_say_no_splits() -> None:
    with pytest.raises(DataError, match="has no splits of its own; expected examples that do, or "):
        digits.count(Data(path="digits", splits=Splits(SplitBy.source)))


def test_a_labels_file_gives_the_order_of_the_answers(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("".join(f"{digit}\n" for digit in (1, 0, *range(2, 10))))
    examples = digits.load(Data(labels=str(tmp_path / "labels.txt")))
    assert examples.classes[:3] == ["1", "0", "2"]
    assert examples.labels[:3].tolist() == [1, 0, 2]
