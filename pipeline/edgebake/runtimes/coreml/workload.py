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
    return build_workload(
        operations=[file.operation(operation) for operation in file.running()],
        size=file.size,
        constants=file.constants,
        inputs_and_outputs=(inputs, outputs),
    )


class MlPackageFile:
    """The program of an .mlpackage; a value and its casts count as one tensor, its root."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.program = read_program(package.read(files))
        self.constants = set(self.program.constants)
        self._types = _value_types(self.program)
        self._producers = _producers(self.program.operations)
        # Constant -> the operation that decompresses it.
        self._compressed = _producers(self.program.compressed)
        self._roots: dict[str, str] = {}
        for operation in self.program.operations:
            if operation.kind in CASTS:
                self._roots[operation.outputs[0].name] = _cast_source(operation)

    def running(self) -> Iterator[Operation]:
        """Yield the operations that are operators."""
        for operation in self.program.operations:
            if operation.kind not in NO_OPERATORS:
                yield operation

    def operation(self, operation: Operation) -> OperatorWorkload:
        """Return the workload of an operator."""
        roots = [self.root(name) for name in _inputs(operation)]
        reads = [name for name in dict.fromkeys(roots) if self._types[name].dtype != "string"]
        return OperatorWorkload(
            kind=operation.kind,
            name=operation.outputs[0].name,
            dtype=self._dtype(operation),
            macs=self._macs(operation),
            parameters=self._parameters(operation),
            reads=tuple(reads),
            writes=tuple(self.root(value.name) for value in operation.outputs),
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
        casts = [cast for cast in self._roots if self.root(cast) == name]
        return min(self._bytes(form) for form in (name, *casts))

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
                yield producer.inputs["probabilities"][0]
            else:
                yield name

    def _dtype(self, operation: Operation) -> str:
        """Return the dtype in which an operator computes.

        It computes in int8 if its weights are integers and all else comes from `dequantize`.
        """
        live = [name for name in _inputs(operation) if name not in self.constants]
        if not live:
            return operation.outputs[0].type.dtype
        weights = operation.inputs.get("weight", [])
        is_dequantized = all(self._is_dequantized(name) for name in live)
        has_integer_weights = all(self._is_integer(name) for name in weights)
        if is_dequantized and has_integer_weights:
            return "int8"
        return self._types[live[0]].dtype

    def _bytes(self, name: str) -> int:
        return _bytes(self._types[name])

    def _is_dequantized(self, name: str) -> bool:
        return name in self._producers and self._producers[name].kind == "dequantize"

    def _is_integer(self, weight: str) -> bool:
        """Return whether a weight is stored in integers; a lookup table contains floats."""
        return weight in self._compressed and "lut" not in self._compressed[weight].kind

    def _macs(self, operation: Operation) -> int:
        if operation.kind in weightless_operators("coreml"):
            return 0
        if operation.kind not in WEIGHTED:
            raise unknown_macs(operation.kind, WEIGHTED)
        x = self._input_shape(operation, "x")
        output = self.shape(operation.outputs[0].name)
        if operation.kind == "matmul":
            is_transposed = self._is_set(operation, "transpose_x")
            inner = x[-2] if is_transposed else x[-1]
            return product_macs(output, inner)
        weight = self._input_shape(operation, "weight")
        if operation.kind == "linear":
            return product_macs(output, weight[1])
        filters = weight[0]
        if operation.kind == "conv_transpose":  # every input element passes through every filter
            return window_macs(x, weight, filters)
        return window_macs(output, weight, filters)

    def _input_shape(self, operation: Operation, parameter: str) -> tuple[int, ...]:
        name = operation.inputs[parameter][0]
        return self.shape(name)

    def _is_set(self, operation: Operation, parameter: str) -> bool:
        if parameter not in operation.inputs:
            return False
        _, value = self.program.constants[operation.inputs[parameter][0]]
        return bool(value)

    def _parameters(self, operation: Operation) -> dict[str, int]:
        """Return the weights and biases of an operator, or its other constants of real numbers."""
        names = set(_inputs(operation))
        if operation.kind in WEIGHTED:
            names = set()
            for parameter in WEIGHT_PARAMETERS:
                names.update(operation.inputs.get(parameter, []))
        sizes = {}
        for name in sorted(names & self.constants):
            if self._is_weight(name):
                sizes[name] = prod(self.shape(name))
        return sizes

    def _is_weight(self, name: str) -> bool:
        dtype = self._types[name].dtype
        return dtype.startswith("float") and prod(self.shape(name)) > 1


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
