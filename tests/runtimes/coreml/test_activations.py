"""Ranges are those of the model, and only those are looked up that a pass asks for."""

import numpy as np
import pytest

from edgebake.errors import ConversionError
from edgebake.models.activation_ranges import ActivationRanges
from edgebake.runtimes.coreml import activations
from edgebake.runtimes.coreml.activations import Statistics
from edgebake.runtimes.coreml.probe_values import ProbeValues
from tests.runtimes.coreml.programs import constant, half, op, real
from tests.runtimes.coreml.test_block import loaded
from tests.runtimes.coreml.test_probe_values import known

HELD = {
    name: [np.array(held)]
    for name, held in {"x": [0, 1], "a": [-2, 2], "b": [0, 5], "dead": [0, 0]}.items()
}
RANGES = ActivationRanges(
    [
        known("M/x", 0, 1, HELD["x"]),
        known("M/a", -3, 2.5, HELD["a"]),
        known("M/b", 0, 6, HELD["b"]),
    ],
    {"image": np.zeros((1, 1, 2, 1), np.float32)},
)
VALUES = ProbeValues(RANGES, {**HELD, "pixels": [np.array([7, 255])]})
STEPS = [
    op("relu", {"x": "x"}, a_cast_fp16=half(1, 2)),
    op("relu", {"x": "y"}, b_cast_fp16=half(1, 2)),
    op(
        "concat",
        {"values": ("a_cast_fp16", "b_cast_fp16"), "axis": 1, "interleave": False},
        joined=half(1, 4),
    ),
    op("add", {"x": "x", "y": constant([1.0, 2.0])}, biased=real(1, 2)),
    op("add", {"x": "x", "y": "y"}, both=real(1, 2)),
    op("max_pool", {"x": "x"}, pooled=real(1, 2)),
]


def test_a_range_is_looked_up_by_what_the_value_was_called_in_float32() -> None:
    statistics = Statistics(loaded(STEPS[:1], "a_cast_fp16"), VALUES)
    assert statistics == {}
    assert statistics["a_cast_fp16"] == {"rmin": np.float32(-3), "rmax": np.float32(2.5)}
    assert list(statistics) == ["a_cast_fp16"]


def test_a_value_that_nobody_knows_fails_when_it_is_asked_for() -> None:
    statistics = Statistics(loaded(STEPS, "joined"), VALUES)
    with pytest.raises(
        ConversionError, match=r"^tensor pixels: no activation of the model matches it"
    ):
        statistics["pixels"]


def test_what_is_concatenated_shares_one_range_with_what_comes_out() -> None:
    joined = [np.array([-2, 2, 0, 5])]
    ranges = ActivationRanges([*RANGES.entries, known("M/joined", -3, 5.5, joined)], RANGES.probes)
    statistics = Statistics(
        loaded(STEPS, "joined"), ProbeValues(ranges, {**HELD, "joined": joined})
    )
    expected = {"rmin": np.float32(-3), "rmax": np.float32(6)}
    assert [statistics[name] for name in ("a_cast_fp16", "b_cast_fp16", "joined")] == [expected] * 3


def test_concatenations_that_share_a_value_share_a_range() -> None:
    steps = [
        *STEPS[:3],
        op("concat", {"values": ("joined", "x"), "axis": 1, "interleave": False}, more=half(1, 6)),
    ]
    everything = {"a_cast_fp16", "b_cast_fp16", "joined", "x", "more"}
    assert activations._concatenated_values(loaded(steps, "more")) == dict.fromkeys(
        everything, everything
    )


def test_a_value_that_is_zero_throughout_has_a_scale() -> None:
    ranges = ActivationRanges([known("M/dead", 0, 0, HELD["dead"])], RANGES.probes)
    assert Statistics(loaded(STEPS, "both"), ProbeValues(ranges, HELD))["dead"] == {
        "rmin": 0,
        "rmax": 1,
    }


def test_sums_with_a_constant_and_kept_operators_are_left_as_they_are() -> None:
    steps = [op(f"{entry.kind}", entry.inputs, **entry.outputs) for entry in STEPS]
    program = loaded(steps, "both")
    for number, item in enumerate(entry for entry in program.operations if entry.type != "const"):
        item.attributes["name"].immediateValue.tensor.strings.values[0] = f"operation {number}"
    assert activations._float_operations(program, set()) == ["operation 3"]
    assert activations._float_operations(program, {"a", "pooled"}) == [
        "operation 5",
        "operation 3",
    ]  # a ReLU is never quantized
