"""Read the operations and constants of one function of an ML Program, weights decompressed."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgebake.runtimes.coreml.executor import decompression
from edgebake.runtimes.coreml.executor.constants import read_type, read_value
from edgebake.runtimes.coreml.executor.mil import Array, Operation, Value, ValueType
from edgebake.runtimes.coreml.package import Package

if TYPE_CHECKING:
    from coremltools.proto import MIL_pb2

Constants = dict[str, tuple[ValueType, Array]]


@dataclass(frozen=True)
class Program:
    """One function of an ML Program."""

    inputs: list[Value]
    outputs: list[str]
    operations: list[Operation]  # those that compute, in order
    # Operations that decompress weights; their results are among the constants.
    compressed: list[Operation]
    constants: Constants


def read_program(package: Package, function: str = "main") -> Program:
    """Read a function of the package's program."""
    functions = package.specification.mlProgram.functions
    message = functions[function]
    block = message.block_specializations[message.opset]
    program = Program(
        inputs=[_read_named_value(value) for value in message.inputs],
        outputs=list(block.outputs),
        operations=[],
        compressed=[],
        constants={},
    )
    for operation in block.operations:
        _add_operation(program, operation, package.weights)
    return program


def _add_operation(
    program: Program, message: "MIL_pb2.Operation", weights: dict[str, bytes]
) -> None:
    """Add an operation to the program, or its results to the constants if it computes nothing."""
    operation = Operation(
        kind=message.type,
        position=len(program.operations) + 1,
        inputs=_read_inputs(message, weights, program.constants),
        outputs=[_read_named_value(output) for output in message.outputs],
    )
    kind = operation.kind
    if kind == "const":
        (output,) = operation.outputs
        (name,) = operation.inputs["val"]
        _, value = program.constants[name]
        program.constants[output.name] = (output.type, value)
    elif kind in decompression.OPERATORS:
        _decompress(operation, program.constants)
        program.compressed.append(operation)
    else:
        program.operations.append(operation)


def _read_named_value(message: "MIL_pb2.NamedValueType") -> Value:
    value_type = read_type(message.type)
    return Value(message.name, value_type)


def _read_inputs(
    message: "MIL_pb2.Operation", weights: dict[str, bytes], constants: Constants
) -> dict[str, list[str]]:
    """Return the names of the values that each parameter reads.

    A value that is written in place of a name is added to the constants under a new name.
    """
    names: dict[str, list[str]] = {}
    prefix = message.outputs[0].name
    for parameter, argument in message.inputs.items():
        for index, binding in enumerate(argument.arguments):
            name = binding.name
            if binding.WhichOneof("binding") == "value":
                name = f"{prefix}.{parameter}.{index}"
                constants[name] = _read_constant(binding.value, weights)
            parameter_names = names.setdefault(parameter, [])
            parameter_names.append(name)
    # `const` and the compressed weights of iOS 16 hold their values as attributes.
    for attribute, value in message.attributes.items():
        if attribute != "name":
            name = f"{prefix}.{attribute}"
            constants[name] = _read_constant(value, weights)
            names[attribute] = [name]
    return names


def _read_constant(message: "MIL_pb2.Value", weights: dict[str, bytes]) -> tuple[ValueType, Array]:
    value_type = read_type(message.type)
    value = read_value(message, weights)
    return value_type, value


def _decompress(operation: Operation, constants: Constants) -> None:
    """Add the weights that a decompressing operation restores to the constants."""
    arguments: dict[str, Array] = {}
    for parameter, names in operation.inputs.items():
        _, value = constants[names[0]]
        arguments[parameter] = value
    decompress = decompression.OPERATORS[operation.kind]
    results = decompress(**arguments)
    if not isinstance(results, tuple):
        results = (results,)
    for output, result in zip(operation.outputs, results, strict=True):
        weight = result.reshape(output.type.static_shape)
        constants[output.name] = (output.type, weight)
