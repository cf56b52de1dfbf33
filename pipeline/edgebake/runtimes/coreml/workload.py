"""Count what an ML Program computes and moves.

Casts, `quantize` and `dequantize` are no operators: the neighboring operators read and write in
that dtype. `classify` is none either: it looks up the labels for the app.
"""

import re
from collections.abc import Iterator
from math import prod

from edgebake.runtimes.coreml import package
from edgebake.runtimes.coreml.executor.mil import Operation, UnsupportedError, ValueType
from edgebake.runtimes.coreml.executor.program import read_program
from edgebake.runtimes.workload import (
    OperatorWorkload,
    Uncounted,
    Workload,
    build_workload,
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
BYTE_BITS = 8


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
        self._types = {name: kind for name, (kind, _) in self.program.constants.items()}
        self._types |= {value.name: value.type for value in self.program.inputs}
        self._roots: dict[str, str] = {}
        self._producers: dict[str, Operation] = {}
        for operation in self.program.operations:
            self._types |= {value.name: value.type for value in operation.outputs}
            self._producers |= {value.name: operation for value in operation.outputs}
            if operation.kind in CASTS:
                self._roots[operation.outputs[0].name] = _cast_source(operation)
        # Constant -> the operation that decompresses it.
        self._compressed: dict[str, Operation] = {}
        for operation in self.program.compressed:
            self._compressed |= {value.name: operation for value in operation.outputs}

    def running(self) -> Iterator[Operation]:
        """Yield the operations that are operators."""
        for operation in self.program.operations:
            if operation.kind not in NO_OPERATORS:
                yield operation

    def operation(self, operation: Operation) -> OperatorWorkload:
        """Return the workload of an operator."""
        reads = dict.fromkeys(self.root(name) for name in _inputs(operation))
        return OperatorWorkload(
            kind=operation.kind,
            name=operation.outputs[0].name,
            dtype=self._dtype(operation),
            macs=self._macs(operation),
            parameters=self._parameters(operation),
            reads=tuple(name for name in reads if self._types[name].dtype != "string"),
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
            return sum(_bytes(self._types[part]) for part in stored)
        forms = [name, *(cast for cast in self._roots if self.root(cast) == name)]
        return min(_bytes(self._types[form]) for form in forms)

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor.

        Raises:
            Uncounted: a size is only known when the program runs.
        """
        try:
            return self._types[name].sizes
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
        is_dequantized = all(self._is_dequantized(name) for name in live)
        weights = operation.inputs.get("weight", [])
        if live and is_dequantized and all(self._is_integer(name) for name in weights):
            return "int8"
        value = live[0] if live else operation.outputs[0].name
        return self._types[value].dtype

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
        first = self.shape(operation.inputs["x"][0])
        output = self.shape(operation.outputs[0].name)
        if operation.kind == "matmul":
            inner_axis = -2 if self._is_set(operation, "transpose_x") else -1
            return product_macs(output, first[inner_axis])
        weight = self.shape(operation.inputs["weight"][0])
        if operation.kind == "linear":
            return product_macs(output, weight[1])
        if operation.kind == "conv_transpose":  # every input element passes through every filter
            return window_macs(first, weight, weight[0])
        return window_macs(output, weight, weight[0])

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
        constants = sorted(names & self.constants)
        return {name: prod(self.shape(name)) for name in constants if self._is_weight(name)}

    def _is_weight(self, name: str) -> bool:
        return self._types[name].dtype.startswith("float") and prod(self.shape(name)) > 1


def _inputs(operation: Operation) -> list[str]:
    """Return the names of all values that an operation reads."""
    names: list[str] = []
    for parameter_names in operation.inputs.values():
        names += parameter_names
    return names


def _cast_source(operation: Operation) -> str:
    parameter = "x" if "x" in operation.inputs else "input"
    return operation.inputs[parameter][0]


def _bytes(kind: ValueType) -> int:
    """Return the bytes of a type; a dtype without a width in its name has 8 bits."""
    if kind.dtype in NOT_NUMERIC:
        return 0
    try:
        elements = prod(kind.sizes)
    except UnsupportedError:
        raise Uncounted("a size is only known when the program runs") from None
    width = re.search(r"\d+", kind.dtype)
    bits = int(width.group()) if width else BYTE_BITS
    return (elements * bits + BYTE_BITS - 1) // BYTE_BITS
