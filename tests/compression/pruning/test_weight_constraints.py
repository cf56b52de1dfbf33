"""Constraints end with their block; all weights are compressed as one stream."""

import zlib
from typing import Any

import numpy as np
import pytest

from edgebake.compression.pruning import weight_constraints
from edgebake.models import keras_session


@pytest.fixture
def model() -> Any:
    keras = keras_session.start(1)
    return keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, name="one"), keras.layers.Dense(2, name="two")]
    )


def test_layers_are_found_by_kind(model: Any) -> None:
    assert list(weight_constraints.layers_of_kinds(model, ("Dense",))) == ["one", "two"]
    assert weight_constraints.layers_of_kinds(model, ("Conv2D",)) == {}


def test_a_rule_is_not_saved_and_ends_even_after_an_error(model: Any) -> None:
    kernel, plain = model.get_layer("one").kernel, keras_session.save(model)
    with weight_constraints.constrained([(kernel, _zeros)]):
        assert kernel.constraint is _zeros
        assert keras_session.save(model) == plain
    with (
        pytest.raises(RuntimeError, match="stopped"),
        weight_constraints.constrained([(kernel, _zeros)]),
    ):
        raise RuntimeError("stopped")
    assert kernel.constraint is None


def _zeros(weights: Any) -> Any:
    return weights * 0


def test_all_weights_are_packed_as_one(model: Any) -> None:
    content = b"".join(np.asarray(weight, np.float32).tobytes() for weight in model.get_weights())
    assert weight_constraints.compressed_bytes(model) == len(zlib.compress(content, 9))
    for weight in model.weights:
        weight.assign(np.zeros(weight.shape))
    assert weight_constraints.compressed_bytes(model) < 20  # 23 zeros
