"""Images that look like an array: the same pixels as all at once, read late, and decoded once."""

import numpy as np
import pytest
from numpy.typing import NDArray

from edgebake.data.preprocessed import CachedInput, PreparedInput
from edgebake.data.readers.decode import LazyImages
from edgebake.errors import DataError
from tests.training.nets import CONTRACT


class Counted(LazyImages):
    """Pictures of different sizes that count how often each is decoded."""

    def __init__(self, count: int) -> None:
        super().__init__(count, self.picture)
        object.__setattr__(self, "decoded", [0] * count)

    decoded: list[int]

    def picture(self, number: int) -> NDArray[np.uint8]:
        self.decoded[number] += 1
        if number == 13:
            raise DataError("13.png: gone")
        return np.random.default_rng(number).integers(0, 256, (5 + number, 7, 3)).astype(np.uint8)


def test_slices_and_rows_are_those_of_the_whole() -> None:
    images = Counted(9)
    whole = CONTRACT.image.preprocess([images[number] for number in range(9)])
    prepared = PreparedInput(images, CONTRACT.single_input)
    assert len(prepared) == 9
    for _ in range(2):  # from the images, then from the file
        np.testing.assert_array_equal(prepared[2:5], whole[2:5])
        np.testing.assert_array_equal(prepared[7:99], whole[7:])
        np.testing.assert_array_equal(prepared[np.array([8, 0, 8])], whole[[8, 0, 8]])
    np.testing.assert_array_equal(
        CachedInput(prepared)[1:3], CONTRACT.image.resize_images([images[1], images[2]])
    )


def test_an_image_is_decoded_once_and_only_when_it_is_asked_for() -> None:
    images = Counted(9)
    prepared = PreparedInput(images, CONTRACT.single_input)
    prepared[0:4]
    prepared[2:6]
    assert images.decoded == [1, 1, 1, 1, 1, 1, 0, 0, 0]


def test_an_image_that_is_gone_by_then_is_said_to_be() -> None:
    with pytest.raises(DataError, match=r"13\.png: gone"):
        PreparedInput(Counted(20), CONTRACT.single_input)[12:14]
