"""Stored and real values: worked numbers; and what an inspection counts."""

import numpy as np
import pytest

from edgebake.runtimes import finite_check, session
from edgebake.runtimes.session import IMAGE, Inspection, NamedExamples, Operator, Tensor
from edgebake.tasks.tensors import Feeds

INT8 = Tensor("image", [1, 2], "int8", "NHWC", scale=0.5, zero_point=-1)
UINT8 = Tensor("image", [1, 2], "uint8", "NHWC", scale=0.25, zero_point=128)
FLOAT = Tensor("image", [1, 2], "float32", "NHWC")
CONV, SOFTMAX = Operator("CONV_2D", ("int8",)), Operator("SOFTMAX", ("float32",))


@pytest.mark.parametrize(
    ("real", "stored"),
    [
        (0.0, -1),
        (1.0, 1),
        (0.25, 0),
        (0.75, 0),
        (1.25, 2),
        (1.3, 2),
        (1000.0, 127),
        (-1000.0, -128),
    ],
)
def test_int8_is_rounded_half_to_even_and_clipped(real: float, stored: int) -> None:
    result = INT8.to_stored(np.array([real], np.float32))
    assert result.dtype == np.int8
    assert result.tolist() == [stored]


def test_uint8_is_clipped_to_its_own_range() -> None:
    assert UINT8.to_stored(np.array([-1000, 0, 0.5, 1000], np.float32)).tolist() == [
        0,
        128,
        130,
        255,
    ]


def test_int8_reads_back_as_distance_from_the_zero_point() -> None:
    real_values = INT8.to_real(np.array([-128, -1, 127], np.int8))
    assert real_values.dtype == np.float32
    assert real_values.tolist() == [-63.5, 0.0, 64.0]


def test_every_int8_value_survives_the_trip_to_real_and_back() -> None:
    every = np.arange(-128, 128).astype(np.int8)
    assert INT8.to_stored(INT8.to_real(every)).tolist() == every.tolist()


def test_float_tensors_are_not_touched() -> None:
    real = np.array([-0.3, 7.25], np.float32)
    assert FLOAT.to_stored(real).tolist() == real.tolist()
    assert FLOAT.to_real(real).tolist() == real.tolist()


def test_whole_numbers_without_a_scale_are_stored_as_they_are() -> None:
    ids = Tensor("ids", [1, 2], "int32", "values")
    assert ids.to_stored(np.array([7, 256], np.int64)).tolist() == [7, 256]
    assert ids.to_stored(np.array([7.0], np.float32)).dtype == np.int32
    with pytest.raises(ValueError, match=r"^ids: int32 without a scale; expected whole numbers$"):
        ids.to_stored(np.array([0.5], np.float32))


def test_an_inspection_file_of_several_tensors_is_read_as_it_was_written() -> None:
    single = Inspection([INT8], [FLOAT], [CONV], {})
    assert list(single.to_dict()) == ["input", "output", "operators", "tensors", "boundaries"]
    assert session.inputs_of(single.to_dict()) == [INT8]
    several = Inspection([INT8, UINT8], [FLOAT, INT8], [CONV], {})
    assert session.inputs_of(several.to_dict()) == [INT8, UINT8]
    assert session.outputs_of(several.to_dict()) == [FLOAT, INT8]
    with pytest.raises(ValueError, match="too many values"):
        _ = several.input


def test_an_image_is_told_from_numbers_by_its_dtype() -> None:
    assert Tensor("image", [1, 32, 32, 1], IMAGE, "NHWC").is_image
    assert not INT8.is_image
    assert not FLOAT.is_image


def test_equal_operators_are_counted_together() -> None:
    inspection = Inspection([INT8], [FLOAT], [SOFTMAX, CONV, CONV], {"int8": 3})
    assert inspection.operator_counts() == [
        {"operator": "CONV_2D", "dtypes": ["int8"], "count": 2},
        {"operator": "SOFTMAX", "dtypes": ["float32"], "count": 1},
    ]


def test_operators_in_float_are_found_in_every_precision() -> None:
    half, boundary = Operator("ADD", ("float16",)), Operator("QUANTIZE", ("float32", "int8"))
    assert Inspection([INT8], [FLOAT], [CONV, SOFTMAX, half, boundary], {}).float_operators() == [
        "ADD",
        "QUANTIZE",
        "SOFTMAX",
    ]


def test_inspection_file_does_not_depend_on_the_order_of_tensors() -> None:
    entry = Inspection([INT8], [FLOAT], [CONV], {"int8": 3, "float32": 1}).to_dict()
    other = Inspection([INT8], [FLOAT], [CONV], {"float32": 1, "int8": 3}).to_dict()
    assert list(entry["tensors"]) == list(other["tensors"]) == ["float32", "int8"]


class Adder:
    """Returns the sum of `numbers` and `id`, and `id` alone."""

    def feed(self, example: Feeds) -> None:
        self._fed = [session.values_for(name, example) for name in ("numbers", "id")]

    def invoke(self) -> None:
        """Do nothing: `read` adds."""

    def read(self) -> dict[str, np.ndarray]:
        numbers, number = self._fed
        return {"sum": numbers + number, "id": number}


def test_examples_of_several_inputs_are_run_one_by_one() -> None:
    count = session.READ_AT_ONCE + 1
    rows = np.arange(count, dtype=np.float32).reshape(count, 1)
    examples = NamedExamples({"numbers": np.repeat(rows, 2, axis=1), "id": 10 * rows})
    outputs = session.predictions(Adder(), examples)
    assert outputs["sum"].shape == (count, 2)
    assert outputs["sum"][-1].tolist() == [704, 704]
    assert outputs["id"].tolist() == (10 * rows).tolist()


def test_an_input_that_is_not_fed_is_named() -> None:
    examples = NamedExamples({"numbers": np.zeros((1, 2), np.float32)})
    with pytest.raises(ValueError, match=r"^nothing is fed to the input 'id'; there is: numbers$"):
        session.predictions(Adder(), examples)


def test_an_example_is_not_finite_if_a_value_of_any_output_is_not() -> None:
    one = np.array([[0, 1], [0, np.nan], [0, 0]], np.float32)
    other = np.array([0, 0, np.inf], np.float32)
    assert finite_check.not_finite_rows({"one": one, "other": other}) == [1, 2]
