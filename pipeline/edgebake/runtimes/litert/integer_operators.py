"""Write operators in int8 that LiteRT has kernels for and LiteRT's quantizer leaves in float.

The quantizer puts such an operator between a DEQUANTIZE and a QUANTIZE. Both are removed here, and
its constants become int8. tests/runtimes/litert/test_integer_operators.py runs every kernel.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edgebake.models.tflite import tables
from edgebake.models.tflite.unread_tensors import drop_unread_tensors
from edgebake.runtimes.litert.int8_kernels import (
    COMPARISONS,
    FIXED_SCALE,
    KINDS,
    SHARED_SCALE,
    TRUTH_SCALE,
    Scale,
)

INT8 = schema.TensorType.INT8
DEQUANTIZED = "_dequant"  # suffix of the name of a tensor that LiteRT's quantizer casts to float
FLOAT32 = schema.TensorType.FLOAT32
BOOL = schema.TensorType.BOOL


def write_int8(
    model: bytes, bounds: Mapping[str, tuple[float, float]], excluded: Collection[str] = ()
) -> bytes:
    """Return the .tflite with every operator of KINDS in int8.

    Args:
        model: output of LiteRT's quantizer.
        bounds: low and high of each computed tensor, by its name in the float file.
        excluded: operators that stay in float, by the names of their outputs, joined by `;`.
    """
    parsed = tables.parse(model)
    writer = _Writer(parsed, bounds, excluded)
    if not writer.rewrite():
        return model
    return tables.serialize(parsed)


class _Writer:
    """Rewrites the operators of a file in order of execution."""

    def __init__(
        self,
        model: schema.ModelT,
        bounds: Mapping[str, tuple[float, float]],
        excluded: Collection[str],
    ) -> None:
        self._model = model
        self._graph: schema.SubGraphT = model.subgraphs[0]
        self._bounds = bounds
        self._excluded = excluded
        # Float tensor -> int8 tensor with the same content.
        self._integers: dict[int, int] = {}
        # Int8 tensor that is no longer written -> the one that replaces it.
        self._replaced: dict[int, int] = {}
        self._operators: list[schema.OperatorT] = []

    def rewrite(self) -> bool:
        """Rewrite the graph; return whether anything changed."""
        changed = False
        for operator in list(self._graph.operators):
            operator.inputs = self._current(operator.inputs)
            kind = self._kind(operator)
            if kind == "DEQUANTIZE" and self._dtype(operator.inputs[0]) == INT8:
                target = operator.outputs[0]
                self._integers[target] = operator.inputs[0]
            elif kind == "QUANTIZE" and self._skip_quantize(operator):
                continue
            elif kind in KINDS and self._computes_float(operator, kind):
                self._write(operator, kind)
                changed = True
                continue
            changed = self._complete_outputs(operator) or changed
            self._operators.append(operator)
        self._graph.outputs = self._current(self._graph.outputs)
        if changed:
            self._graph.operators = self._operators
            drop_unread_tensors(self._model)
        return changed

    def _current(self, indices: Iterable[int]) -> list[int]:
        """Return tensors, each that is no longer written as the one that replaces it."""
        current = []
        for index in indices:
            replacement = self._replaced.get(index, index)
            current.append(replacement)
        return current

    def _computes_float(self, operator: schema.OperatorT, kind: str) -> bool:
        """Return whether an operator is in float and can be written in int8."""
        names = [self._name(index) for index in operator.outputs]
        joined_names = ";".join(names)
        if joined_names in self._excluded:
            return False
        if kind == "CAST":
            source = self._dtype(operator.inputs[0])
            target = self._dtype(operator.outputs[0])
            return (source, target) == (BOOL, FLOAT32)
        inputs = self._of_type(FLOAT32, operator.inputs)
        if not any(self._is_activation(index) for index in inputs):
            return False
        if kind in COMPARISONS:
            return all(self._input_scale(index).step < 1 for index in inputs)
        return True

    def _input_scale(self, index: int) -> Scale:
        """Return the scale that a float tensor has, or would have, in int8."""
        if index in self._integers:
            integer = self._integers[index]
            return self._scale(integer)
        if self._is_activation(index):
            low, high = self._bounds_of(index)
            return Scale.of_range(low, high)
        values = self._constant_values(index)
        return Scale.symmetric(values)

    def _write(self, operator: schema.OperatorT, kind: str) -> None:
        """Append an operator in int8, and casts of its outputs for those who read them in float."""
        scale = self._output_scale(operator, kind)
        shared = None
        if kind in SHARED_SCALE:
            shared = scale
        operator.inputs = [self._to_integer(index, shared) for index in operator.inputs]
        if kind == "CAST":
            options = schema.CastOptionsT()
            options.inDataType = BOOL
            options.outDataType = INT8
            operator.builtinOptionsType = schema.BuiltinOptions.CastOptions
            operator.builtinOptions = options
        outputs = list(operator.outputs)
        self._operators.append(operator)
        for number, output in enumerate(outputs):
            if self._dtype(output) == FLOAT32:
                outputs[number] = self._write_output(output, scale)
        operator.outputs = outputs

    def _write_output(self, output: int, scale: Scale) -> int:
        name = self._name(output)
        tensor = self._graph.tensors[output]
        integer = self._add_tensor(name, tensor.shape, scale)
        tensor.name = f"{name}{DEQUANTIZED}".encode()
        self._integers[output] = integer
        self._append_cast("DEQUANTIZE", integer, output)
        return integer

    def _output_scale(self, operator: schema.OperatorT, kind: str) -> Scale:
        """Return the scale of the outputs; any for those that are no real numbers."""
        if kind in FIXED_SCALE:
            return FIXED_SCALE[kind]
        if kind in COMPARISONS or kind == "CAST":
            return TRUTH_SCALE
        live = [index for index in operator.inputs if self._is_activation(index)]
        only_input = self._integers.get(live[0])
        shares_scale = kind in SHARED_SCALE and len(live) == 1
        if shares_scale and only_input is not None:
            return self._scale(only_input)
        output = operator.outputs[0]
        low, high = self._bounds_of(output)
        return Scale.of_range(low, high)

    def _bounds_of(self, index: int) -> tuple[float, float]:
        """Return low and high of a tensor, which the quantizer may have renamed."""
        name = self._name(index)
        if name not in self._bounds:
            name = name.removesuffix(DEQUANTIZED)
        return self._bounds[name]

    def _to_integer(self, index: int, shared: Scale | None) -> int:
        """Return the int8 tensor of a float input, with a scale if it has to share one."""
        if index < 0:  # an input that the operator does without
            return index
        if self._dtype(index) != FLOAT32:
            return index
        if not self._is_activation(index):
            return self._constant(index, shared)
        integer = self._integers.get(index)
        source = index
        if integer is not None:
            if shared in (None, self._scale(integer)):
                return integer
            source = integer
        scale = shared or self._input_scale(index)
        name = self._name(index)
        shape = self._graph.tensors[index].shape
        target = self._add_tensor(f"{name}_quantized", shape, scale)
        self._append_cast("QUANTIZE", source, target)
        return target

    def _constant(self, index: int, shared: Scale | None) -> int:
        values = self._constant_values(index)
        scale = shared or Scale.symmetric(values)
        name = self._name(index)
        shape = self._graph.tensors[index].shape
        integer = self._add_tensor(name, shape, scale)
        buffer = schema.BufferT()
        content = scale.to_int8(values)
        buffer.data = content.view(np.uint8)
        self._graph.tensors[integer].buffer = len(self._model.buffers)
        self._model.buffers.append(buffer)
        return integer

    def _complete_outputs(self, operator: schema.OperatorT) -> bool:
        """Give outputs that nothing reads, which the quantizer forgets, the type of the others."""
        present = [index for index in operator.inputs if index >= 0]
        integers = self._of_type(INT8, present)
        forgotten = self._of_type(FLOAT32, operator.outputs)
        if len(operator.outputs) < 2:
            return False
        if not integers:
            return False
        quantization = self._graph.tensors[integers[0]].quantization
        for index in forgotten:
            tensor = self._graph.tensors[index]
            tensor.type = INT8
            tensor.quantization = quantization
        return bool(forgotten)

    def _constant_values(self, index: int) -> NDArray[np.float32]:
        buffer = self._graph.tensors[index].buffer
        data = self._model.buffers[buffer].data
        return np.frombuffer(bytes(data), np.float32)

    def _skip_quantize(self, operator: schema.OperatorT) -> bool:
        """Return whether a cast to int8 is not needed; otherwise read the int8 tensor, if any."""
        target = operator.outputs[0]
        integer = self._integers.get(operator.inputs[0])
        if integer is None:
            return False
        if self._dtype(target) != INT8:
            return False
        if self._scale(integer) == self._scale(target):
            self._replaced[target] = integer
            tensors = self._graph.tensors
            if target in self._graph.outputs:
                tensors[integer].name = tensors[target].name
            return True
        operator.inputs = [integer]
        return False

    def _append_cast(self, kind: str, source: int, target: int) -> None:
        operator = schema.OperatorT()
        operator.opcodeIndex = tables.operator_code(self._model, kind)
        operator.inputs = [source]
        operator.outputs = [target]
        self._operators.append(operator)

    def _add_tensor(self, name: str, shape: object, scale: Scale) -> int:
        tensor = schema.TensorT()
        tensor.name = name.encode()
        tensor.shape = shape
        tensor.type = INT8
        quantization = schema.QuantizationParametersT()
        quantization.scale = np.array([scale.step], np.float32)
        quantization.zeroPoint = np.array([scale.zero_point], np.int64)
        tensor.quantization = quantization
        index = len(self._graph.tensors)
        self._graph.tensors.append(tensor)
        return index

    def _scale(self, index: int) -> Scale:
        quantization = self._graph.tensors[index].quantization
        step = quantization.scale[0]
        zero_point = quantization.zeroPoint[0]
        return Scale(float(step), int(zero_point))

    def _is_activation(self, index: int) -> bool:
        """Return whether a tensor is real and computed."""
        if index < 0:
            return False
        if self._dtype(index) != FLOAT32:
            return False
        buffer = self._graph.tensors[index].buffer
        data = self._model.buffers[buffer].data
        return data is None or len(data) == 0

    def _of_type(self, dtype: int, indices: Iterable[int]) -> list[int]:
        """Return the tensors of an element type."""
        return [index for index in indices if self._dtype(index) == dtype]

    def _dtype(self, index: int) -> int:
        tensor = self._graph.tensors[index]
        return int(tensor.type)

    def _name(self, index: int) -> str:
        name: str = self._graph.tensors[index].name.decode()
        return name

    def _kind(self, operator: schema.OperatorT) -> str:
        code = self._model.operatorCodes[operator.opcodeIndex]
        return tables.builtin_name(code)
