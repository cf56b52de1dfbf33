"""Shared activation ranges, layers outside of int8, and weights on the grid of training.

Guards that int8 of Core ML is made from the ranges of the recipe and no others.
Slow: each test converts with coremltools.
"""

import re
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgebake.errors import ConversionError
from edgebake.models import keras_session
from edgebake.models.activation_ranges import ActivationRanges
from edgebake.models.quantized_model import QuantizedModel
from edgebake.recipe import Compression, Convert, DType, Granularity
from edgebake.runtimes.coreml import convert, inspect, package
from edgebake.runtimes.coreml.executor.mil import Operation
from edgebake.runtimes.coreml.executor.program import Program, read_program
from tests.runtimes.coreml.test_convert import (
    ABOUT,
    GREY,
    WORDS,
    answer,
    pixels,
    quantized,
    random_archive,
)

pytestmark = pytest.mark.slow

KEPT = (
    "functional_1/re_lu_3_1/Relu6"  # the end of a layer: depthwise convolution, batch norm, ReLU6
)
DENSE = "functional_1/probabilities_1/BiasAdd"


@pytest.fixture(scope="module")
def archive() -> bytes:
    keras = keras_session.start(1)
    keras.backend.clear_session()  # layers count from one, whatever ran before
    model = keras_session.load(random_archive(keras))
    model.layers[-1].bias.assign(
        np.linspace(-1, 1, 10)
    )  # without one the dense layer would be a matmul
    return keras_session.save(model)


@pytest.fixture(scope="module")
def item(archive: bytes) -> QuantizedModel:
    return quantized(archive, "int8")


def files(item: QuantizedModel, target: str = "iOS17") -> dict[str, bytes]:
    options = replace(WORDS, minimum_deployment_target=target)
    return convert.convert(item, GREY, ABOUT, Convert("coreml", options))


def program(item: QuantizedModel, target: str = "iOS17") -> Program:
    return read_program(package.read(files(item, target)))


def scales(found: Program) -> dict[str, float]:
    """Return the scale of each value that is quantized."""
    steps = [operation for operation in found.operations if operation.kind == "quantize"]
    return {
        operation.inputs["input"][0]: float(found.constants[operation.inputs["scale"][0]][1])
        for operation in steps
    }


def mixed(item: QuantizedModel, keep: DType, *ends: str) -> QuantizedModel:
    """Keep the layers with these values; a layer holds the sums of its batch norm too."""
    layers = {end: [end, *_before(item.ranges, end)] for end in ends}
    return replace(item, scheme="mixed", fallback_dtype=keep, fallback_layers=layers)


def _before(ranges: ActivationRanges | None, value: str) -> tuple[str, ...]:
    assert ranges is not None
    return next(entry.sources for entry in ranges.entries if entry.name == value)


def weighted(found: Program) -> dict[str, Operation]:
    """Return the operators that multiply by weights, by their output in the float32 program."""
    steps = [operation for operation in found.operations if operation.kind in ("conv", "linear")]
    return {operation.outputs[0].name.removesuffix("_cast_fp16"): operation for operation in steps}


def weighting(found: Program, relu: str) -> str:
    """Return what a ReLU reads, by its name in the float32 program."""
    steps = [
        operation
        for operation in found.operations
        if operation.outputs[0].name == f"{relu.replace('/', '_')}_cast_fp16"
    ]
    return steps[0].inputs["x"][0].removesuffix("_cast_fp16")


def test_scales_are_those_of_the_shared_ranges(item: QuantizedModel) -> None:
    assert item.ranges is not None
    # Ranges that do not follow from this program: 10 for the first value, 11 for the next.
    set_by_hand = [
        replace(entry, low=-1.0, high=10.0 + number)
        for number, entry in enumerate(item.ranges.entries)
    ]
    highs = {re.sub(r"\W", "_", entry.name): entry.high for entry in set_by_hand}
    scale_values = scales(
        program(replace(item, ranges=ActivationRanges(set_by_hand, item.ranges.probes)))
    )
    assert len(scale_values) >= 8
    for value, scale in scale_values.items():
        name = value.removesuffix("_cast_fp16")
        if name in highs:
            assert scale == np.float16(2 * highs[name]) / np.float16(254)
    assert sum(value.removesuffix("_cast_fp16") in highs for value in scale_values) >= 8


def test_a_range_wider_than_what_was_seen_is_taken_as_it_is(item: QuantizedModel) -> None:
    assert item.ranges is not None
    doubled = [
        replace(entry, low=2 * entry.low, high=2 * entry.high) for entry in item.ranges.entries
    ]
    once, twice = (
        scales(program(item)),
        scales(program(replace(item, ranges=ActivationRanges(doubled, item.ranges.probes)))),
    )
    assert {name: 2 * scale for name, scale in once.items()} == pytest.approx(twice, rel=5e-3)


def test_a_kept_layer_stays_float16_and_all_others_are_int8(item: QuantizedModel) -> None:
    exact = program(
        replace(item, scheme="float16", weights="float16", activations="float32", ranges=None)
    )
    expected = mixed(item, DType.float16, KEPT, DENSE)
    ml_program = program(expected)
    stored = {entry.outputs[0].name for entry in ml_program.compressed}
    floats = {
        name
        for name, entry in weighted(ml_program).items()
        if entry.inputs["weight"][0] not in stored
    }
    assert sorted(weighted(ml_program)[name].kind for name in floats) == ["conv", "linear"]
    assert {DENSE.replace("/", "_"), weighting(ml_program, KEPT)} == floats
    for name in floats:
        mine, theirs = (
            entry.constants[weighted(entry)[name].inputs["weight"][0]]
            for entry in (ml_program, exact)
        )
        assert mine[0].dtype == "float16"
        np.testing.assert_array_equal(mine[1], theirs[1])
    inspection = inspect.inspect(files(expected))
    kinds = Counter(
        entry.dtypes for entry in inspection.operators if entry.name in ("conv", "linear")
    )
    assert kinds == {("int8",): 8, ("float16",): 2}


