"""An ONNX file in, its graph in plain form out: one input, one output, weights as initializers, no functions.

No code is run: an operator that ONNX does not define is refused. Weights may lie in a file beside it.
"""

from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import inliner

from edgebake.errors import ModelError, listed
from edgebake.models.importers import safety
from edgebake.models.onnx.float_graph import OPSET

OLDEST = 13  # of opsets whose operators the quantizers know; older ones are rewritten as opset 17
NEWEST = 22  # that ONNX Runtime's quantizers and ORT format were tried with
# Those of opset 17, and of 21, which names int4: a newer one says nothing that such a graph could hold, and keeps
# ONNX Runtimes of its time from reading it.
OLDEST_IR, NEWEST_IR = 8, 10
STANDARD = ("", "ai.onnx")
QUANTIZED = (
    *("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"),
    *("QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger"),
)
NESTED = ("If", "Loop", "Scan", "SequenceMap")
OTHER_FLOATS = (onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16, onnx.TensorProto.DOUBLE)


def plain(file: str) -> onnx.ModelProto:
    """Return the graph of a file with one input and one output.

    Raises:
        ModelError: the file is damaged, or holds what ONNX does not define or no float32 graph could.
    """
    model = _loaded(file)
    _refuse_others(model, file)
    model = _of_this_age(model, file)
    _refuse_other_floats(_with_initializers(model), file)
    return model


def _loaded(file: str) -> onnx.ModelProto:
    path = Path(file)
    safety.refuse_non_model(path, file)
    try:
        model = onnx.load(file, load_external_data=False)
        _refuse_missing(model, path)
        onnx.load_external_data_for_model(model, str(path.parent))
        for item in model.graph.initializer:
            item.ClearField("data_location")  # which loading leaves set
        model = inliner.inline_local_functions(model)
        onnx.checker.check_model(model)
    except (DecodeError, onnx.checker.ValidationError, RuntimeError, ValueError) as error:
        raise ModelError(
            f"{file}: no sound ONNX model ({first_line(error)}); export it again"
        ) from None
    return model


def first_line(error: Exception) -> str:
    """Return what an error says first; its type where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def _refuse_missing(model: onnx.ModelProto, path: Path) -> None:
    entries = [entry for item in model.graph.initializer for entry in item.external_data]
    missing = {str(entry.value) for entry in entries if entry.key == "location"}
    missing = {name for name in missing if not (path.parent / name).is_file()}
    if missing:
        raise ModelError(
            f"{path}: its weights lie in {listed(missing)}, which is not there; expected it beside the model, or all "
            "in one file: torch.onnx.export(..., external_data=False)"
        )


def _refuse_others(model: onnx.ModelProto, file: str) -> None:
    foreign = {
        f"{node.domain}.{node.op_type}" for node in model.graph.node if node.domain not in STANDARD
    }
    if foreign:
        raise ModelError(
            f"{file}: operators that ONNX does not define: {listed(foreign)}; expected its own alone"
        )
    kinds = {node.op_type for node in model.graph.node}
    if quantized := kinds.intersection(QUANTIZED):
        raise ModelError(
            f"{file}: already quantized ({listed(quantized)}); expected the float model that it was made from"
        )
    if nested := kinds.intersection(NESTED):
        raise ModelError(
            f"{file}: graphs inside its graph ({listed(nested)}); expected a plain chain of operators"
        )
    constants = {item.name for item in model.graph.initializer}
    inputs = [
        value for value in model.graph.input if value.name not in constants
    ]  # old files list weights too
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    for word, held in (("inputs", model.graph.input), ("outputs", model.graph.output)):
        if len(held) != 1:
            names = ", ".join(value.name for value in held)
            raise ModelError(
                f"{file}: has {len(held)} {word} ({names}); expected one image in, one answer out"
            )


def _refuse_other_floats(model: onnx.ModelProto, file: str) -> None:
    """Hold the weights against float32; operators that cast on the way are the file's own affair."""
    types = {item.data_type for item in model.graph.initializer}.intersection(OTHER_FLOATS)
    if types:
        names = listed(onnx.TensorProto.DataType.Name(number).lower() for number in types)
        raise ModelError(
            f"{file}: holds weights of {names}; expected the float32 model that it was made from"
        )


def _of_this_age(model: onnx.ModelProto, file: str) -> onnx.ModelProto:
    opset = next((entry.version for entry in model.opset_import if entry.domain in STANDARD), 0)
    if opset > NEWEST:
        raise ModelError(
            f"{file}: opset {opset}; expected {NEWEST} or older: export with opset_version={OPSET}"
        )
    model.ir_version = min(max(model.ir_version, OLDEST_IR), NEWEST_IR)
    if opset >= OLDEST:
        return model
    try:
        return onnx.version_converter.convert_version(model, OPSET)
    except Exception as error:  # its adapters raise what they like
        raise ModelError(
            f"{file}: opset {opset} cannot be brought to {OPSET} ({first_line(error)}); export with "
            f"opset_version={OPSET}"
        ) from None


def _with_initializers(model: onnx.ModelProto) -> onnx.ModelProto:
    """Make initializers of nodes that hold a tensor: quantizers look for weights there alone."""
    nodes = list(model.graph.node)
    for node in nodes:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            model.graph.initializer.append(node.attribute[0].t)
            model.graph.initializer[-1].name = node.output[0]
            model.graph.node.remove(node)
    return model


def without_identities(model: onnx.ModelProto) -> onnx.ModelProto:
    """Leave out the steps that hand on what they were given."""
    graph = model.graph
    origins: dict[str, str] = {}
    for node in list(graph.node):  # each stands behind those that it reads
        node.input[:] = [origins.get(name, name) for name in node.input]
        if _is_identity(node) and node.output[0] != graph.output[0].name:
            origins[node.output[0]] = node.input[0]
            graph.node.remove(node)
    last = graph.node[-1]
    if _is_identity(last) and any(last.input[0] in node.output for node in graph.node):
        _rename(graph, last.input[0], last.output[0])
        graph.node.remove(last)
    return model


def _is_identity(node: onnx.NodeProto) -> bool:
    """Return whether a node does nothing at inference."""
    is_dropout = (
        node.op_type == "Dropout" and len(node.input) < 3 and len(node.output) == 1
    )  # no word of training
    return node.op_type == "Identity" or is_dropout


def _rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    for node in graph.node:
        node.input[:] = [new if name == old else name for name in node.input]
        node.output[:] = [new if name == old else name for name in node.output]
