"""Match the tensors of a converted file with the inputs and outputs of the contract."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from edgebake.errors import listed
from edgebake.runtimes.session import Tensor, inputs_of, outputs_of
from edgebake.tasks.contract import Contract
from edgebake.tasks.tensors import ContractInput, ContractOutput

End = TypeVar("End", ContractInput, ContractOutput)


def inputs(contract: Contract, inspection: Mapping[str, Any]) -> list[tuple[ContractInput, Tensor]]:
    """Return the contract's inputs and their tensors, in the order of the file.

    Args:
        contract: of the model.
        inspection: content of inspection.json.

    Raises:
        ValueError: the file has other inputs.
    """
    return _matched(contract.inputs, inputs_of(inspection))


def outputs(
    contract: Contract, inspection: Mapping[str, Any]
) -> list[tuple[ContractOutput, Tensor]]:
    """Return the contract's outputs and their tensors, in the order of the file.

    Raises:
        ValueError: the file has other outputs.
    """
    return _matched(contract.outputs, outputs_of(inspection))


def _matched(ends: Sequence[End], tensors: Sequence[Tensor]) -> list[tuple[End, Tensor]]:
    """Match by name; a single tensor may have any, which a stripped file has lost."""
    if len(ends) == 1 and len(tensors) == 1:
        return [(ends[0], tensors[0])]
    by_name = {end.name: end for end in ends}
    names = [tensor.name for tensor in tensors]
    if sorted(names) != sorted(by_name):
        raise ValueError(f"the file has the tensors {listed(names)}; expected {listed(by_name)}")
    return [(by_name[tensor.name], tensor) for tensor in tensors]
