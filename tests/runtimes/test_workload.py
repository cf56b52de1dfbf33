"""Live tensors, the roofline, and one network counted alike in three runtimes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edgebake.recipe import Compute
from edgebake.runtimes import workload as workloads
from edgebake.runtimes.coreml import workload as coreml
from edgebake.runtimes.litert import workload as litert
from edgebake.runtimes.onnxruntime import FILE
from edgebake.runtimes.onnxruntime import workload as onnxruntime
from edgebake.runtimes.workload import OperatorWorkload, Workload
from tests.runtimes.coreml import programs as mil
from tests.runtimes.coreml.programs import op, real
from tests.runtimes.litert import programs as tflite
from tests.runtimes.litert.programs import Op
from tests.runtimes.onnxruntime import programs as graphs


def operation(
    name: str, reads: str, writes: str, macs: int = 0, dtype: str = "float32"
) -> OperatorWorkload:
    return OperatorWorkload(
        "conv", name, dtype, macs, {}, tuple(reads.split()), tuple(writes.split())
    )


def of(*operations: OperatorWorkload, outputs: str = "d", **sizes: int) -> Workload:
    return Workload(
        list(operations), sizes, frozenset({"w"} & set(sizes)), ("a",), tuple(outputs.split())
    )


def zeros(*shape: int) -> Any:
    return np.zeros(shape, np.float32)


# Image 6 x 6 x 3, 8 filters of 3 x 3, one filter of 3 x 3 per channel, the mean, 8 inputs and
# 4 outputs.
MACS = {"conv": 6 * 6 * 8 * 3 * 3 * 3, "depthwise": 6 * 6 * 8 * 3 * 3, "dense": 8 * 4}
PARAMETERS = {"conv": 3 * 3 * 3 * 8 + 8, "depthwise": 3 * 3 * 8 + 8, "dense": 8 * 4 + 4}


def in_litert() -> dict[str, bytes]:
    same = {"padding": 0, "strideH": 1, "strideW": 1}
    return tflite.files(
        [
            Op("CONV_2D", ["image", "wide", "wide_bias"], "conv", "Conv2DOptions", same),
            Op(
                "DEPTHWISE_CONV_2D",
                ["conv", "deep", "deep_bias"],
                "depthwise",
                "DepthwiseConv2DOptions",
                same | {"depthMultiplier": 1},
            ),
            Op("MEAN", ["depthwise", "axes"], "mean", "ReducerOptions"),
            Op(
                "FULLY_CONNECTED",
                ["mean", "dense", "dense_bias"],
                "logits",
                "FullyConnectedOptions",
            ),
            Op("SOFTMAX", ["logits"], "probabilities", "SoftmaxOptions", {"beta": 1.0}),
        ],
        {
            "image": ("float32", [1, 6, 6, 3]),
            "conv": ("float32", [1, 6, 6, 8]),
            "depthwise": ("float32", [1, 6, 6, 8]),
            "mean": ("float32", [1, 8]),
            "logits": ("float32", [1, 4]),
            "probabilities": ("float32", [1, 4]),
        },
        {
            "wide": zeros(8, 3, 3, 3),
            "wide_bias": zeros(8),
            "deep": zeros(1, 3, 3, 8),
            "deep_bias": zeros(8),
            "axes": np.array([1, 2], np.int32),
            "dense": zeros(4, 8),
            "dense_bias": zeros(4),
        },
    )


def in_onnx() -> dict[str, bytes]:
    nodes: list[graphs.Node] = [
        ("Transpose", "image", "turned", {"perm": [0, 3, 1, 2]}),
        ("Conv", "turned wide wide_bias", "conv", {"pads": [1, 1, 1, 1]}),
        ("Conv", "conv deep deep_bias", "depthwise", {"group": 8, "pads": [1, 1, 1, 1]}),
        ("GlobalAveragePool", "depthwise", "pooled", {}),
        ("Flatten", "pooled", "flat", {}),
        ("Gemm", "flat dense dense_bias", "logits", {}),
        ("Softmax", "logits", "probabilities", {"axis": -1}),
    ]
    constants = {
        "wide": zeros(8, 3, 3, 3),
        "wide_bias": zeros(8),
        "deep": zeros(8, 1, 3, 3),
        "deep_bias": zeros(8),
    }
    constants |= {"dense": zeros(8, 4), "dense_bias": zeros(4)}
    return {FILE: graphs.graph(nodes, constants, [1, 4]).SerializeToString()}


def in_coreml() -> dict[str, bytes]:
    around: dict[str, Any] = {"pad_type": mil.text("same"), "strides": [1, 1], "dilations": [1, 1]}
    return mil.files(
        {"image": real(1, 3, 6, 6)},
        [
            op(
                "conv",
                {
                    "x": "image",
                    "weight": zeros(8, 3, 3, 3),
                    "bias": zeros(8),
                    "groups": 1,
                    **around,
                },
                conv=real(1, 8, 6, 6),
            ),
            op(
                "conv",
                {"x": "conv", "weight": zeros(8, 1, 3, 3), "bias": zeros(8), "groups": 8, **around},
                depthwise=real(1, 8, 6, 6),
            ),
            op(
                "reduce_mean",
                {"x": "depthwise", "axes": [2, 3], "keep_dims": False},
                mean=real(1, 8),
            ),
            op("linear", {"x": "mean", "weight": zeros(4, 8), "bias": zeros(4)}, logits=real(1, 4)),
            op("softmax", {"x": "logits", "axis": -1}, probabilities=real(1, 4)),
        ],
        ["probabilities"],
    )


COUNTED: dict[str, Callable[[], Workload]] = {
    "litert": lambda: litert.workload(in_litert()),
    "onnxruntime": lambda: onnxruntime.workload(in_onnx()),
    "coreml": lambda: coreml.workload(in_coreml()),
}


@pytest.mark.parametrize("runtime", COUNTED)
def test_one_network_is_counted_alike_in_every_runtime(runtime: str) -> None:
    result = COUNTED[runtime]()
    assert [entry.macs for entry in result.operations if entry.macs] == list(MACS.values())
    assert [
        sum(entry.parameters.values()) for entry in result.operations if entry.parameters
    ] == list(PARAMETERS.values())
    assert result.macs == 7776 + 2592 + 32
    assert result.parameters == 224 + 80 + 36


@pytest.mark.parametrize("runtime", COUNTED)
def test_the_most_that_is_alive_is_what_the_depthwise_convolution_reads_and_writes(
    runtime: str,
) -> None:
    assert COUNTED[runtime]().activation_peak_bytes == 2 * 6 * 6 * 8 * 4


def test_a_tensor_lives_until_it_is_read_for_the_last_time() -> None:
    chain = [operation("one", "a w", "b"), operation("two", "b", "c"), operation("three", "c", "d")]
    assert of(*chain, a=100, w=1000, b=10, c=1, d=5).activation_peak_bytes == 110
    # A sum with the input keeps the input alive until then: a, b and c.
    chain[2] = operation("three", "c a", "d")
    assert of(*chain, a=100, w=1000, b=10, c=1, d=5).activation_peak_bytes == 111


def test_an_output_lives_to_the_end() -> None:
    chain = [operation("one", "a", "b"), operation("two", "a", "c"), operation("three", "c", "d")]
    assert of(*chain, outputs="b d", a=1, b=10, c=20, d=40).activation_peak_bytes == 10 + 20 + 40


def test_weights_that_two_operations_share_are_stored_once() -> None:
    counts = of(operation("one", "a w", "b"), operation("two", "b w", "d"), a=1, w=1000, b=1, d=1)
    for entry in counts.operations:
        entry.parameters["w"] = 250
    assert (counts.weight_bytes, counts.parameters) == (1000, 250)


def test_a_file_without_operators_needs_nothing() -> None:
    counts = Workload([], {}, frozenset(), (), ())
    assert (counts.macs, counts.parameters, counts.activation_peak_bytes, counts.weight_bytes) == (
        0,
        0,
        0,
        0,
    )


def test_the_roofline_is_the_slower_of_computing_and_moving_for_each_operation() -> None:
    computer = Compute(float32_gflops=2.0, int8_gops=8.0, memory_gb_s=1.0)
    computing = of(operation("one", "a", "d", macs=1_000_000), a=1000, d=1000)
    assert workloads.roofline(computing, computer) == pytest.approx(
        1.0
    )  # 2 million operations at 2 billion a second
    moving = of(operation("one", "a", "d", macs=1000), a=1_500_000, d=500_000)
    assert workloads.roofline(moving, computer) == pytest.approx(2.0)
    both = of(
        operation("one", "a", "b", macs=1_000_000),
        operation("two", "b", "d"),
        a=1,
        b=1_000_000,
        d=1_000_000,
    )
    assert workloads.roofline(both, computer) == pytest.approx(1.000001 + 2.0)


@pytest.mark.parametrize(
    ("dtype", "expected"), [("int8", 0.25), ("uint8", 0.25), ("float16", 1.0), ("float32", 1.0)]
)
def test_integers_run_at_their_own_peak(dtype: str, expected: float) -> None:
    counts = of(operation("one", "a", "d", macs=1_000_000, dtype=dtype), a=1, d=1)
    assert workloads.roofline(counts, Compute(2.0, 8.0, 1.0)) == pytest.approx(expected)


def test_sizes_are_in_the_same_order_in_every_process() -> None:
    operations = [operation("late", "c", "b"), operation("early", "b", "a")]
    counts = workloads.build_workload(operations, len, set(), (["c"], ["a"]))
    assert list(counts.sizes) == ["a", "b", "c"]
