"""Translate programs to ONNX: rounding, readable values, and errors for what is unsupported."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from edgebake.errors import CoverageError
from edgebake.runtimes.coreml import package
from edgebake.runtimes.coreml.executor.program import read_program
from edgebake.runtimes.coreml.executor.translation import (
    Arithmetic,
    float_values,
    supported_operators,
)
from tests.runtimes.coreml.programs import (
    Argument,
    Op,
    Typed,
    answers,
    constant,
    files,
    half,
    op,
    real,
    text,
    whole,
)

HALF, FULL = Arithmetic.float16, Arithmetic.float32


def _answer(content: dict[str, bytes], x: Any, arithmetic: Arithmetic) -> Any:
    return answers(content, {"x": x}, arithmetic)["y"].tolist()


def _sum(typed: Typed) -> dict[str, bytes]:
    return files(
        {"x": typed}, [op("add", {"x": "x", "y": constant(1.0, typed[0])}, y=typed)], ["y"]
    )


def test_a_sum_in_float16_is_rounded_to_float16() -> None:
    # Beyond 2048 the numbers of float16 are two apart: 2049 lies between and goes to the even one.
    assert _answer(_sum(half(3)), [2048, 2050, 3.5], HALF) == [2048, 2052, 4.5]
    assert _answer(_sum(half(3)), [2048, 2050, 3.5], FULL) == [2049, 2051, 4.5]


def test_what_the_program_declares_as_float32_is_not_rounded() -> None:
    assert _answer(_sum(real(1)), [2048], HALF) == [2049]


def test_an_input_in_float16_is_rounded_before_anything_is_computed() -> None:
    content = files({"x": half(1)}, [op("mul", {"x": "x", "y": 10.0}, y=real(1))], ["y"])
    assert _answer(content, [2049], HALF) == [20480]
    assert _answer(content, [2049], FULL) == [20490]


def test_what_is_too_large_for_float16_is_infinite() -> None:
    content = files(
        {"x": half(2)}, [op("mul", {"x": "x", "y": constant(2.0, "float16")}, y=half(2))], ["y"]
    )
    assert _answer(content, [32768, -40000], HALF) == [np.inf, -np.inf]
    assert _answer(content, [32768, -40000], FULL) == [65536, -80000]


def test_each_result_is_rounded_once_and_by_the_next_operator_again() -> None:
    unit = constant(1.0, "float16")
    first = op("add", {"x": "x", "y": unit}, a=half(1))
    second = op("add", {"x": "a", "y": unit}, y=half(1))
    steps = [first, second]
    content = files({"x": half(1)}, steps, ["y"])
    assert _answer(content, [2048], HALF) == [2048]  # one after the other, both are lost
    assert _answer(content, [2048], FULL) == [2050]


def test_a_matrix_product_is_rounded_once_after_it_has_summed() -> None:
    # 2048 + 1 + 1 is 2050; rounded after each sum it would stay at 2048.
    weight = constant([[1.0, 1.0, 1.0]], "float16")
    for step in (
        op("linear", {"x": "x", "weight": weight}, y=half(1, 1)),
        op("matmul", {"x": "x", "y": weight, "transpose_y": True}, y=half(1, 1)),
    ):
        assert _answer(files({"x": half(1, 3)}, [step], ["y"]), [[2048, 1, 1]], HALF) == [[2050]]
    # And once it is: 2048 + 1 goes to the even 2048.
    step = op("linear", {"x": "x", "weight": weight}, y=half(1, 1))
    assert _answer(files({"x": half(1, 3)}, [step], ["y"]), [[2048, 1, 0]], HALF) == [[2048]]


def test_an_operator_of_several_steps_is_rounded_at_its_end_alone() -> None:
    # The variance of 300 and -300 is 90000, more than float16 holds; the result is not.
    content = files(
        {"x": half(1, 2)},
        [op("layer_norm", {"x": "x", "axes": [1], "epsilon": 0.0}, y=half(1, 2))],
        ["y"],
    )
    assert _answer(content, [[300, -300]], HALF) == [[1, -1]]


CHAIN = [
    op("relu", {"x": "x"}, rectified=real(2)),
    op("add", {"x": "rectified", "y": [1.0, 2.0]}, shifted=real(2)),
    op("greater", {"x": "shifted", "y": 1.5}, above=("bool", (2,))),
    op("softmax", {"x": "shifted"}, y=half(2)),
]


def test_every_value_between_can_be_read_by_its_name() -> None:
    content = files({"x": real(2)}, CHAIN, ["y"])
    result = answers(
        content, {"x": [-1.0, 3.0]}, extra_outputs=["rectified", "shifted", "above", "x"]
    )
    assert list(result) == ["y", "rectified", "shifted", "above", "x"]
    assert result["rectified"].tolist() == [0, 3]
    assert result["shifted"].tolist() == [1, 5]
    assert result["above"].tolist() == [False, True]
    assert result["x"].tolist() == [-1, 3]


def test_a_constant_can_be_read_whether_an_operator_uses_it_or_not() -> None:
    scale = op(
        "constexpr_blockwise_shift_scale",
        {"data": constant([1, 2], "int8"), "scale": [2.0]},
        weight=real(2),
    )
    unused = files({"x": real(2)}, [scale, op("relu", {"x": "x"}, y=real(2))], ["y"])
    assert answers(unused, {"x": [0, 0]}, extra_outputs=["weight"])["weight"].tolist() == [2, 4]
    used = files({"x": real(2)}, [scale, op("add", {"x": "x", "y": "weight"}, y=real(2))], ["y"])
    assert answers(used, {"x": [0, 0]}, extra_outputs=["weight"])["weight"].tolist() == [2, 4]


def test_the_floats_of_a_program_are_listed_in_order() -> None:
    program = read_program(package.read(files({"x": real(2)}, CHAIN, ["y"])))
    assert float_values(program) == ["rectified", "shifted", "y"]
    assert float_values(program, {"float16"}) == ["y"]


def _message(
    steps: Sequence[Op], outputs: list[str], inputs: dict[str, Typed] | None = None
) -> str:
    with pytest.raises(CoverageError) as caught:
        answers(files(inputs or {"x": real(2)}, steps, outputs), {"x": [1, 2]})
    return str(caught.value)


def _expected(*lines: str) -> str:
    indented = [f"  {line}" for line in lines]
    supported = f"it covers: {', '.join(supported_operators())}"
    return "\n".join(["the ML Program executor does not cover:", *indented, supported])


def test_an_unknown_operator_is_named_with_its_place_and_its_output() -> None:
    steps = [op("relu", {"x": "x"}, a=real(2)), op("sorcery", {"x": "a"}, y=real(2))]
    assert _message(steps, ["y"]) == _expected(
        "sorcery: the operator, operation 2 of 2, output 'y'"
    )


def test_all_problems_are_reported_at_once_and_nothing_behind_them() -> None:
    steps = [
        op("sorcery", {"x": "x"}, a=real(2)),
        op("relu", {"x": "a"}, b=real(2)),  # reads what sorcery makes
        op("witchcraft", {"x": "b"}, c=real(2)),  # and this what relu makes
        op("gelu", {"x": "x", "mode": text("QUICK")}, d=real(2)),
        op("alchemy", {"x": "x"}, e=real(2), f=real(2)),
        op("add", {"x": "d", "y": "f"}, y=real(2)),
    ]
    assert _message(steps, ["y", "c"]) == _expected(
        "sorcery: the operator, operation 1 of 6, output 'a'",
        "gelu: mode QUICK, operation 4 of 6, output 'd'",
        "alchemy: the operator, operation 5 of 6, output 'e'",
    )


def test_a_parameter_that_an_input_decides_is_a_problem() -> None:
    step = op("leaky_relu", {"x": "x", "alpha": "x"}, y=real(2))
    assert _message([step], ["y"]) == _expected(
        "leaky_relu: a parameter that is not constant, operation 1 of 1, output 'y'"
    )


def test_a_parameter_that_is_missing_is_a_problem() -> None:
    step = op("clip", {"x": "x", "alpha": 1.0}, y=real(2))
    assert _message([step], ["y"]) == _expected("clip: no beta, operation 1 of 1, output 'y'")


def test_an_input_that_nothing_can_carry_is_a_problem_and_what_reads_it_is_not() -> None:
    step = op("relu", {"x": "x"}, y=real(2))
    message = _message([step], ["y"], {"x": ("float64", (2,))})
    assert message == _expected("input: the dtype float64, operation 0 of 1, output 'x'")


def test_the_operators_that_are_covered_are_sorted_and_many() -> None:
    assert supported_operators() == sorted(supported_operators())
    assert len(supported_operators()) >= 138
    assert all(earlier < later for earlier, later in itertools.pairwise(supported_operators()))


def test_an_input_that_is_flexible_has_the_default_of_the_package_or_what_is_asked_for() -> None:
    content = files(
        {"x": real(1, None)}, [op("relu", {"x": "x"}, y=real(1, None))], ["y"], {"x": (1, 3)}
    )
    assert answers(content, {"x": [[-1, 2, 3]]})["y"].tolist() == [[0, 2, 3]]
    assert answers(content, {"x": [[-1, 2]]}, shapes={"x": (1, 2)})["y"].tolist() == [[0, 2]]


def test_sizes_follow_from_operator_to_operator() -> None:
    weight = np.ones((4, 1, 3, 3), np.float32)
    same: dict[str, Argument] = {"weight": weight, "pad_type": text("same"), "strides": [2, 2]}
    steps = [
        op("conv", {"x": "x", **same}, a=real(1, 4, None, None)),
        op(
            "max_pool",
            {"x": "a", "kernel_sizes": [2, 2], "pad_type": text("same_lower")},
            b=real(1, 4, None, None),
        ),
        op(
            "upsample_nearest_neighbor",
            {"x": "b", "scale_factor_height": 2, "scale_factor_width": 2},
            c=real(1, 4, None, None),
        ),
        op(
            "slice_by_index",
            {
                "x": "c",
                "begin": [0, 0, -2, 0],
                "end": [1, 4, 0, 3],
                "end_mask": [False, False, True, False],
            },
            y=real(1, 4, 2, 3),
        ),
    ]
    content = files({"x": real(1, 1, None, None)}, steps, ["y"], {"x": (1, 1, 5, 7)})
    for shape in ((1, 1, 5, 7), (1, 1, 9, 6)):
        result = answers(
            content, {"x": np.ones(shape)}, shapes={"x": shape}, extra_outputs=["a", "c"]
        )
        assert result["a"].shape == (1, 4, -(-shape[2] // 2), -(-shape[3] // 2))
        assert result["c"].shape == (1, 4, 2 * -(-shape[2] // 2), 2 * -(-shape[3] // 2))
        assert result["y"].shape == (1, 4, 2, 3)


def _flattened() -> dict[str, bytes]:
    """Return a program that flattens images as frameworks do: by arithmetic on their shape."""
    steps = [
        op("shape", {"x": "x"}, sizes=("int32", (4,))),
        op("gather", {"x": "sizes", "indices": 0, "axis": 0}, batch=("int32", ())),
        op("expand_dims", {"x": "batch", "axes": [0]}, batches=("int32", (1,))),
        op("concat", {"values": ("batches", constant([-1])), "axis": 0}, wanted=("int32", (2,))),
        op("reshape", {"x": "x", "shape": "wanted"}, y=real(None, None)),
        op("reduce_sum", {"x": "y", "axes": [-1], "keep_dims": True}, total=real(None, 1)),
    ]
    return files({"x": real(None, 2, None, 3)}, steps, ["y", "total"], {"x": (1, 2, 2, 3)})


@pytest.mark.parametrize("shape", [(1, 2, 2, 3), (2, 2, 1, 3), (3, 2, 5, 3)])
def test_arithmetic_on_the_shape_of_a_flexible_input(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    result = answers(_flattened(), {"x": x}, shapes={"x": shape})
    assert result["y"].tolist() == x.reshape(shape[0], -1).tolist()
    assert result["total"][:, 0].tolist() == pytest.approx(
        x.reshape(shape[0], -1).sum(axis=1).tolist(), abs=1e-5
    )


def test_a_zero_in_the_shape_of_a_flexible_reshape_is_counted_from_the_right() -> None:
    # Of iOS 17: the zero of [-1, 0, 1] stands for the first of two axes, not for the second.
    content = files(
        {"x": real(None, 6)},
        [op("reshape", {"x": "x", "shape": [-1, 0, 1]}, y=real(None, None, 1))],
        ["y"],
    )
    result = answers(content, {"x": np.arange(12).reshape(2, 6)}, shapes={"x": (2, 6)})
    assert result["y"].shape == (6, 2, 1)


@pytest.mark.parametrize(
    ("kind", "parameters", "outputs", "shapes"),
    [
        (
            "split",
            {"axis": 1, "num_splits": 2},
            {"y": real(None, 2), "z": real(None, 2)},
            [(3, 2), (3, 2)],
        ),
        ("topk", {"axis": 1, "k": 2}, {"y": real(None, 2), "z": whole(None, 2)}, [(3, 2), (3, 2)]),
        ("topk", {"axis": 1, "k": 2, "return_indices": False}, {"y": real(None, 2)}, [(3, 2)]),
        ("tile", {"reps": [2, 1]}, {"y": real(None, 4)}, [(6, 4)]),
        ("reverse", {}, {"y": real(None, 4)}, [(3, 4)]),
        ("fill_like", {"value": 1.0}, {"y": real(None, 4)}, [(3, 4)]),
        ("layer_norm", {"axes": [1]}, {"y": real(None, 4)}, [(3, 4)]),
        ("transpose", {"perm": [1, 0]}, {"y": real(4, None)}, [(4, 3)]),
    ],
)
def test_operators_on_flexible_inputs(
    kind: str, parameters: dict[str, Any], outputs: dict[str, Typed], shapes: list[tuple[int, ...]]
) -> None:
    parameter = "ref_tensor" if kind == "fill_like" else "x"
    content = files(
        {"x": real(None, 4)}, [Op(kind, {parameter: "x", **parameters}, outputs)], list(outputs)
    )
    result = answers(content, {"x": np.arange(12).reshape(3, 4)}, shapes={"x": (3, 4)})
    assert [value.shape for value in result.values()] == shapes
