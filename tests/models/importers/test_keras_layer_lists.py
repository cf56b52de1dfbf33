"""The lists of layers without effect hold what has none, and name every layer for training."""

from typing import Any

import numpy as np
import pytest

from edgebake.models import keras_session
from edgebake.models.importers import keras_layer_lists

ARGUMENTS: dict[str, dict[str, Any]] = {
    "AugMix": {},
    "GaussianNoise": {"stddev": 0.3},
    "RandomBrightness": {"factor": 0.2},
    "RandomColorDegeneration": {"factor": 0.5},
    "RandomContrast": {"factor": 0.2},
    "RandomCrop": {"height": 9, "width": 9},
    "RandomHue": {"factor": 0.2},
    "RandomPosterization": {"factor": 4},
    "RandomRotation": {"factor": 0.2},
    "RandomSaturation": {"factor": 0.5},
    "RandomSharpness": {"factor": 0.5},
    "RandomShear": {"x_factor": 0.2},
    "RandomTranslation": {"height_factor": 0.2, "width_factor": 0.2},
    "RandomZoom": {"height_factor": 0.2},
}
INERT = sorted(keras_layer_lists.classes("inert", 3))


@pytest.fixture(scope="module")
def keras() -> Any:
    return keras_session.start(1)


@pytest.mark.parametrize("class_name", INERT)
def test_a_layer_that_is_left_out_is_the_identity(keras: Any, class_name: str) -> None:
    layer = getattr(keras.layers, class_name)(**ARGUMENTS.get(class_name, {}))
    images = np.random.default_rng(0).uniform(0, 255, (2, 12, 16, 3)).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(layer(images, training=False)), images)


def test_every_random_layer_of_keras_is_known(keras: Any) -> None:
    random = {name for name in dir(keras.layers) if name.startswith("Random")}
    assert random <= set(INERT)


def test_what_is_left_out_of_keras_2_is_not_also_kept() -> None:
    assert not keras_layer_lists.classes("inert", 2) & keras_layer_lists.classes("same", 2)
