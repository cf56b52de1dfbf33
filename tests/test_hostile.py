"""The network that quantizes badly is sound in float, damaged or not, and int8 does fail on it.

Guards that the net that tests of quantization rely on is as hostile as they believe.
Slow: it trains that net.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from edgebake.models import keras_session
from tests import hostile

Probabilities = NDArray[np.float32]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def archive(hostile_archive: bytes) -> bytes:
    return hostile_archive


@pytest.fixture(scope="module")
def sound(archive: bytes) -> Probabilities:
    return _answers(archive)


def _answers(archive: bytes) -> Probabilities:
    answers: Probabilities = keras_session.load(archive)(
        hostile.pictures("test")[0], training=False
    ).numpy()
    return answers


def _accuracy(answers: Probabilities) -> float:
    return float(np.mean(answers.argmax(1) == hostile.pictures("test")[1]))


@pytest.mark.parametrize(("channels", "outlier"), [(True, False), (False, True), (True, True)])
def test_damage_changes_no_answer_in_float(
    archive: bytes, sound: Probabilities, channels: bool, outlier: bool
) -> None:
    damaged = hostile.damaged(archive, channels, outlier)
    answers = _answers(damaged)
    assert damaged != archive
    assert np.abs(answers - sound).max() < 1e-3
    assert np.sum(answers.argmax(1) != sound.argmax(1)) <= 1


def test_no_damage_is_the_same_model(archive: bytes, sound: Probabilities) -> None:
    assert np.array_equal(_answers(hostile.damaged(archive, channels=False, outlier=False)), sound)


def test_float_reads_digits_it_has_not_seen(archive: bytes, sound: Probabilities) -> None:
    assert _accuracy(sound) >= 0.95
    assert _accuracy(_answers(hostile.damaged(archive))) >= 0.95


def test_damage_is_where_it_is_said_to_be(archive: bytes) -> None:
    before, after = keras_session.load(archive), keras_session.load(hostile.damaged(archive))
    for writer, reader in (*hostile.CHANNEL_PAIRS, hostile.OUTLIER_PAIR):
        written = _ratio(before, after, f"{writer}_norm")
        read = _ratio(before, after, reader).reshape(9, -1)
        assert np.allclose(read * written, 1)
        assert written.max() / written.min() >= 64


def _ratio(before: Any, after: Any, layer: str) -> NDArray[np.float32]:
    """Return by what each of a layer's first weights (kernel, or gamma) was multiplied."""
    ratio: NDArray[np.float32] = (
        after.get_layer(layer).get_weights()[0] / before.get_layer(layer).get_weights()[0]
    )
    return ratio


def test_training_again_gives_the_same_bytes(archive: bytes) -> None:
    assert hostile.trained() == archive


def test_int8_fails_with_a_scale_per_tensor_and_less_with_one_per_channel(
    archive: bytes, sound: Probabilities
) -> None:
    model = keras_session.load(hostile.damaged(archive))
    in_float = _accuracy(sound)
    per_tensor, per_channel = (_accuracy(_run(_int8(model, shared))) for shared in (True, False))
    assert per_tensor <= in_float - 0.10
    assert per_tensor + 0.05 <= per_channel <= in_float - 0.03


def _int8(model: Any, one_scale_per_tensor: bool) -> bytes:
    """Return a .tflite of int8 inside and float at both ends."""
    import tensorflow

    def seen() -> Iterable[list[Probabilities]]:
        return ([image[None]] for image in hostile.pictures("calibration")[0])

    converter = tensorflow.lite.TFLiteConverter.from_concrete_functions(
        [keras_session.frozen_graph(model)]
    )
    converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tensorflow.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.representative_dataset = seen
    converter._experimental_disable_per_channel = one_scale_per_tensor
    return bytes(converter.convert())


def _run(tflite: bytes) -> Probabilities:
    interpreter = Interpreter(model_content=tflite, num_threads=1)
    interpreter.allocate_tensors()
    image, answer = (
        interpreter.get_input_details()[0]["index"],
        interpreter.get_output_details()[0]["index"],
    )
    answers = []
    for picture in hostile.pictures("test")[0]:
        interpreter.set_tensor(image, picture[None])
        interpreter.invoke()
        answers.append(interpreter.get_tensor(answer)[0])
    return np.array(answers)