def test_a_kept_layer_can_compute_in_float32(item: QuantizedModel) -> None:
    content = files(mixed(item, DType.float32, KEPT, DENSE))
    ml_program = read_program(package.read(content))
    stored = {entry.outputs[0].name for entry in ml_program.compressed}
    types = {
        name: (
            entry.outputs[0].type.dtype,
            ml_program.constants[entry.inputs["weight"][0]][0].dtype,
        )
        for name, entry in weighted(ml_program).items()
        if entry.inputs["weight"][0] not in stored
    }
    assert list(types.values()) == [("float32", "float32")] * 2
    relu = next(
        entry for entry in ml_program.operations if entry.outputs[0].name == KEPT.replace("/", "_")
    )
    assert relu.outputs[0].type.dtype == "float32"
    assert answer(content, pixels(1)).sum() == pytest.approx(1, abs=1e-3)


def test_mixed_that_keeps_nothing_is_int8(item: QuantizedModel) -> None:
    assert files(mixed(item, DType.float32)) == files(item)


def test_no_layer_is_kept_in_int16(item: QuantizedModel) -> None:
    expected = (
        "quantize.fallback_dtype: int16: Core ML has no int16 activations; "
        "expected float16 or float32"
    )
    with pytest.raises(ConversionError, match=f"^{re.escape(expected)}$"):
        files(mixed(item, DType.int16, KEPT))


@pytest.mark.parametrize("target", ["iOS17", "iOS18"])
def test_one_scale_serves_a_layer_or_each_of_its_channels(
    item: QuantizedModel, target: str
) -> None:
    sizes = {}
    for granularity in Granularity:
        ml_program = program(replace(item, granularity=granularity), target)
        sizes[granularity] = [
            ml_program.constants[entry.inputs["scale"][0]][1].size
            for entry in ml_program.compressed
        ]
    assert set(sizes[Granularity.per_tensor]) == {1}
    assert (
        sorted(set(sizes[Granularity.per_channel])) == [8, 10, 16, 32]
        or min(sizes[Granularity.per_channel]) > 1
    )


def test_the_image_scaling_is_not_asked_for_a_range(item: QuantizedModel) -> None:
    ml_program = program(item)
    first = [entry.kind for entry in ml_program.operations[:4]]
    assert first[:2] == [
        "mul",
        "add",
    ]  # by a scale and with a bias: pixels are no value of the model
    assert not any("scaled" in name for name in scales(ml_program))


def snapped(archive: bytes, bits: int, block: int | None) -> tuple[bytes, list[NDArray[np.int8]]]:
    """Round each weight to the grid of its output channel or block.

    Return the model, and the integers by layer.

    Integers are in Core ML's order, [out, in, h, w] or [out, in].
    """
    model, integers = keras_session.load(archive), []
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            kernel = np.asarray(layer.kernel)
            axes = (
                (1, 0)
                if kernel.ndim == 2
                else (2, 3, 0, 1)
                if "depthwise" in layer.name
                else (3, 2, 0, 1)
            )
            rows = kernel.transpose(axes)
            fits = block is not None and rows.shape[1] % block == 0
            parts = rows.reshape(
                len(rows),
                -1,
                block if block is not None and fits else rows.shape[1],
                *rows.shape[2:],
            )
            most = 2 ** ((bits if fits else 8) - 1) - 1
            scale = np.abs(parts).max(axis=tuple(range(2, parts.ndim)), keepdims=True) / most
            whole = np.rint(parts / scale)
            layer.kernel.assign((whole * scale).reshape(rows.shape).transpose(np.argsort(axes)))
            integers.append(whole.reshape(rows.shape).astype(np.int8))
    return keras_session.save(model), integers


@pytest.mark.parametrize(("scheme", "bits", "block"), [("int8", 8, None), ("int4_weights", 4, 16)])
def test_weights_on_a_grid_stay_the_integers_they_are(
    archive: bytes, scheme: str, bits: int, block: int | None
) -> None:
    prepared, integers = snapped(archive, bits, block)
    item = replace(quantized(prepared, scheme), compression=Compression(block_size=block))
    ml_program = program(item, "iOS18")
    data = [ml_program.constants[entry.inputs["data"][0]][1] for entry in _in_order(ml_program)]
    assert len(data) == len(integers) == 10
    for mine, expected in zip(data, integers, strict=True):
        gap = np.abs(mine.reshape(expected.shape).astype(int) - expected)
        assert gap.max() <= 1
        assert (gap > 0).mean() < 0.01


def _in_order(found: Program) -> list[Operation]:
    made: dict[str, Any] = {entry.outputs[0].name: entry for entry in found.compressed}
    return [
        made[entry.inputs[word][0]]
        for entry in found.operations
        for word in ("weight", "y")
        if _reads(entry, word, made)
    ]


def _reads(one: Operation, word: str, made: dict[str, Any]) -> bool:
    return one.inputs.get(word, [""])[0] in made
