"""Read inputs, outputs, operators and dtypes of a .tflite file."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from ai_edge_litert import schema_py_generated as schema

from edgebake.models.normalizations import has_normalization
from edgebake.models.tflite import tables
from edgebake.models.tflite.tables import DTYPES, builtin_name
from edgebake.runtimes.litert import FILE
from edgebake.runtimes.litert.normalizations import normalization_operators
from edgebake.runtimes.litert.workload import TfliteFile
from edgebake.runtimes.session import Inspection, Operator, Tensor, input_layout, output_layout
from edgebake.runtimes.workload import Uncounted

CASTS = ("QUANTIZE", "DEQUANTIZE")


def inspect(files: dict[str, bytes]) -> Inspection:
    """Return inputs, outputs, operators and dtypes of the file.

    Casts of the file's input and output are counted as boundaries, not as operators.

    Raises:
        ValueError: the file reads variables, which means that its weights were left out.
    """
    model = tables.parse_tables(files[FILE])
    main = model.subgraphs[0]
    operators: list[Operator] = []
    boundaries: Counter[str] = Counter()
    dtypes: Counter[str] = Counter()
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            dtype = DTYPES[tensor.type]
            dtypes[dtype] += 1
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex]
            name = builtin_name(code)
            if graph is main and _is_boundary(name, graph, operator):
                boundaries[name] += 1
            else:
                dtypes_of_operator = live_dtypes(model, graph, operator)
                operators.append(Operator(name, dtypes_of_operator))
    if any(operator.name == "VAR_HANDLE" for operator in operators):
        raise ValueError("the converted file reads variables: its weights were left out")
    return Inspection(
        inputs=[_input(main.tensors[index]) for index in main.inputs],
        outputs=[_output(main.tensors[index]) for index in main.outputs],
        operators=operators,
        boundaries=dict(boundaries),
        tensors=dict(dtypes),
        normalizations=_normalizations(files, operators),
    )


def _normalizations(files: dict[str, bytes], operators: list[Operator]) -> list[str]:
    """Return the kinds of the operators of normalizations; none of a file of several subgraphs."""
    if not has_normalization(operator.name for operator in operators):
        return []
    try:
        file = TfliteFile(files)
    except Uncounted:
        return []
    return [file.kind(number) for number in sorted(normalization_operators(file))]


def _is_boundary(name: str, graph: schema.SubGraphT, operator: schema.OperatorT) -> bool:
    """Return whether an operator only casts an input of the file or an output."""
    if name not in CASTS:
        return False
    reads_input = operator.inputs[0] in graph.inputs
    writes_output = operator.outputs[0] in graph.outputs
    return reads_input or writes_output


def live_dtypes(
    model: schema.ModelT, graph: schema.SubGraphT, operator: schema.OperatorT
) -> tuple[str, ...]:
    """Return the dtypes of an operator's inputs and outputs that are no constants, sorted."""
    dtypes = set()
    for index in (*operator.inputs, *operator.outputs):
        if index < 0:  # an optional input that is absent
            continue
        tensor = graph.tensors[index]
        if not tables.is_constant(model, tensor):
            dtypes.add(DTYPES[tensor.type])
    return tuple(sorted(dtypes))


def _input(tensor: schema.TensorT) -> Tensor:
    return _tensor(tensor, input_layout(tensor.name.decode()))


def _output(tensor: schema.TensorT) -> Tensor:
    return _tensor(tensor, output_layout(tensor.shape))


def _tensor(tensor: schema.TensorT, layout: str) -> Tensor:
    description = Tensor(
        name=tensor.name.decode(),
        shape=[int(size) for size in tensor.shape],
        dtype=DTYPES[tensor.type],
        layout=layout,
    )
    quantization = tensor.quantization
    if quantization is None or quantization.scale is None:
        return description
    if len(quantization.scale) == 0:
        return description
    return replace(
        description, scale=float(quantization.scale[0]), zero_point=int(quantization.zeroPoint[0])
    )
