"""Tensors of a file and inputs of the contract find each other by name."""

from typing import Any

import pytest

from edgebake.runtimes import contract_tensors
from edgebake.runtimes.session import Inspection, Tensor
from edgebake.tasks.contract import Contract
from edgebake.tasks.tensors import ContractInput, TensorSpec
from tests.contracts import probabilities


def _contract(*names: str) -> Contract:
    inputs = [ContractInput(name, "text", TensorSpec(name, (3,), "int32"), ()) for name in names]
    return Contract("classification", tuple(inputs), (probabilities(["a", "b"]),), ["a", "b"])


def _inspection(*names: str) -> dict[str, Any]:
    inputs = [Tensor(name, [1, 3], "int32", "values") for name in names]
    outputs = [Tensor("Identity", [1, 2], "float32", "NC")]
    return Inspection(inputs, outputs, [], {}).to_dict()


def test_the_order_is_that_of_the_file() -> None:
    found = contract_tensors.inputs(_contract("left", "right"), _inspection("right", "left"))
    assert [(spec.name, tensor.name) for spec, tensor in found] == [
        ("right", "right"),
        ("left", "left"),
    ]


def test_a_single_tensor_may_have_lost_its_name() -> None:
    ((output, tensor),) = contract_tensors.outputs(_contract("left"), _inspection("left"))
    assert (output.name, tensor.name) == ("probabilities", "Identity")


def test_other_tensors_are_refused() -> None:
    message = "^the file has the tensors left, middle; expected left, right$"
    with pytest.raises(ValueError, match=message):
        contract_tensors.inputs(_contract("left", "right"), _inspection("left", "middle"))
