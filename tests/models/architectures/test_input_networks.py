"""Networks for sounds, signals and texts: shapes, numbers of weights, names of the contract."""

import numpy as np
import pytest

from edgebake.models import keras_session
from edgebake.models.architectures import byte_cnn, ds_cnn_audio, time_cnn
from edgebake.recipe import Model
from edgebake.tasks.contract import Contract
from edgebake.tasks.tensors import ContractInput, TensorSpec
from tests.contracts import probabilities

LABELS = ["a", "b", "c"]


def contract_of(tensor: TensorSpec) -> Contract:
    only = ContractInput(tensor.name, tensor.name, tensor, ())
    return Contract("classification", (only,), (probabilities(LABELS),), LABELS)


def test_a_network_over_time_halves_it_three_times() -> None:
    keras_session.start(1, 0)
    contract = contract_of(TensorSpec("signal", (40, 2), "float32"))
    model = time_cnn.build(Model("time_cnn", 0.5), contract)
    # Channels 16 (12 rounded to a multiple of 8), 24, 24; kernels of 7; 4 numbers each of a batch
    # normalization; 24 * 3 + 3 of the dense layer.
    expected = 7 * 2 * 16 + 64 + 7 * 16 * 24 + 96 + 7 * 24 * 24 + 96 + 75
    assert model.count_params() == expected
    assert model.input.name == "signal"
    answers = model.predict(np.zeros((2, 40, 2), np.float32), verbose=0)
    assert answers.shape == (2, 3)
    np.testing.assert_allclose(answers.sum(axis=1), 1, rtol=1e-6)
    lengths = [layer.output.shape[2] for layer in model.layers if "re_lu" in layer.name]
    assert lengths == [20, 10, 5]


def test_a_network_over_bytes_takes_every_id() -> None:
    keras_session.start(1, 0)
    contract = contract_of(TensorSpec("text", (8,), "int32", highest=256))
    model = byte_cnn.build(Model("byte_cnn", 1.0), contract)
    expected = 257 * 24 + 5 * 24 * 64 + 256 + 3 * 64 * 64 + 256 + 64 * 3 + 3
    assert model.count_params() == expected
    ids = np.array([[0, 1, 2, 3, 4, 5, 255, 256]], np.int32)
    answers = model.predict(ids, verbose=0)
    assert answers.shape == (1, 3)
    assert np.isfinite(answers).all()


def test_a_network_over_bytes_refuses_numbers_without_ids() -> None:
    contract = contract_of(TensorSpec("signal", (8,), "float32"))
    with pytest.raises(ValueError, match="signal: float32; expected ids"):
        byte_cnn.build(Model("byte_cnn", 1.0), contract)


def test_a_network_over_a_spectrum_keeps_its_size_behind_the_stem() -> None:
    keras_session.start(1, 0)
    contract = contract_of(TensorSpec("audio", (49, 40, 1), "float32"))
    model = ds_cnn_audio.build(Model("ds_cnn_audio", 1.0), contract)
    # A stem of 10 x 4, four blocks of a depthwise 3 x 3 and a pointwise convolution, 4 numbers of
    # each batch normalization, a dense layer.
    block = 9 * 48 + 192 + 48 * 48 + 192
    assert model.count_params() == 10 * 4 * 48 + 192 + 4 * block + 48 * 3 + 3
    assert model.input.name == "audio"
    answers = model.predict(np.zeros((2, 49, 40, 1), np.float32), verbose=0)
    assert answers.shape == (2, 3)
    np.testing.assert_allclose(answers.sum(axis=1), 1, rtol=1e-6)
    sizes = {layer.output.shape[1:3] for layer in model.layers if "re_lu" in layer.name}
    assert sizes == {(25, 10)}
