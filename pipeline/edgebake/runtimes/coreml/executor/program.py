"""Apple's Model message in, the operations of one function out, its constants read and its weights decompressed."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from edgebake.runtimes.coreml.executor import decompression
from edgebake.runtimes.coreml.executor.constants import read_type, read_value
from edgebake.runtimes.coreml.executor.mil import Operation, Value, ValueType
from edgebake.runtimes.coreml.package import Package

Constants = dict[str, tuple[ValueType, NDArray[Any]]]


@dataclass(frozen=True)
class Program:
    """One function of an ML Program."""

    inputs: list[Value]
    outputs: list[str]
    operations: list[Operation]  # those that compute, in order
    compressed: list[
        Operation
    ]  # those that decompress weights, whose results are among the constants
    constants: Constants


def read_program(package: Package, function: str = "main") -> Program:
    """Return a function of the package's program."""
    message = package.specification.mlProgram.functions[function]
    block = message.block_specializations[message.opset]
    constants: Constants = {}
    operations: list[Operation] = []
    compressed: list[Operation] = []
    for item in block.operations:
        operation = Operation(
            item.type, len(operations) + 1, _inputs(item, package, constants), _outputs(item)
        )
        if item.type == "const":
            constants[item.outputs[0].name] = (
                operation.outputs[0].type,
                _of_input(operation, constants, "val"),
            )
        elif item.type in decompression.OPERATORS:
            _decompress(operation, constants)
            compressed.append(operation)
        else:
            operations.append(operation)
    inputs = [Value(item.name, read_type(item.type)) for item in message.inputs]
    return Program(inputs, list(block.outputs), operations, compressed, constants)


def _outputs(item: Any) -> list[Value]:
    return [Value(output.name, read_type(output.type)) for output in item.outputs]


def _inputs(item: Any, package: Package, constants: Constants) -> dict[str, list[str]]:
    """Return the names that each parameter reads; values written in place get a name of their own."""
    found: dict[str, list[str]] = {}
    for parameter, argument in item.inputs.items():
        for number, binding in enumerate(argument.arguments):
            name = binding.name
            if binding.WhichOneof("binding") == "value":
                name = f"{item.outputs[0].name}.{parameter}.{number}"
                constants[name] = (
                    read_type(binding.value.type),
                    read_value(binding.value, package.weights),
                )
            found.setdefault(parameter, []).append(name)
    # const and the compressed weights of iOS 16 hold their values as attributes.
    for parameter, value in item.attributes.items():
        if parameter != "name":
            name = f"{item.outputs[0].name}.{parameter}"
            constants[name] = (read_type(value.type), read_value(value, package.weights))
            found[parameter] = [name]
    return found


def _of_input(operation: Operation, constants: Constants, parameter: str) -> NDArray[Any]:
    return constants[operation.inputs[parameter][0]][1]


def _decompress(operation: Operation, constants: Constants) -> None:
    arguments = {parameter: constants[names[0]][1] for parameter, names in operation.inputs.items()}
    found = decompression.OPERATORS[operation.kind](**arguments)
    values = found if isinstance(found, tuple) else (found,)
    for output, value in zip(operation.outputs, values, strict=True):
        constants[output.name] = (output.type, value.reshape(output.type.sizes))
