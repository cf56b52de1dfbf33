"""Models that take no image: several inputs and outputs, and ids of integers, in every runtime.

Guards that a model of any task computes in every runtime what it computes in Keras.
Slow: it converts two models, each to floats and to integers, for three runtimes.
"""

import functools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgebake.compression.quantization import calibration, schemes
from edgebake.models import keras_session
from edgebake.models.activation_ranges import ActivationRanges
from edgebake.models.importers import keras as keras_importer
from edgebake.models.quantized_model import QuantizedModel
from edgebake.recipe import Calibration, CoreML, DType, Granularity, Precision
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.recipe.stage_params import ConvertParams
from edgebake.runtimes import session
from edgebake.runtimes.coreml import package
from edgebake.runtimes.interface import Files, load_runtime
from edgebake.runtimes.session import NamedExamples
from edgebake.stages import convert
from edgebake.tasks.contract import Contract
from edgebake.tasks.tensors import ContractInput, ContractOutput, Outputs, TensorSpec
from tests.contracts import probabilities

pytestmark = pytest.mark.slow

ABOUT = ReleaseInfo("test", "1.0.0", "nobody", "Apache-2.0", "random weights")
LABELS = ["a", "b", "c", "d"]
OPTIONS = Calibration("min_max", 40, 0)
HIGHEST = 29  # id
SIGNAL = {"step": "signal", "rate_hz": 25, "channels": ["x", "y", "z"], "units": ["g"] * 3}
MOTION = ContractInput("motion", "signal", TensorSpec("motion", (12, 3), "float32"), (SIGNAL,))
IDS = ContractInput("ids", "text", TensorSpec("ids", (8,), "int32", HIGHEST), ())
ANGLE = ContractOutput("angle", (2,), "sine and cosine of the angle")
# Neither in the order of the alphabet nor in that of the layers.
TWO = Contract("classification", (MOTION, IDS), (probabilities(LABELS), ANGLE), LABELS)
TEXT = Contract("classification", (IDS,), (probabilities(LABELS),), LABELS)
CONTRACTS = {"two": TWO, "text": TEXT}
RUNTIMES = ("litert", "onnxruntime", "coreml")
# Of a probability, and of a number between -1 and 1.
FLOAT_TOLERANCE = {"litert": 1e-5, "onnxruntime": 1e-5, "coreml": 5e-3}
INT8_TOLERANCE = 0.1


