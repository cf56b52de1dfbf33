"""Count what an ML Program computes and moves.

Casts, `quantize` and `dequantize` are no operators: the operators around them read and write that way. `classify` is
none either: it looks up the labels for the app.
"""

import re
from collections.abc import Iterator
from math import prod

from edgebake.runtimes.coreml import package
from edgebake.runtimes.coreml.executor.mil import Operation as Item
from edgebake.runtimes.coreml.executor.mil import UnsupportedError, ValueType
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


def workload(files: dict[str, bytes]) -> Workload:
    """Return what the program computes and moves for one image.

    Raises:
        Uncounted: an operator of which nobody said how much it multiplies, or a size that is not known beforehand.
    """
    file = File(files)
    operations = [file.operation(item) for item in file.running()]
    inputs = [file.root(value.name) for value in file.program.inputs]
    outputs = [file.root(name) for name in _answers(file)]
    return build_workload(operations, file.size, file.constants, (inputs, outputs))


class File:
    """The program of an .mlpackage, in which a value and what it is cast to are one tensor."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.program = read_program(package.read(files))
        self.constants = set(self.program.constants)
        values = [
            *self.program.inputs,
            *(value for item in self.program.operations for value in item.outputs),
        ]
        self.types = {name: kind for name, (kind, _) in self.program.constants.items()}
        self.types |= {value.name: value.type for value in values}
        self.same = {
            item.outputs[0].name: _source(item)
            for item in self.program.operations
            if item.kind in CASTS
        }
        self.makers = {
            value.name: item for item in self.program.operations for value in item.outputs
        }
        self.stored = {
            value.name: item for item in self.program.compressed for value in item.outputs
        }

    def running(self) -> Iterator[Item]:
        """Yield the operations that are operators."""
        return (item for item in self.program.operations if item.kind not in NO_OPERATORS)

    def operation(self, item: Item) -> OperatorWorkload:
        """Return an operator."""
        reads = dict.fromkeys(self.root(name) for names in item.inputs.values() for name in names)
        return OperatorWorkload(
            kind=item.kind,
            name=item.outputs[0].name,
            dtype=self._dtype(item),
            macs=self._macs(item),
            parameters=self._parameters(item),
            reads=tuple(name for name in reads if self.types[name].dtype != "string"),
            writes=tuple(self.root(value.name) for value in item.outputs),
        )

    def root(self, name: str) -> str:
        """Return the tensor that this one is made of by casts alone."""
        while name in self.same:
            name = self.same[name]
        return name

    def size(self, name: str) -> int:
        """Return the bytes of a tensor: as it is stored, and in the smallest of the dtypes that it is cast to."""
        if name in self.stored:
            kept = [one for names in self.stored[name].inputs.values() for one in names]
            return sum(_bytes(self.types[one]) for one in kept)
        return min(_bytes(self.types[one]) for one in (name, *self.same) if self.root(one) == name)

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor.

        Raises:
            Uncounted: some size is only known when the program runs.
        """
        try:
            return self.types[name].sizes
        except UnsupportedError:
            raise Uncounted(f"{name}: its size is only known when the program runs") from None

    def _dtype(self, item: Item) -> str:
        """Return what an operator computes in: int8 where all that it reads comes from `dequantize`."""
        live = [
            name for names in item.inputs.values() for name in names if name not in self.constants
        ]
        made = [self.makers[name].kind if name in self.makers else "" for name in live]
        weights = item.inputs.get("weight", [])
        if made and set(made) == {"dequantize"} and all(self._is_integer(name) for name in weights):
            return "int8"
        return self.types[live[0] if live else item.outputs[0].name].dtype

    def _is_integer(self, weight: str) -> bool:
        """Return whether a weight is stored in integers; a palette is one of floats."""
        return weight in self.stored and "lut" not in self.stored[weight].kind

    def _macs(self, item: Item) -> int:
        if item.kind in weightless_operators("coreml"):
            return 0
        if item.kind not in WEIGHTED:
            raise unknown_macs(item.kind, WEIGHTED)
        first, answer = self.shape(item.inputs["x"][0]), self.shape(item.outputs[0].name)
        if item.kind == "matmul":
            return product_macs(answer, first[-2 if self._word(item, "transpose_x") else -1])
        weight = self.shape(item.inputs["weight"][0])
        if item.kind == "linear":
            return product_macs(answer, weight[1])
        # Of a transposed one each number that comes in goes once through every filter.
        return window_macs(first if item.kind == "conv_transpose" else answer, weight, weight[0])

    def _word(self, item: Item, parameter: str) -> bool:
        return parameter in item.inputs and bool(
            self.program.constants[item.inputs[parameter][0]][1]
        )

    def _parameters(self, item: Item) -> dict[str, int]:
        """Return the weights and biases of an operator, or what else it takes from the file."""
        names = {
            one for several in item.inputs.values() for one in several if one in self.constants
        }
        if item.kind in WEIGHTED:
            names = {
                name for key in ("weight", "bias", "y") for name in item.inputs.get(key, [])
            } & self.constants
        return {name: prod(self.shape(name)) for name in sorted(names) if self._is_weight(name)}

    def _is_weight(self, name: str) -> bool:
        return self.types[name].dtype.startswith("float") and prod(self.shape(name)) > 1


def _source(item: Item) -> str:
    return item.inputs["x" if "x" in item.inputs else "input"][0]


def _answers(file: File) -> Iterator[str]:
    """Yield the outputs in numbers: of `classify`, what it reads."""
    for name in file.program.outputs:
        maker = file.makers[name]
        yield maker.inputs["probabilities"][0] if maker.kind == "classify" else name


def _bytes(kind: ValueType) -> int:
    if kind.dtype in ("string", "dictionary", "list"):
        return 0
    try:
        numbers = prod(kind.sizes)
    except UnsupportedError:
        raise Uncounted("a size is only known when the program runs") from None
    found = re.search(r"\d+", kind.dtype)
    return (numbers * (int(found.group()) if found else 8) + 7) // 8
