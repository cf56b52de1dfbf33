"""Read inputs, outputs, operators and dtypes out of a .tflite file."""

from collections import Counter
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from edgebake.runtimes.litert import FILE
from edgebake.runtimes.session import Inspection, Operator, Tensor

_OPERATORS = {
    number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)
}
_DTYPES = {
    number: name.lower()
    for name, number in vars(schema.TensorType).items()
    if isinstance(number, int)
}

CASTS = ("QUANTIZE", "DEQUANTIZE")


def inspect(files: dict[str, bytes]) -> Inspection:
    """Return what the file holds.

    Raises:
        ValueError: the file reads variables, which means that its weights were left out.
    """
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(bytearray(files[FILE]), 0))
    graph = model.subgraphs[0]
    operators = [
        _operator(model, part, item) for part in model.subgraphs for item in part.operators
    ]
    if any(operator.name == "VAR_HANDLE" for operator in operators):
        raise ValueError("the converted file reads variables: its weights were left out")
    casts = [item for item in graph.operators if _is_cast(model, graph, item)]
    for item in casts:
        operators.remove(_operator(model, graph, item))
    return Inspection(
        input=_tensor(graph.tensors[graph.inputs[0]], "NHWC"),
        output=_tensor(graph.tensors[graph.outputs[0]], "NC"),
        operators=operators,
        boundaries=dict(Counter(_name(model, item) for item in casts)),
        tensors=dict(
            Counter(_DTYPES[tensor.type] for part in model.subgraphs for tensor in part.tensors)
        ),
    )


def _name(model: Any, item: Any) -> str:
    code = model.operatorCodes[item.opcodeIndex]
    # Codes below 127 lived in a byte once; the larger of the two fields is the true one (schema.fbs, OperatorCode).
    return str(_OPERATORS[max(code.builtinCode, code.deprecatedBuiltinCode)])


def _is_cast(model: Any, graph: Any, item: Any) -> bool:
    """Return whether an operator only casts the file's input for the first layer, or the last one's output."""
    if _name(model, item) not in CASTS:
        return False
    return item.inputs[0] in graph.inputs or item.outputs[0] in graph.outputs


def _operator(model: Any, graph: Any, item: Any) -> Operator:
    live = [
        graph.tensors[i]
        for i in [*item.inputs, *item.outputs]
        if i >= 0 and not _is_constant(model, graph.tensors[i])
    ]
    return Operator(_name(model, item), tuple(sorted({_DTYPES[tensor.type] for tensor in live})))


def _is_constant(model: Any, tensor: Any) -> bool:
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


def _tensor(tensor: Any, layout: str) -> Tensor:
    scales: Any = tensor.quantization.scale if tensor.quantization is not None else None
    quantized = scales is not None and len(scales) > 0
    return Tensor(
        name=tensor.name.decode(),
        shape=[int(size) for size in tensor.shape],
        dtype=_DTYPES[tensor.type],
        layout=layout,
        scale=float(scales[0]) if quantized else None,
        zero_point=int(tensor.quantization.zeroPoint[0]) if quantized else None,
    )
