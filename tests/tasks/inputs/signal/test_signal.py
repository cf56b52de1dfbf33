"""A signal as an input: its options, the contract and golden vectors."""

from typing import Any

import numpy as np
import pytest

from edgebake.recipe import Data, DataInput, Model, Recipe, Task, plugin_options
from edgebake.tasks.inputs.signal import INPUT
from edgebake.tasks.inputs.signal.options import SignalOptions
from edgebake.tasks.options import ContractOptions
from edgebake.tasks.tensors import ContractInput, TensorSpec

OPTIONS: dict[str, Any] = {
    "rate_hz": 50,
    "channels": ["x", "y"],
    "units": ["m/s2", "rad/s"],
    "samples": 3,
    "hop": 2,
    "mean": [0.5, -1.0],
    "scale": [2.0, 4.0],
}


def data(**changes: Any) -> Data:
    return Data(source="s", path=None, input=DataInput("signal", {**OPTIONS, **changes}))


def contract_input() -> ContractInput:
    return INPUT.contract_input(ContractOptions(data(), Model(), Task()))


def test_the_contract_has_tensor_and_steps() -> None:
    spec = contract_input()
    assert spec.tensor == TensorSpec("signal", (3, 2), "float32")
    assert spec.steps == (
        {
            "step": "signal",
            "rate_hz": 50.0,
            "channels": ["x", "y"],
            "units": ["m/s2", "rad/s"],
            "uneven": "linear",
        },
        {"step": "clip", "samples": 3, "hop": 2, "short": "refuse"},
        {"step": "normalize", "mean": [0.5, -1.0], "scale": [2.0, 4.0]},
    )
    assert INPUT.describe(spec) == (
        "signal of 3 samples at 50 Hz, normalized: x in m/s2, y in rad/s"
    )


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({}, []),
        ({"units": ["g"]}, [("units", "1 values; expected 2, one for each channel")]),
        ({"mean": []}, [("mean", "0 values; expected 2, one for each channel")]),
        ({"scale": [1.0, 0.0]}, [("scale", "0; expected more than 0")]),
        ({"channels": ["x", "x"]}, [("channels", "'x' is there twice; expected each once")]),
        ({"channels": ["x", ""]}, [("channels", "''; expected visible text")]),
        ({"rate_hz": 0}, [("rate_hz", "0; expected more than 0, at most 1,000,000")]),
        (
            {"samples": 0, "hop": 1},
            [("samples", "0; expected 1 to 65,536"), ("hop", "1; expected 1 to 0, the samples")],
        ),
        ({"samples": 65_537}, [("samples", "65537; expected 1 to 65,536")]),
        ({"hop": 4}, [("hop", "4; expected 1 to 3, the samples")]),
        (
            {"channels": [], "units": [], "mean": [], "scale": []},
            [("channels", "0 channels; expected 1 to 64")],
        ),
    ],
)
def test_problems_of_options_are_named(
    changes: dict[str, Any], problems: list[tuple[str, str]]
) -> None:
    recipe = Recipe(data=data(**changes))  # type: ignore[arg-type]
    expected = [(f"data.input.options.{key}", text) for key, text in problems]
    assert list(INPUT.check(recipe)) == expected


def test_options_of_another_type_or_name_are_refused_by_their_dataclass() -> None:
    wrong = {**OPTIONS, "samples": "many", "hops": 1}
    del wrong["hop"]
    problems = dict(plugin_options.problems(wrong, SignalOptions, "o"))
    assert set(problems) == {"o.samples", "o.hops", "o.hop"}


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        ([[1, 2], [3, 4], [5, 6]], None),
        ([[1, 2]] * 9, None),
        ([[1, 2]] * 2, "has 2 samples; expected at least 3: data.input.options.samples"),
        ([[1, 2, 3]] * 3, "has the shape [3, 3]; expected [samples, 2]"),
        ([[1, 2], [3, np.inf], [5, 6]], "has a sample that is not finite; expected numbers"),
    ],
)
def test_windows_that_cannot_be_used_are_named(raw: Any, problem: str | None) -> None:
    assert INPUT.check_raw(raw, data()) == problem


def test_golden_vectors_hold_little_endian_float32() -> None:
    raw = np.array([[1.0, -2.0]], np.float32)
    assert INPUT.to_golden(raw) == bytes.fromhex("0000803f000000c0")
    assert INPUT.size(raw) == 2
    assert INPUT.raw_form == "float32"


def test_windows_of_equal_numbers_and_another_shape_are_no_leak() -> None:
    raw = np.arange(6, dtype=np.float32)
    assert INPUT.digest(raw.reshape(3, 2)) == INPUT.digest(raw.reshape(3, 2).copy())
    assert INPUT.digest(raw.reshape(3, 2)) != INPUT.digest(raw.reshape(2, 3))


def test_an_integer_input_may_be_off_by_a_step() -> None:
    spec = contract_input()
    assert INPUT.tolerance(spec, {"scale": None}) == 1e-4
    assert INPUT.tolerance(spec, {"scale": 0.25}) == 0.2501
    assert not INPUT.takes_raw("float32")
