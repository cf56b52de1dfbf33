"""Count what a .tflite file computes and moves.

A cast of the file's input or output, and what makes floats of stored weights, are no operators: the first are ends of
the file, the others are done with when it is loaded.
"""

import re
from collections.abc import Iterator
from math import prod
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from edgebake.runtimes.litert import FILE
from edgebake.runtimes.workload import (
    OperatorWorkload,
    Workload,
    build_workload,
    product_macs,
    unknown_macs,
    weightless_operators,
    window_macs,
)

_OPERATORS = {
    number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)
}
_DTYPES = {
    number: name.lower()
    for name, number in vars(schema.TensorType).items()
    if isinstance(number, int)
}
CASTS = ("QUANTIZE", "DEQUANTIZE")

# Where each operator that multiplies and accumulates has its weights.
WEIGHTED = {
    "CONV_2D": 1,
    "DEPTHWISE_CONV_2D": 1,
    "FULLY_CONNECTED": 1,
    "TRANSPOSE_CONV": 1,
    "BATCH_MATMUL": 1,
}


def workload(files: dict[str, bytes]) -> Workload:
    """Return what the file computes and moves for one image.

    Raises:
        Uncounted: there are several subgraphs, or an operator of which nobody said how much it multiplies.
    """
    file = File(files)
    operations = [file.operation(number) for number in file.running()]
    constants = {file.names[number] for number in file.constants}
    inputs, outputs = (
        [file.names[file.root(number)] for number in end]
        for end in (file.graph.inputs, file.graph.outputs)
    )
    return build_workload(operations, file.sizes.__getitem__, constants, (inputs, outputs))


class File:
    """The only subgraph of a .tflite file; tensors and operators by their numbers."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.model: Any = schema.ModelT.InitFromObj(
            schema.Model.GetRootAs(bytearray(files[FILE]), 0)
        )
        if len(self.model.subgraphs) > 1:
            raise unknown_macs("a file of several subgraphs", WEIGHTED)
        self.graph: Any = self.model.subgraphs[0]
        self.stored = {
            number for number in range(len(self.graph.tensors)) if self._bytes_stored(number)
        }
        # Numbers that stand in the file, and what is made of them when it is loaded.
        self.constants = set(self.stored)
        self.same: dict[int, int] = {}
        for item in self.graph.operators:
            self._follow(item)
        self.names = {
            number: f"{number} {one.name.decode()}" for number, one in enumerate(self.graph.tensors)
        }
        self.sizes = {self.names[number]: self._size(number) for number in self.names}

    def running(self) -> Iterator[int]:
        """Yield the numbers of the operators that run for every image."""
        for number, item in enumerate(self.graph.operators):
            if item.outputs[0] not in self.constants and not self._is_end(item):
                yield number

    def kind(self, number: int) -> str:
        """Return the name of an operator's kind; of a custom one, its own."""
        code = self.model.operatorCodes[self.graph.operators[number].opcodeIndex]
        return kind_of(code)

    def operation(self, number: int) -> OperatorWorkload:
        """Return an operator that runs."""
        item = self.graph.operators[number]
        kind = self.kind(number)
        reads = [self.root(one) for one in item.inputs if one >= 0]
        writes = [self.root(one) for one in item.outputs]
        return OperatorWorkload(
            kind=kind,
            name=self.names[item.outputs[0]],
            dtype=self._dtype(item),
            macs=self._macs(kind, item),
            parameters=self._parameters(kind, item),
            reads=tuple(self.names[one] for one in reads),
            writes=tuple(self.names[one] for one in writes),
        )

    def dtypes(self, number: int) -> set[str]:
        """Return the dtypes of what an operator reads and writes, constants aside."""
        item = self.graph.operators[number]
        live = [
            one for one in (*item.inputs, *item.outputs) if one >= 0 and one not in self.constants
        ]
        return {_DTYPES[self.graph.tensors[one].type] for one in live}

    def root(self, number: int) -> int:
        """Return the tensor that this one is made of by casts alone."""
        while number in self.same:
            number = self.same[number]
        return number

    def _follow(self, item: Any) -> None:
        source, made = item.inputs[0], item.outputs[0]
        if all(one in self.constants for one in item.inputs if one >= 0):
            self.constants.add(made)
            if kind_of(self.model.operatorCodes[item.opcodeIndex]) in CASTS:
                self.same[made] = source
        elif self._is_end(item):
            # The cast tensor stands for both: the first layer reads it, or the last one wrote it.
            self.same.update({source: made} if source in self.graph.inputs else {made: source})

    def _is_end(self, item: Any) -> bool:
        ends = item.inputs[0] in self.graph.inputs or item.outputs[0] in self.graph.outputs
        return ends and kind_of(self.model.operatorCodes[item.opcodeIndex]) in CASTS

    def _dtype(self, item: Any) -> str:
        live = [one for one in item.inputs if one >= 0 and one not in self.constants]
        return str(_DTYPES[self.graph.tensors[live[0] if live else item.outputs[0]].type])

    def _macs(self, kind: str, item: Any) -> int:
        if kind in weightless_operators("litert"):
            return 0
        if kind not in WEIGHTED:
            raise unknown_macs(kind, WEIGHTED)
        answer, weight = self.shape(item.outputs[0]), self.shape(item.inputs[WEIGHTED[kind]])
        if kind == "TRANSPOSE_CONV":  # each number that comes in goes once through every filter
            return window_macs(self.shape(item.inputs[2]), weight, weight[3])
        if kind == "BATCH_MATMUL":
            return product_macs(answer, weight[-1 if item.builtinOptions.adjY else -2])
        if kind == "FULLY_CONNECTED":
            return product_macs(answer, weight[1])
        return window_macs(answer, weight, weight[0] if kind == "CONV_2D" else weight[3])

    def _parameters(self, kind: str, item: Any) -> dict[str, int]:
        """Return the weights and biases of an operator, or what else it takes from the file."""
        found = [one for one in item.inputs if one in self.constants]
        if kind not in WEIGHTED:
            found = [one for one in found if self._is_weight(one)]
        elif kind == "TRANSPOSE_CONV":
            found = [
                one for one in found if one != item.inputs[0]
            ]  # the first is the answer's shape
        return {self.names[self.root(one)]: prod(self.shape(one)) for one in found}

    def _is_weight(self, number: int) -> bool:
        dtype = _DTYPES[self.graph.tensors[self.root(number)].type]
        return dtype not in ("int32", "int64", "bool") and prod(self.shape(number)) > 1

    def shape(self, number: int) -> list[int]:
        """Return the shape of a tensor."""
        shape = self.graph.tensors[number].shape
        return [] if shape is None else [int(size) for size in shape]

    def _bytes_stored(self, number: int) -> int:
        data = self.model.buffers[self.graph.tensors[number].buffer].data
        return 0 if data is None else len(data)

    def _size(self, number: int) -> int:
        if number in self.stored:
            return self._bytes_stored(number)
        dtype = _DTYPES[self.graph.tensors[number].type]
        found = re.search(r"\d+", dtype)
        return (prod(self.shape(number)) * (int(found.group()) if found else 8) + 7) // 8


def kind_of(code: Any) -> str:
    """Return the name of an operator's kind by its OperatorCode; of a custom one, its own."""
    # Codes below 127 lived in a byte once; the larger of the two fields is the true one (schema.fbs, OperatorCode).
    kind = _OPERATORS[max(code.builtinCode, code.deprecatedBuiltinCode)]
    return str(code.customCode.decode() if kind == "CUSTOM" and code.customCode else kind)
