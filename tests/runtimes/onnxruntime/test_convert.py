"""A Keras model goes into one .onnx file as its recipe says, or is refused with what was expected.

Guards that each scheme ends in an .onnx that says what the recipe says.
Slow: the slow ones train a net and convert it.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

from edgebake import plugins
from edgebake.compression.quantization import calibration, schemes
from edgebake.errors import ConversionError
from edgebake.models import keras_session
from edgebake.models.activation_ranges import ActivationRanges
from edgebake.models.onnx import float_graph
from edgebake.models.onnx.canonical import canonicalize
from edgebake.models.onnx.float_graph import CalibratedGraph
from edgebake.models.quantized_model import QuantizedModel
from edgebake.recipe import Calibration, Compression, DType, Granularity, Model
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.recipe.stage_params import ConvertParams
from edgebake.runtimes.interface import schemes_of
from edgebake.runtimes.onnxruntime import (
    FILE,
    UNWRITTEN_BY_TF2ONNX,
    kernels,
    ort_format,
    quantizer,
    run,
)
from edgebake.runtimes.onnxruntime.convert import convert
from edgebake.runtimes.onnxruntime.inspect import inspect
from edgebake.runtimes.session import single_output
from edgebake.stages.convert import MOVE_OPERATORS
from edgebake.tasks.contract import Contract
from tests.contracts import image_contract, square_contract

ABOUT = ReleaseInfo("test", "1.0.0", "nobody", "Apache-2.0", "random weights")
INTEGERS = ("int8", "mixed")
SIZE = 32


def _contract(color: str = "grayscale") -> Contract:
    labels = [f"class {i}" for i in range(10)]
    return image_contract(
        "classification", SIZE, SIZE, color, "none", "bilinear", [127.5], [1 / 127.5], labels
    )


def _section(**options: Any) -> ConvertParams:
    return ConvertParams("onnxruntime", None, about=ABOUT, **options)


def _quantized(
    scheme: str, archive: bytes = b"", ranges: ActivationRanges | None = None
) -> QuantizedModel:
    facts = schemes.SCHEMES[scheme]
    integers = scheme in INTEGERS
    return QuantizedModel(
        archive,
        scheme,
        facts.weights,
        facts.activations,
        granularity=Granularity.per_channel if integers else None,
        ranges=ranges if integers else None,
        compression=Compression(block_size=32 if scheme == "int4_weights" else None),
        fallback_dtype=DType.float32 if scheme == "mixed" else None,
    )


@pytest.mark.parametrize(
    ("item", "section", "message"),
    [
        (
            replace(_quantized("mixed"), fallback_dtype=DType.int16),
            _section(),
            "quantize.fallback_dtype: ONNX Runtime has no kernels that compute on int16; "
            "expected one of: float16, float32",
        ),
        (
            _quantized("float16"),
            _section(input=DType.uint8),
            "convert.input: uint8 has no scale where activations stay in float, as in float16; "
            "expected float32 or null",
        ),
    ],
)
def test_what_there_are_no_kernels_for_is_refused(
    item: QuantizedModel, section: ConvertParams, message: str
) -> None:
    with pytest.raises(ConversionError) as caught:
        convert(item, _contract(), section)
    assert str(caught.value) == message


def _built(architecture: str, channels: int) -> tuple[bytes, ActivationRanges, NDArray[np.float32]]:
    """Return a model with random weights, its ranges on images of noise, and those images."""
    keras = keras_session.start(1)
    keras.utils.set_random_seed(7)
    model = plugins.load("model.architecture", architecture).build(
        Model(architecture, 0.5, SIZE), square_contract(SIZE, channels, 10)
    )
    random = np.random.default_rng(7)
    examples = random.uniform(-1, 1, (16, SIZE, SIZE, channels)).astype(np.float32)
    for layer in model.layers:  # statistics of what flows through, without which signals die out
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(examples, training=True)
    archive = keras_session.save(model)
    return (
        archive,
        calibration.calibrate(archive, {"image": examples}, Calibration("min_max", 16, 0)),
        examples,
    )


@pytest.fixture(scope="module")
def small() -> tuple[bytes, ActivationRanges, NDArray[np.float32]]:
    return _built("ds_cnn", 1)


def _answers(files: dict[str, bytes], examples: NDArray[np.float32]) -> NDArray[np.float32]:
    session = run.load(files, 1)
    result = []
    for example in examples:
        session.feed({"image": example[None]})
        session.invoke()
        result.append(single_output(session.read())[0].copy())
    return np.stack(result)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", schemes_of("onnxruntime"))
def test_every_scheme_answers_as_keras_does_and_the_same_twice(scheme: str, small: Any) -> None:
    archive, ranges, examples = small
    item = _quantized(scheme, archive, ranges)
    files = convert(item, _contract(), _section())
    assert files == convert(item, _contract(), _section())
    expected = keras_session.load(archive)(examples, training=False)
    tolerance = {"none": 1e-5, "float16": 1e-3, "int4_weights": 0.1}.get(scheme, 0.03)
    np.testing.assert_allclose(_answers(files, examples), expected, atol=tolerance)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [DType.uint8, DType.int8])
def test_integer_ends_change_no_answer(dtype: DType, small: Any) -> None:
    archive, ranges, examples = small
    item = _quantized("int8", archive, ranges)
    files = convert(item, _contract(), _section(input=dtype, output=dtype))
    assert (inspect(files).input.dtype, inspect(files).output.dtype) == (dtype.value, dtype.value)
    plain = convert(item, _contract(), _section())
    np.testing.assert_array_equal(_answers(files, examples), _answers(plain, examples))


@pytest.mark.slow
@pytest.mark.parametrize("keep", [DType.float32, DType.float16])
def test_kept_layers_and_no_others_are_in_float(keep: DType, small: Any) -> None:
    archive, ranges, _ = small
    last = [
        entry.name
        for entry in ranges.entries
        if "dense" in entry.name or "probabilities" in entry.name
    ][:1]
    item = replace(
        _quantized("mixed", archive, ranges), fallback_dtype=keep, fallback_layers={"dense": last}
    )
    inspection = inspect(convert(item, _contract(), _section()))
    assert [name for name in inspection.float_operators() if name not in MOVE_OPERATORS] == [
        "MatMul"
    ]
    assert ("float16" in inspection.tensors) == (keep is DType.float16)


@pytest.mark.slow
@pytest.mark.parametrize(("reduce_range", "limit"), [(True, 64), (False, 127)])
def test_weights_have_the_bits_that_the_device_allows(
    reduce_range: bool, limit: int, small: Any
) -> None:
    archive, ranges, _ = small
    section = _section(reduce_range=reduce_range)
    model = onnx.load_from_string(
        convert(_quantized("int8", archive, ranges), _contract(), section)[FILE]
    )
    weights = [numpy_helper.to_array(tensor) for tensor in model.graph.initializer]
    largest = [np.abs(value.astype(int)).max() for value in weights if value.dtype == np.int8]
    assert max(largest) == limit
    properties = {entry.key for entry in model.metadata_props}
    assert ("session.x64quantprecision" in properties) == (not reduce_range)


@pytest.mark.slow
def test_files_of_keras_models_have_none_of_the_operators_that_a_fallback_cannot_name() -> None:
    keras = keras_session.start(1)
    layers = [
        keras.Input((8, 8, 2)),
        keras.layers.Conv2D(4, 3),
        keras.layers.PReLU(),
        keras.layers.LayerNormalization(),
        keras.layers.GroupNormalization(2),
        keras.layers.RMSNormalization(),
    ]
    for name in ("gelu", "celu", "mish", "swish", "hard_shrink", "soft_shrink"):
        layers.append(keras.layers.Activation(name))
    layers += [keras.layers.UnitNormalization(), keras.layers.Flatten(), keras.layers.Dense(2)]
    graph = float_graph.export_keras(keras.Sequential(layers)).graph
    kinds = {node.op_type for node in graph.node}
    assert kinds.isdisjoint(UNWRITTEN_BY_TF2ONNX)
    assert {"Conv", "Erf", "Relu"} <= kinds  # what stands for the layers


@pytest.mark.slow
def test_the_ort_format_comes_beside_the_onnx_file(small: Any) -> None:
    archive, ranges, _ = small
    files = convert(_quantized("int8", archive, ranges), _contract(), _section(ort_format=True))
    lists = [f"model.{name}" for name in (ort_format.OPERATORS, ort_format.OPERATORS_AND_TYPES)]
    assert sorted(files) == ["model.onnx", ort_format.ORT_FILE, *lists]


def _calibrated_by_onnx_runtime(
    model: onnx.ModelProto, examples: NDArray[np.float32], folder: Path
) -> bytes:
    """Return a prepared graph quantized by ONNX Runtime with its own minimum and maximum."""
    waiting = iter(examples)

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            example = next(waiting, None)
            return None if example is None else {"image": example[None]}

    source, target = folder / "float.onnx", folder / "int8.onnx"
    onnx.save(model, source)
    bits = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8}
    quantize_static(source, target, Reader(), per_channel=True, **bits)
    return target.read_bytes()


# Gates that are means.
@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["mobilenet_v3_small"])
def test_all_is_integer_and_as_near_to_keras_as_onnx_runtimes_own_calibration(
    architecture: str, tmp_path: Path
) -> None:
    archive, ranges, examples = _built(architecture, 3)
    keras_model = keras_session.load(archive)
    graph = CalibratedGraph(
        float_graph.prepare_for_quantizer(float_graph.export_keras(keras_model)), ranges
    )
    model = canonicalize(
        quantizer.quantize_integers(graph, quantizer.IntegerOptions(Granularity.per_channel))
    ).SerializeToString()
    assert not set(inspect({FILE: model}).float_operators()) - MOVE_OPERATORS
    assert len(kernels.float_tensors(model)) <= 1  # what turns the image before it is quantized
    expected = np.asarray(keras_model(examples, training=False))
    # Rounding moves the outputs of these random weights far; another int8 file tells how far.
    other = _calibrated_by_onnx_runtime(graph.model, examples, tmp_path)
    ours, theirs = (_error(entry, examples, expected) for entry in (model, other))
    assert ours <= 1.25 * theirs


def _error(model: bytes, examples: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.square(_answers({FILE: model}, examples) - expected).mean()))
