"""Ids of an input are looked up as they are; other choices by sign stay."""

from typing import Any

import numpy as np
import pytest

from edgebake.models import id_lookups, keras_session
from edgebake.tasks.tensors import Ends, TensorSpec

ENDS = Ends((TensorSpec("ids", (3,), "int32", 4),), ("vectors",))


@pytest.fixture(scope="module")
def keras() -> Any:
    return keras_session.start(1)


def test_operators_for_negative_ids_are_left_out(keras: Any) -> None:
    ids = keras.Input((3,), dtype="int32", name="ids")
    model = keras.Model(ids, keras.layers.Embedding(5, 2)(ids))
    frozen = keras_session.frozen_graph(model, ENDS)
    (vectors,) = frozen.outputs
    assert vectors.op.name == "vectors"
    lookup = vectors.op.inputs[0].op
    while lookup.type != "GatherV2":
        lookup = lookup.inputs[0].op
    source = lookup.inputs[1].op
    while source.type == "Identity":
        source = source.inputs[0].op
    assert (source.type, source.name) == ("Placeholder", "ids")
    rows = np.array([[0, 4, 2]], np.int32)
    import tensorflow

    (found,) = frozen(tensorflow.constant(rows))
    np.testing.assert_array_equal(found.numpy(), model(rows).numpy())


@pytest.mark.usefixtures("keras")
def test_a_choice_between_other_numbers_stays() -> None:
    import tensorflow

    def shifted(ids: Any) -> Any:
        differences = ids - 2
        return tensorflow.where(differences < 0, differences + 5, differences)

    signature = [tensorflow.TensorSpec((1, 3), tensorflow.int32)]
    frozen = keras_session.freeze(tensorflow.function(shifted, input_signature=signature))
    assert id_lookups.without_negative_ids(frozen) is frozen
