"""Count what an ML Program computes and moves.

Casts, `quantize` and `dequantize` are no operators: the neighboring operators read and write in
that dtype. `classify` is none either: it looks up the labels for the app.
"""

from collections.abc import Iterator
from math import prod

from edgebake.runtimes.coreml import package
from edgebake.runtimes.coreml.executor.mil import Operation, UnsupportedError, ValueType
from edgebake.runtimes.coreml.executor.program import Program, read_program
from edgebake.runtimes.workload import (
    OperatorWorkload,
    Uncounted,
    Workload,
    build_workload,
    dtype_bits,
    packed_bytes,
    product_macs,
    unknown_macs,
    weightless_operators,
    window_macs,
)

CASTS = ("cast", "dequantize", "quantize")
NO_OPERATORS = (*CASTS, "classify")
WEIGHTED = ("conv", "conv_transpose", "linear", "matmul")
WEIGHT_PARAMETERS = ("weight", "bias", "y")
NOT_NUMERIC = ("string", "dictionary", "list")


def workload(files: dict[str, bytes]) -> Workload:
    """Return what the program computes and moves for one image.

    Raises:
        Uncounted: an operator has unknown multiply-accumulates, or a tensor no fixed size.
    """
    file = MlPackageFile(files)
    inputs = [file.root(value.name) for value in file.program.inputs]
    outputs = [file.root(name) for name in file.numeric_outputs()]
    operations = []
    for operation in file.running():
        operator = file.operation(operation)
        operations.append(operator)
    return build_workload(
        operations, size=file.size, constants=file.constants, inputs_and_outputs=(inputs, outputs)
    )


