"""Checks of single operators: from these inputs and parameters, one computes these outputs."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from edgebake.errors import CoverageError
from edgebake.runtimes.coreml.executor.translation import Arithmetic
from tests.runtimes.coreml.programs import Argument, Array, Op, Typed, answers, files


def assert_computes(
    kind: str,
    fed: Mapping[str, Any],
    given: Mapping[str, Argument],
    *expected: Any,
    arithmetic: Arithmetic = Arithmetic.float32,
) -> None:
    """Run a program of one operator; dtype and shape of each output are those that are expected."""
    expected_value = {f"out_{number}": _array(value) for number, value in enumerate(expected)}
    content = _program(
        kind, fed, given, {name: _typed(value) for name, value in expected_value.items()}
    )
    outputs = answers(content, {name: _array(value) for name, value in fed.items()}, arithmetic)
    assert list(outputs) == list(expected_value)
    for name, value in expected_value.items():
        assert outputs[name].shape == value.shape
        assert outputs[name].dtype.kind == value.dtype.kind.replace(
            "u", "i"
        )  # every integer travels as int32
        if value.dtype.kind == "f":
            np.testing.assert_allclose(outputs[name], value, rtol=1e-5, atol=1e-6)
        else:
            np.testing.assert_array_equal(outputs[name], value)


def refusal(
    kind: str, fed: Mapping[str, Any], given: Mapping[str, Argument], *outputs: Typed
) -> str:
    """Return why the executor does not cover an operation."""
    content = _program(
        kind, fed, given, {f"out_{number}": typed for number, typed in enumerate(outputs)}
    )
    with pytest.raises(CoverageError) as caught:
        answers(content, {name: _array(value) for name, value in fed.items()})
    line = str(caught.value).splitlines()[1]
    return line.removeprefix(f"  {kind}: ").split(", operation")[0]


def _program(
    kind: str, fed: Mapping[str, Any], given: Mapping[str, Argument], outputs: Mapping[str, Typed]
) -> dict[str, bytes]:
    """Return a program of one operation; inputs that no parameter lists are parameters."""
    listed = {
        name
        for value in given.values()
        if isinstance(value, tuple)
        for name in value
        if isinstance(name, str)
    }
    parameters: dict[str, Argument] = {name: name for name in fed if name not in listed}
    inputs: dict[str, Typed] = {name: _typed(_array(value)) for name, value in fed.items()}
    return files(inputs, [Op(kind, parameters | dict(given), outputs)], list(outputs))


def _array(value: Any) -> Array:
    array = np.asarray(value)
    usual = {"float64": np.float32, "int64": np.int32}.get(array.dtype.name)
    return array if usual is None else array.astype(usual)


def _typed(value: Array) -> Typed:
    return value.dtype.name, value.shape
