"""Mixed precision during training alone."""

import numpy as np

from edgebake.models import keras_session
from edgebake.recipe import Train
from edgebake.training import loop, mixed_precision
from tests.training import nets


def test_layers_compute_in_halves_and_are_themselves_again_afterwards() -> None:
    model = nets.model()
    with mixed_precision.float16_compute(model, is_enabled=True):
        assert model.get_layer("hidden").compute_dtype == "float16"
        assert model.get_layer("probabilities").compute_dtype == "float32"
        assert model.get_layer("hidden").kernel.dtype == "float32"
        model.compile("adam", "sparse_categorical_crossentropy")
        data = nets.splits()
        model.fit(data.inputs, data.labels, epochs=2, verbose=0)
        assert np.isfinite(model.get_weights()[0]).all()
    archive = keras_session.save(nets_copy(model))
    assert b"mixed_float16" not in archive
    assert model.get_layer("hidden").compute_dtype == "float32"


def nets_copy(model: object) -> object:
    """Return the model without its optimizer."""
    import keras

    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())  # type: ignore[attr-defined]
    return copy


def test_without_a_gpu_the_word_changes_nothing() -> None:
    if mixed_precision.has_gpu():
        return
    plain, mixed = nets.model(), nets.model()
    loop.fit(plain, nets.splits(), Train(1, 32, 0.05, 0, 1))
    loop.fit(mixed, nets.splits(), Train(1, 32, 0.05, 0, 1, mixed_precision=True))
    for expected, actual in zip(plain.get_weights(), mixed.get_weights(), strict=True):
        np.testing.assert_array_equal(expected, actual)
