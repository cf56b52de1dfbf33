"""Each augmentation changes images in its own way and within its limit."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgebake.models import keras_session
from edgebake.recipe import Augment, Flip
from edgebake.training.augmentation import Augmentation
from tests.training import nets


def changed(options: Augment, images: NDArray[np.float32], labels: Any = None) -> Any:
    keras_session.start(1)
    batch_labels = np.zeros((len(images), 2), np.float32) if labels is None else labels
    augmented = Augmentation(options, nets.CONTRACT, seed=0)(images, batch_labels)
    return np.asarray(augmented[0]), np.asarray(augmented[1])


def halves(count: int) -> NDArray[np.float32]:
    """Return images that are black on the left and white on the right."""
    pixels = np.zeros((count, 4, 4, 3), np.uint8)
    pixels[:, :, 2:] = 255
    return nets.CONTRACT.image.normalize(pixels)


def grey(count: int, level: int) -> NDArray[np.float32]:
    return nets.CONTRACT.image.normalize(np.full((count, 4, 4, 3), level, np.uint8))


def test_about_half_of_the_images_are_mirrored() -> None:
    augmented, _ = changed(Augment(flip=Flip.horizontal), halves(200))
    left = augmented[:, 0, 0, 0] > 0
    assert 60 < left.sum() < 140
    np.testing.assert_allclose(
        augmented[left], halves(1)[:, :, ::-1].repeat(left.sum(), 0), atol=1e-5
    )


def test_a_vertical_flip_leaves_left_and_right() -> None:
    augmented, _ = changed(Augment(flip=Flip.vertical), halves(20))
    np.testing.assert_allclose(augmented, halves(20), atol=1e-5)


def test_brightness_moves_by_no_more_than_its_share() -> None:
    augmented, _ = changed(Augment(brightness=0.2), grey(200, 128))
    levels = augmented[:, 0, 0, 0] * 127.5 + 127.5
    assert levels.min() >= 128 - 0.2 * 255 - 0.5
    assert levels.max() <= 128 + 0.2 * 255 + 0.5
    assert levels.std() > 10


def test_contrast_is_that_of_the_word() -> None:
    images = grey(200, 100)
    images[:, :, 2:] = grey(1, 150)[0, 0, 0]
    augmented, _ = changed(Augment(contrast=0.5), images)
    gaps = (augmented[:, 0, 3, 0] - augmented[:, 0, 0, 0]) * 127.5
    assert gaps.min() >= 25 - 0.5
    assert gaps.max() <= 75 + 0.5
    assert gaps.std() > 5


def test_saturation_leaves_grey_alone_and_changes_color_both_ways() -> None:
    np.testing.assert_allclose(
        changed(Augment(saturation=0.5), grey(20, 90))[0], grey(20, 90), atol=0.01
    )
    red = nets.CONTRACT.image.normalize(
        np.broadcast_to(np.array([200, 100, 100], np.uint8), (200, 4, 4, 3))
    )
    gaps = changed(Augment(saturation=0.5), red)[0]
    spread = (gaps[:, 0, 0, 0] - gaps[:, 0, 0, 1]) * 127.5
    assert spread.min() >= 50 - 1
    assert spread.max() <= 150 + 1
    assert spread.min() < 80
    assert spread.max() > 120


def test_hue_turns_red_by_no_more_than_its_share_of_the_circle() -> None:
    red = nets.CONTRACT.image.normalize(
        np.broadcast_to(np.array([255, 0, 0], np.uint8), (100, 4, 4, 3))
    )
    augmented = changed(Augment(hue=0.1), red)[0][:, 0, 0] * 127.5 + 127.5
    # A tenth of the circle is 36 degrees: at most 0.6 of a channel towards yellow or magenta.
    assert augmented[:, 1:].max() <= 0.6 * 255 + 1
    assert augmented[:, 1].max() > 50
    assert augmented[:, 2].max() > 50


def test_cutout_blanks_its_share() -> None:
    keras_session.start(1)
    contract = nets.CONTRACT
    white = contract.image.normalize(np.full((50, 16, 16, 3), 255, np.uint8))
    augmented = np.asarray(Augmentation(Augment(cutout=0.25), contract, 0)(white, np.zeros(50))[0])
    blanked = (augmented[..., 0] < 0).mean(axis=(1, 2))
    assert blanked.max() <= 0.3
    assert blanked.mean() > 0.08  # a patch may hang over the edge
    assert (blanked > 0).all()


def test_mixup_mixes_labels_as_it_mixes_images() -> None:
    images = np.concatenate([grey(20, 0), grey(20, 255)])
    labels = np.eye(2, dtype=np.float32)[[0] * 20 + [1] * 20]
    augmented, mixed_labels = changed(Augment(mixup=0.5), images, labels)
    np.testing.assert_allclose(mixed_labels.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose((augmented[:, 0, 0, 0] + 1) / 2, mixed_labels[:, 1], atol=0.01)
    assert ((mixed_labels > 0.01) & (mixed_labels < 0.99)).any()


@pytest.mark.parametrize("options", [Augment(crop=0.7), Augment(rotation=15)])
def test_a_part_or_a_turn_of_an_even_image_is_that_image(options: Augment) -> None:
    np.testing.assert_allclose(changed(options, grey(10, 77))[0], grey(10, 77), atol=0.01)
    assert np.abs(changed(options, halves(10))[0] - halves(10)).max() > 0.1


def test_values_stay_those_of_pixels() -> None:
    options = Augment(brightness=1.0, contrast=1.0, rotation=90, crop=0.5)
    augmented, _ = changed(options, nets.pictures(50))
    assert augmented.min() >= -1
    assert augmented.max() <= 1
