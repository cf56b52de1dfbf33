"""A text as an input: its options, the contract, golden vectors and noise."""

from typing import Any

import pytest

from edgebake.recipe import Data, DataInput, Model, Recipe, Task
from edgebake.tasks.inputs.text import INPUT
from edgebake.tasks.options import ContractOptions
from edgebake.tasks.tensors import ContractInput, TensorSpec


def data(length: int = 6) -> Data:
    return Data(source="s", path=None, input=DataInput("text", {"bytes": length}))


def contract_input() -> ContractInput:
    return INPUT.contract_input(ContractOptions(data(), Model(), Task()))


def test_the_contract_has_tensor_and_steps() -> None:
    spec = contract_input()
    assert spec.tensor == TensorSpec("text", (6,), "int32", highest=256)
    assert spec.steps == (
        {"step": "utf8", "normal_form": "none"},
        {"step": "bytes", "plus": 1, "length": 6, "keep": "first", "pad": 0},
    )
    assert INPUT.describe(spec) == (
        "first 6 bytes of a text in UTF-8, each plus 1; 0 behind a shorter text"
    )


@pytest.mark.parametrize(("length", "is_right"), [(1, 1), (65_536, 1), (0, 0), (65_537, 0)])
def test_the_number_of_bytes_has_limits(length: int, is_right: bool) -> None:
    recipe = Recipe(data=data(length))  # type: ignore[arg-type]
    problem = ("data.input.options.bytes", f"{length}; expected 1 to 65,536")
    assert list(INPUT.check(recipe)) == ([] if is_right else [problem])


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        ("Grüße", None),
        ("", "is empty; expected a text"),
        (b"bytes", "is of the type bytes; expected a text"),
        ("\ud800", "holds half of a surrogate pair; expected a text that UTF-8 can hold"),
    ],
)
def test_texts_that_cannot_be_used_are_named(raw: Any, problem: str | None) -> None:
    assert INPUT.check_raw(raw, data()) == problem


def test_golden_vectors_hold_utf_8() -> None:
    assert INPUT.to_golden("é") == b"\xc3\xa9"
    assert INPUT.size("é") == 2
    assert INPUT.digest("é") != INPUT.digest("e\u0301")
    assert INPUT.raw_form == "utf8"


def test_ids_are_exact_in_every_app() -> None:
    assert INPUT.tolerance(contract_input(), {"scale": None}) == 0
    assert not INPUT.takes_raw("int32")
