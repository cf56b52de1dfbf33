"""Activations quantized to integers and back, with one scale or several."""

from typing import Any

import numpy as np
import pytest

from tests.runtimes.coreml.checks import assert_computes
from tests.runtimes.coreml.programs import Argument, Op, answers, constant, files, op, real, text


def _signed(*values: int) -> Any:
    return np.array(values, np.int8)


def _unsigned(*values: int) -> Any:
    return np.array(values, np.uint8)


def test_quantize_rounds_halves_to_even_before_it_adds_the_zero_point() -> None:
    # Divided by 0.5: 0.5, 1.5, 2.5, -2.5 are 0, 2, 2, -2 in whole steps.
    fed = {"input": [0.25, 0.75, 1.25, -1.25]}
    parameters: dict[str, Argument] = {
        "scale": 0.5,
        "zero_point": constant(1, "int8"),
        "output_dtype": text("int8"),
    }
    assert_computes("quantize", fed, parameters, _signed(1, 3, 3, -1))


def test_quantize_without_a_zero_point() -> None:
    parameters: dict[str, Argument] = {"scale": 0.5, "output_dtype": text("int8")}
    assert_computes("quantize", {"input": [1.0, -3.0]}, parameters, _signed(2, -6))


@pytest.mark.parametrize(
    ("dtype", "zero_point", "expected"),
    [
        ("int8", 0, _signed(-128, 127, 4)),
        ("uint8", 128, _unsigned(0, 255, 132)),
        ("uint8", 0, _unsigned(0, 200, 4)),
    ],
)
def test_quantize_stops_at_the_ends_of_its_dtype(
    dtype: str, zero_point: int, expected: Any
) -> None:
    parameters: dict[str, Argument] = {
        "scale": 0.5,
        "zero_point": constant(zero_point, dtype),
        "output_dtype": text(dtype),
    }
    assert_computes("quantize", {"input": [-300.0, 100.0, 2.0]}, parameters, expected)


@pytest.mark.parametrize(
    ("axis", "expected"),
    [(0, [[4, 5], [20, 24]]), (1, [[4, 14], [8, 24]]), (-1, [[4, 14], [8, 24]])],
)
def test_quantize_has_a_scale_and_a_zero_point_for_each_slice_along_its_axis(
    axis: int, expected: Any
) -> None:
    zero_points = constant(np.array([2, 8], np.uint8))
    parameters: dict[str, Argument] = {
        "scale": [0.5, 0.25],
        "zero_point": zero_points,
        "axis": axis,
    }
    fed = {"input": [[1.0, 1.5], [3.0, 4.0]]}
    assert_computes(
        "quantize", fed, parameters | {"output_dtype": text("uint8")}, np.array(expected, np.uint8)
    )


def test_dequantize_subtracts_the_zero_point_and_scales() -> None:
    parameters: dict[str, Argument] = {"scale": 0.5, "zero_point": constant(3, "uint8")}
    assert_computes("dequantize", {"input": _unsigned(0, 3, 255)}, parameters, [-1.5, 0.0, 126.0])
    assert_computes("dequantize", {"input": _signed(-128, 4)}, {"scale": 0.25}, [-32.0, 1.0])


@pytest.mark.parametrize(
    ("axis", "expected"), [(0, [[0.0, 1.0], [-6.0, -2.0]]), (1, [[0.0, -6.0], [1.0, -2.0]])]
)
def test_dequantize_has_a_scale_and_a_zero_point_for_each_slice_along_its_axis(
    axis: int, expected: Any
) -> None:
    zero_points = constant(np.array([2, 7], np.int8))
    parameters: dict[str, Argument] = {"scale": [0.5, 2.0], "zero_point": zero_points, "axis": axis}
    assert_computes(
        "dequantize", {"input": np.array([[2, 4], [4, 6]], np.int8)}, parameters, expected
    )


def test_there_and_back_leads_to_the_nearest_step_of_the_range() -> None:
    scaled: dict[str, Argument] = {"scale": 0.25, "zero_point": constant(2, "int8")}
    quantized = Op(
        "quantize", {"input": "x", **scaled, "output_dtype": text("int8")}, {"q": ("int8", (3,))}
    )
    back = op("dequantize", {"input": "q", **scaled}, y=real(3))
    result = answers(files({"x": real(3)}, [quantized, back], ["y"]), {"x": [0.3, -0.9, 99.0]})
    assert result["y"].tolist() == [0.25, -1.0, 31.25]  # 31.25 = 0.25 * (127 - 2)
