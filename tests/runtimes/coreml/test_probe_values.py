"""What a program's values hold on the probes says which values of the model they are."""

import re
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from edgebake.errors import ConversionError
from edgebake.models.activation_ranges import ActivationRange, ActivationRanges, fingerprint
from edgebake.runtimes.coreml import probe_values
from tests.runtimes.coreml.programs import Image, files, op, real

PROBES = np.array([[[[10], [250]]], [[[90], [110]]]], np.uint8)
CENTRED = [np.array([-90.0, 150.0]), np.array([-10.0, 10.0])]
PROGRAM = files(
    {"image": Image("GRAYSCALE", 1, 2)},
    [
        op("sub", {"x": "image", "y": 100.0}, centred=real(1, 1, 1, 2)),
        op("relu", {"x": "centred"}, rectified=real(1, 1, 1, 2)),
    ],
    ["rectified"],
)


def known(name: str, low: float, high: float, seen: list[Any]) -> ActivationRange:
    numbers: dict[str, Any] = {
        entry.name: 0.0 for entry in fields(ActivationRange) if entry.type == "float"
    }
    return ActivationRange(
        **(numbers | {"name": name, "low": low, "high": high, "fingerprint": fingerprint(seen)})
    )


RANGES = ActivationRanges(
    [
        known("layer/sub", -120, 160, CENTRED),
        known("layer/relu", 0, 200, [np.maximum(one, 0) for one in CENTRED]),
    ],
    {"image": np.stack([one.reshape(1, 2, 1) for one in CENTRED]).astype(np.float32)},
)
VALUES = probe_values.compute_values(PROGRAM, {"image": PROBES}, RANGES)


def test_a_range_is_the_models_whatever_the_probes_hold() -> None:
    result = {name: VALUES.range_of(name) for name in ("centred", "rectified")}
    assert {name: (entry.low, entry.high) for name, entry in result.items()} == {
        "centred": (-120, 160),
        "rectified": (0, 200),
    }


def test_pixels_are_no_value_of_the_model_and_only_whoever_asks_for_them_is_told() -> None:
    with pytest.raises(
        ConversionError,
        match=r"^tensor image: no activation of the model matches it, the nearest differs by",
    ):
        VALUES.range_of("image")


def test_a_value_that_the_program_does_not_compute_has_no_range() -> None:
    expected = "tensor other: the float32 program has none of this name; expected its range there"
    with pytest.raises(ConversionError, match=f"^{re.escape(expected)}$"):
        VALUES.range_of("other")


def test_values_inside_a_layer_are_found_by_what_they_hold() -> None:
    assert VALUES.inside({}) == set()
    assert VALUES.inside({"layer": ["layer/relu", "layer/fused_away"]}) == {"rectified"}
    assert VALUES.inside({"a": ["layer/relu"], "b": ["layer/sub"]}) == {"rectified", "centred"}


def test_a_layer_with_weights_that_is_not_there_cannot_be_kept() -> None:
    expected = "layer lost: the ML Program computes none of its values; expected some to keep"
    with pytest.raises(ConversionError, match=f"^{re.escape(expected)}$"):
        VALUES.inside({"lost": ["elsewhere/convolution", "elsewhere/relu"]})


def test_a_padding_that_was_fused_away_needs_no_keeping() -> None:
    assert VALUES.inside({"pad": ["elsewhere/Pad"]}) == set()
