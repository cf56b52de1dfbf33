"""Only layers that match a pattern are trained, and all are trainable afterwards."""

import numpy as np
import pytest

from edgebake.errors import RecipeError
from edgebake.recipe import Train
from edgebake.training import loop
from tests.training import nets


def test_frozen_layers_keep_their_weights() -> None:
    model = nets.model()
    before = [weight.copy() for weight in model.get_weights()]
    loop.fit(model, nets.splits(), Train(1, 32, 0.05, 0, 1, layers=["prob*"]))
    after = model.get_weights()
    np.testing.assert_array_equal(before[0], after[0])  # the kernel of `hidden`
    assert np.abs(before[2] - after[2]).max() > 0  # of `probabilities`
    assert all(layer.trainable for layer in model.layers)


def test_a_pattern_that_fits_nothing_is_a_mistake() -> None:
    with pytest.raises(RecipeError) as refused:
        loop.fit(nets.model(), nets.splits(), Train(1, 32, 0.05, 0, 1, layers=["hiden"]))
    assert str(refused.value) == (
        "train.layers: hiden: no layer with weights has such a name; "
        "expected some of: hidden, probabilities; did you mean 'hidden'?"
    )


def test_layers_of_models_inside_are_found_too() -> None:
    inner = nets.model()
    import keras

    image = keras.Input((1, 1, 2))
    outer = keras.Model(image, keras.layers.Dense(2, "softmax", name="outer")(inner(image)))
    before = inner.get_layer("hidden").get_weights()[0].copy()
    loop.fit(outer, nets.splits(), Train(1, 32, 0.05, 0, 1, layers=["outer", "probabilities"]))
    np.testing.assert_array_equal(before, inner.get_layer("hidden").get_weights()[0])
