"""A model that loses accuracy in int8: the layers at fault and the remedies, in two runtimes.

Guards that `edgebake sensitivity` blames the right layers, and each rescue that docs name is one.
Slow: it trains a net and converts it many times.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgebake.compression.quantization import calibration, sensitivity
from edgebake.compression.quantization.qat import train as aware
from edgebake.compression.quantization.qat.settings import QatSettings
from edgebake.compression.quantization.sensitivity import LabeledExamples
from edgebake.models import keras_session
from edgebake.models.activation_ranges import ActivationRanges
from edgebake.models.quantized_model import QuantizedModel
from edgebake.recipe import Calibration, DType, Granularity
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.recipe.stage_params import ConvertParams
from edgebake.runtimes.interface import load_runtime
from edgebake.runtimes.litert.calibrated_model import CalibratedModel, to_float_tflite
from edgebake.runtimes.litert.quantizer import IntegerOptions
from edgebake.runtimes.session import NamedExamples, predictions, single_output
from edgebake.training.loop import TrainingSplits
from tests import hostile
from tests.contracts import image_contract

pytestmark = pytest.mark.slow

CONTRACT = image_contract(
    "classification",
    16,
    16,
    "grayscale",
    "none",
    "bilinear",
    [127.5],
    [1 / 127.5],
    [str(digit) for digit in range(10)],
)
ABOUT = ReleaseInfo("digits", "1.0.0", "nobody", "Apache-2.0", "quantizes badly")
TENSOR, CHANNEL = Granularity.per_tensor, Granularity.per_channel
ASKED = IntegerOptions("int8", CHANNEL, fallback_dtype=DType.float32)
OUTLIER = {
    "pointwise_2",
    "depthwise_3",
}  # one channel between them is 128 times wider than the others
RUNTIMES = ["litert", "onnxruntime"]


@pytest.fixture(scope="module")
def archive(hostile_archive: bytes) -> bytes:
    return hostile.damaged(hostile_archive)


@pytest.fixture(scope="module")
def scored() -> dict[str, LabeledExamples]:
    labeled = {}
    for name in ("validation", "test"):
        images, labels = hostile.pictures(name)
        labeled[name] = LabeledExamples(NamedExamples({"image": images}), labels)
    return labeled


def calibrated(archive: bytes, method: str = "min_max") -> ActivationRanges:
    keras_session.start(1)
    examples, _ = hostile.pictures("calibration")
    return calibration.calibrate(archive, {"image": examples[:100]}, Calibration(method, 100, 0))


@pytest.fixture(scope="module")
def program(archive: bytes) -> CalibratedModel:
    ranges = calibrated(archive)
    return CalibratedModel(to_float_tflite(keras_session.load(archive)), ranges)


@pytest.fixture(scope="module")
def kept(program: CalibratedModel, scored: dict[str, LabeledExamples]) -> dict[str, list[str]]:
    """The layers that `mixed` keeps in order to lose at most three points on the validation split.

    Training differs between processors, and one point is one example of 179, which other layers
    may cost as well.
    """
    floor = sensitivity.accuracy(program, scored["validation"]) - 0.03
    return {
        layer.name: layer.values
        for layer in sensitivity.fallback_layers(program, ASKED, scored["validation"], floor)
    }


def accuracy(runtime: str, item: QuantizedModel, test: LabeledExamples) -> float:
    """Return the accuracy of the converted file in its own runtime."""
    params = ConvertParams(runtime, None, about=ABOUT)
    loaded = load_runtime(runtime)
    session = loaded.load_session(loaded.convert_model(item, CONTRACT, params), 1)
    is_right: Any = single_output(predictions(session, test.inputs)).argmax(axis=1) == test.labels
    return float(np.mean(is_right))


def test_the_layers_around_the_outlier_are_the_dearest(
    program: CalibratedModel, scored: dict[str, LabeledExamples]
) -> None:
    costs = sensitivity.layer_sensitivities(program, ASKED, scored["validation"])
    assert {cost.layer.name for cost in costs[:2]} == OUTLIER
    assert costs[0].signal_to_noise_db < costs[2].signal_to_noise_db < costs[-1].signal_to_noise_db
    assert min(cost.accuracy_drop for cost in costs[:2]) > 0.02
    assert len(costs) == len(program.layers)


def test_the_outlier_is_reported_where_it_is_and_nowhere_else(program: CalibratedModel) -> None:
    assert [layer.name for layer in program.layers if layer.range.has_outliers] == ["pointwise_2"]


def test_the_fewest_layers_are_kept(
    program: CalibratedModel, kept: dict[str, list[str]], scored: dict[str, LabeledExamples]
) -> None:
    assert set(kept) == OUTLIER
    assert sensitivity.fallback_layers(program, ASKED, scored["validation"], 0.0) == []
    assert len(sensitivity.fallback_layers(program, ASKED, scored["validation"], 1.01)) == len(
        program.layers
    )


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_one_scale_per_layer_fails_one_per_channel_is_better_and_keeping_two_layers_rescues(
    runtime: str,
    archive: bytes,
    program: CalibratedModel,
    kept: dict[str, list[str]],
    scored: dict[str, LabeledExamples],
) -> None:
    test = scored["test"]
    whole = sensitivity.accuracy(program, test)
    int8 = QuantizedModel(archive, "int8", "int8", "int8", TENSOR, program.ranges)
    per_tensor = accuracy(runtime, int8, test)
    per_channel = accuracy(runtime, replace(int8, granularity=CHANNEL), test)
    mixed = accuracy(
        runtime,
        replace(
            int8,
            scheme="mixed",
            granularity=CHANNEL,
            fallback_dtype=DType.float32,
            fallback_layers=kept,
        ),
        test,
    )
    assert whole > 0.95
    assert per_tensor < whole - 0.3
    assert per_tensor + 0.2 < per_channel < whole - 0.05
    assert mixed > whole - 0.02


def test_a_calibration_that_clips_the_outlier_rescues_too(
    archive: bytes, scored: dict[str, LabeledExamples]
) -> None:
    int8 = QuantizedModel(archive, "int8", "int8", "int8", CHANNEL, calibrated(archive, "entropy"))
    assert accuracy("litert", int8, scored["test"]) > 0.95


def test_training_rescues_in_both_runtimes_from_one_set_of_ranges(
    archive: bytes, scored: dict[str, LabeledExamples]
) -> None:
    keras_session.start(1)
    splits = TrainingSplits(*hostile.pictures("train"), *hostile.pictures("validation"))
    settings = QatSettings(
        epochs=8,
        batch_size=32,
        learning_rate=0.002,
        seed=0,
        freeze_after=5,
        ranges="moving",
        weight_bits=8,
        per_tensor=False,
        quantize_activations=True,
    )
    trained = aware.train(archive, splits, settings)
    ranges = calibration.with_trained_ranges(
        calibrated(trained.archive), trained.archive, trained.ranges
    )
    int8 = QuantizedModel(trained.archive, "int8", "int8", "int8", CHANNEL, ranges)
    accuracies = {runtime: accuracy(runtime, int8, scored["test"]) for runtime in RUNTIMES}
    assert min(accuracies.values()) > 0.9, accuracies