@functools.cache
def archive(name: str) -> bytes:
    """Return a model of random weights whose inputs are not in the contract's order."""
    keras = keras_session.start(convert.THREADS)
    keras.utils.set_random_seed(5)
    layers = keras.layers
    ids = keras.Input((8,), dtype="int32", name="ids")
    x = layers.Reshape((1, 8, 6))(layers.Embedding(HIGHEST + 1, 6)(ids))
    # More than 1,024 weights: LiteRT leaves fewer in float.
    x = layers.Conv2D(48, (1, 5), padding="same", activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    if name == "text":
        return keras_session.save(keras.Model(ids, _head(keras, x)))
    motion = keras.Input((12, 3), name="motion")
    y = layers.Reshape((1, 12, 3))(motion)
    y = layers.Conv2D(8, (1, 3), strides=(1, 2), activation="relu")(y)
    y = layers.GlobalAveragePooling2D()(y)
    joined = layers.Concatenate()([x, y])
    angle = layers.Dense(2, activation="tanh", name="angle")(joined)
    return keras_session.save(keras.Model([ids, motion], [_head(keras, joined), angle]))


def _head(keras: Any, x: Any) -> Any:
    scale = keras.initializers.RandomNormal(stddev=3)
    dense = keras.layers.Dense(4, activation="softmax", kernel_initializer=scale)
    return dense(x)


def examples(name: str, count: int) -> dict[str, Any]:
    """Return random inputs in the contract's order."""
    random = np.random.default_rng(count)
    inputs = {
        "motion": random.normal(0, 2, (count, 12, 3)).astype(np.float32),
        "ids": random.integers(0, HIGHEST + 1, (count, 8), np.int32),
    }
    return {spec.name: inputs[spec.name] for spec in CONTRACTS[name].inputs}


@functools.cache
def ranges_of(name: str) -> ActivationRanges:
    return calibration.calibrate(archive(name), examples(name, 40), OPTIONS)


def quantized(name: str, scheme: str) -> QuantizedModel:
    module = schemes.SCHEMES[scheme]
    item = QuantizedModel(
        archive(name), scheme, module.weights, module.activations, ends=CONTRACTS[name].ends
    )
    if "granularity" in module.options:
        item = replace(item, granularity=Granularity.per_channel)
    if module.activations == "float32":
        return item
    return replace(item, ranges=ranges_of(name))


def converted(name: str, runtime: str, scheme: str, dtype: DType | None = None) -> Files:
    """Return the files after the checks of the stage `convert`."""
    loaded = load_runtime(runtime)
    item = quantized(name, scheme)
    file = loaded.calibrated_file(item) if item.ranges else None
    if file is not None and item.ranges is not None:
        samples = examples(name, 40)
        completed = calibration.with_ranges_of_file(item.ranges, file, samples, OPTIONS)
        item = replace(item, ranges=completed)
    coreml = CoreML("iOS18", Precision.float16, [], None) if runtime == "coreml" else None
    params = ConvertParams(runtime, coreml, about=ABOUT, input=dtype, output=dtype)
    files = loaded.convert_model(item, CONTRACTS[name], params)
    inspection = loaded.inspect_files(files)
    convert.check_integer_operators("test", item, inspection, loaded.facts.int8_operators)
    convert.check_weight_dtype("test", item, inspection)
    return files


def outputs_of(name: str, runtime: str, files: Files) -> Outputs:
    loaded = load_runtime(runtime).load_session(files, 1)
    return session.predictions(loaded, NamedExamples(examples(name, 10)))


def largest_difference(name: str, outputs: Outputs) -> float:
    """Return that to Keras, over all outputs, which have the contract's names."""
    ends = CONTRACTS[name].ends
    expected = keras_importer.predictor(archive(name), ends)(examples(name, 10))
    assert list(outputs) == list(expected) == list(ends.outputs)
    return max(float(np.abs(outputs[key] - values).max()) for key, values in expected.items())


@pytest.mark.parametrize("name", CONTRACTS)
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_floats_are_those_of_keras(runtime: str, name: str) -> None:
    scheme = "float16" if runtime == "coreml" else "none"
    files = converted(name, runtime, scheme)
    inspection = load_runtime(runtime).inspect_files(files)
    specs = CONTRACTS[name].ends.inputs
    assert [tensor.name for tensor in inspection.inputs] == [spec.name for spec in specs]
    assert [tensor.dtype for tensor in inspection.inputs] == [spec.dtype for spec in specs]
    assert [tensor.shape for tensor in inspection.inputs] == [[1, *spec.shape] for spec in specs]
    assert {tensor.layout for tensor in inspection.inputs} == {"values"}
    outputs = [(tensor.name, tensor.shape) for tensor in inspection.outputs]
    assert outputs == [(end.name, [1, *end.shape]) for end in CONTRACTS[name].outputs]
    difference = largest_difference(name, outputs_of(name, runtime, files))
    assert difference < FLOAT_TOLERANCE[runtime]
    stripped = load_runtime(runtime).strip_names(files)
    assert largest_difference(name, outputs_of(name, runtime, stripped)) == difference


@pytest.mark.parametrize("name", CONTRACTS)
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_integers_are_close_to_keras(runtime: str, name: str) -> None:
    files = converted(name, runtime, "int8")
    assert largest_difference(name, outputs_of(name, runtime, files)) < INT8_TOLERANCE


@pytest.mark.parametrize("dtype", [DType.int8, DType.uint8])
@pytest.mark.parametrize("runtime", ["litert", "onnxruntime"])
def test_float_ends_become_integers_and_ids_stay_as_they_are(runtime: str, dtype: DType) -> None:
    files = converted("two", runtime, "int8", dtype)
    inspection = load_runtime(runtime).inspect_files(files)
    assert [tensor.dtype for tensor in inspection.inputs] == [dtype.value, "int32"]
    assert [tensor.dtype for tensor in inspection.outputs] == [dtype.value] * 2
    motion, ids = inspection.inputs
    assert (motion.scale is None, ids.scale is None) == (False, True)
    assert largest_difference("two", outputs_of("two", runtime, files)) < INT8_TOLERANCE


def test_what_a_process_built_before_changes_no_name_of_core_ml() -> None:
    from coremltools.converters.mil.mil import Builder

    before = converted("two", "coreml", "int8")
    Builder.name_count["transpose"] = 5
    assert converted("two", "coreml", "int8") == before


def test_core_ml_describes_its_arrays() -> None:
    description = package.read(converted("two", "coreml", "float16")).specification.description
    assert [feature.shortDescription for feature in description.output] == [
        "probability of each label",
        "sine and cosine of the angle",
    ]
    motion, ids = description.input
    assert motion.shortDescription.startswith("signal of 12 samples at 25 Hz")
    assert ids.shortDescription.startswith("first 8 bytes of a text in UTF-8")
    assert dict(description.metadata.userDefined)["labels"] == '["a", "b", "c", "d"]'


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_lookup_computes_nothing(runtime: str) -> None:
    scheme = "float16" if runtime == "coreml" else "int8"
    loaded = load_runtime(runtime)
    workload = loaded.count_workload(converted("text", runtime, scheme))
    by_kind = {operation.kind.lower(): operation.macs for operation in workload.operations}
    assert by_kind["gather"] == 0
    # 8 positions x 5 ids x 6 numbers x 48 channels, and 48 channels x 4 classes.
    assert sum(operation.macs or 0 for operation in workload.operations) == 11520 + 192


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_weights_alone_become_integers(runtime: str) -> None:
    files = converted("two", runtime, "dynamic")
    assert largest_difference("two", outputs_of("two", runtime, files)) < INT8_TOLERANCE