class MlPackageFile:
    """The program of an .mlpackage; a value and its casts count as one tensor, its root."""

    def __init__(self, files: dict[str, bytes]) -> None:
        program = read_program(package.read(files))
        self.program = program
        self.constants = set(program.constants)
        self._types = _value_types(program)
        self._producers = _producers(program.operations)
        # Constant -> the operation that decompresses it.
        self._compressed = _producers(program.compressed)
        self._roots: dict[str, str] = {}
        for operation in program.operations:
            if operation.kind in CASTS:
                output = operation.outputs[0]
                self._roots[output.name] = _cast_source(operation)

    def running(self) -> Iterator[Operation]:
        """Yield the operations that are operators."""
        for operation in self.program.operations:
            if operation.kind not in NO_OPERATORS:
                yield operation

    def operation(self, operation: Operation) -> OperatorWorkload:
        """Return the workload of an operator."""
        roots = [self.root(name) for name in _inputs(operation)]
        read: list[str] = []
        for name in dict.fromkeys(roots):
            if self._types[name].dtype != "string":
                read.append(name)
        outputs = [output.name for output in operation.outputs]
        written = [self.root(name) for name in outputs]
        return OperatorWorkload(
            kind=operation.kind,
            name=outputs[0],
            dtype=self._dtype(operation),
            macs=self._macs(operation),
            parameters=self._parameters(operation),
            reads=tuple(read),
            writes=tuple(written),
        )

    def root(self, name: str) -> str:
        """Return the tensor from which this one is computed by casts alone."""
        while name in self._roots:
            name = self._roots[name]
        return name

    def size(self, name: str) -> int:
        """Return the bytes of a root tensor.

        Those of a compressed weight are its stored form; otherwise it has the smallest dtype among
        the tensor and its casts.
        """
        if name in self._compressed:
            stored = _inputs(self._compressed[name])
            return sum(self._bytes(part) for part in stored)
        forms = [name]
        for cast in self._roots:
            if self.root(cast) == name:
                forms.append(cast)
        return min(self._bytes(form) for form in forms)

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor.

        Raises:
            Uncounted: a size is only known when the program runs.
        """
        try:
            return self._types[name].static_shape
        except UnsupportedError:
            raise Uncounted(f"{name}: its size is only known when the program runs") from None

    def numeric_outputs(self) -> Iterator[str]:
        """Yield the outputs of the program; for labels, the probabilities that `classify` reads."""
        for name in self.program.outputs:
            producer = self._producers[name]
            if producer.kind == "classify":
                probabilities = producer.inputs["probabilities"]
                yield probabilities[0]
            else:
                yield name

    def _dtype(self, operation: Operation) -> str:
        """Return the dtype in which an operator computes.

        It computes in int8 if its weights are integers and all else comes from `dequantize`.
        """
        names = _inputs(operation)
        live = [name for name in names if name not in self.constants]
        if not live:
            return operation.outputs[0].type.dtype
        weights = operation.inputs.get("weight", [])
        is_dequantized = all(self._is_dequantized(name) for name in live)
        has_integer_weights = all(self._is_integer(name) for name in weights)
        if is_dequantized and has_integer_weights:
            return "int8"
        first = live[0]
        return self._types[first].dtype

    def _bytes(self, name: str) -> int:
        return _bytes(self._types[name])

    def _is_dequantized(self, name: str) -> bool:
        producer = self._producers.get(name)
        return producer is not None and producer.kind == "dequantize"

    def _is_integer(self, weight: str) -> bool:
        """Return whether a weight is stored in integers; a lookup table contains floats."""
        decompression = self._compressed.get(weight)
        if decompression is None:
            return False
        return "lut" not in decompression.kind

    def _macs(self, operation: Operation) -> int:
        kind = operation.kind
        if kind in weightless_operators("coreml"):
            return 0
        if kind not in WEIGHTED:
            raise unknown_macs(kind, WEIGHTED)
        x = self._input_shape(operation, "x")
        output = self.shape(operation.outputs[0].name)
        if kind == "matmul":
            inner = x[-1]
            if self._is_set(operation, "transpose_x"):
                inner = x[-2]
            return product_macs(output, inner)
        weight = self._input_shape(operation, "weight")
        if kind == "linear":
            return product_macs(output, weight[1])
        filters = weight[0]
        if kind == "conv_transpose":  # every input element passes through every filter
            return window_macs(x, weight, filters)
        return window_macs(output, weight, filters)

    def _input_shape(self, operation: Operation, parameter: str) -> tuple[int, ...]:
        name = operation.inputs[parameter][0]
        return self.shape(name)

    def _is_set(self, operation: Operation, parameter: str) -> bool:
        if parameter not in operation.inputs:
            return False
        name = operation.inputs[parameter][0]
        _, value = self.program.constants[name]
        return bool(value)

    def _parameters(self, operation: Operation) -> dict[str, int]:
        """Return the weights and biases of an operator, or its other constants of real numbers."""
        inputs = operation.inputs
        names = set(_inputs(operation))
        if operation.kind in WEIGHTED:
            names = set()
            for parameter in WEIGHT_PARAMETERS:
                weights = inputs.get(parameter, [])
                names.update(weights)
        constants = names & self.constants
        sizes = {}
        for name in sorted(constants):
            if self._is_weight(name):
                shape = self.shape(name)
                sizes[name] = prod(shape)
        return sizes

    def _is_weight(self, name: str) -> bool:
        dtype = self._types[name].dtype
        if not dtype.startswith("float"):
            return False
        return prod(self.shape(name)) > 1


def _value_types(program: Program) -> dict[str, ValueType]:
    """Return the types of a program's constants, inputs and intermediate values by name."""
    types = {}
    for name, (kind, _) in program.constants.items():
        types[name] = kind
    values = [*program.inputs]
    for operation in program.operations:
        values += operation.outputs
    for value in values:
        types[value.name] = value.type
    return types


def _producers(operations: list[Operation]) -> dict[str, Operation]:
    """Return the operation that computes each value."""
    producers = {}
    for operation in operations:
        for value in operation.outputs:
            producers[value.name] = operation
    return producers


def _inputs(operation: Operation) -> list[str]:
    """Return the names of all values that an operation reads, those of parameter x first.

    The order of a protobuf map differs between processes, so parameters are sorted.
    """
    names = [*operation.inputs.get("x", [])]
    for parameter in sorted(operation.inputs):
        if parameter != "x":
            names += operation.inputs[parameter]
    return names


def _cast_source(operation: Operation) -> str:
    parameter = "x" if "x" in operation.inputs else "input"
    return operation.inputs[parameter][0]


def _bytes(kind: ValueType) -> int:
    """Return the bytes of a value of a type."""
    if kind.dtype in NOT_NUMERIC:
        return 0
    try:
        elements = prod(kind.static_shape)
    except UnsupportedError:
        raise Uncounted("a size is only known when the program runs") from None
    return packed_bytes(elements, dtype_bits(kind.dtype))
