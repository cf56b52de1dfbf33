"""Load ONNX files in a plain form: one input, one output, weights as initializers, no functions.

No code is executed: operators that ONNX does not define are refused. Weights may lie in a file
next to the model.
"""

from collections.abc import Iterator
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import inliner

from edgebake.errors import ModelError, listed
from edgebake.models.importers import safety
from edgebake.models.onnx import functions, structure_check
from edgebake.models.onnx.float_graph import OPSET
from edgebake.models.onnx.graph import replace_nodes
from edgebake.terminal.printable import printable

# Range of opsets whose operators the quantizers know; older ones are converted to opset 17. ONNX
# Runtime's quantizers and ORT format were tested up to the newest.
OLDEST, NEWEST = 13, 22
# IR versions of opset 17, and of 21, which names int4. A newer one adds nothing that such a graph
# could hold, and keeps ONNX Runtimes of its time from reading it.
OLDEST_IR, NEWEST_IR = 8, 10
STANDARD_DOMAINS = ("", "ai.onnx")
QUANTIZED = (
    "QuantizeLinear",
    "DequantizeLinear",
    "DynamicQuantizeLinear",
    "QLinearConv",
    "QLinearMatMul",
    "ConvInteger",
    "MatMulInteger",
)
CONTROL_FLOW = ("If", "Loop", "Scan", "SequenceMap")
OTHER_FLOATS = (onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16, onnx.TensorProto.DOUBLE)


def load(file: str) -> onnx.ModelProto:
    """Load a model with one input and one output.

    Raises:
        ModelError: the file is damaged, or is not a float32 graph of operators that ONNX defines.
    """
    model = read(file)
    _check_operators(model, file)
    _check_inputs_and_outputs(model, file)
    model = _convert_version(model, file)
    _constants_to_initializers(model.graph)
    _check_weight_dtypes(model, file)
    return model


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, or its type if it has none."""
    message = str(error).strip() or type(error).__name__
    line = message.splitlines()[0]
    return line[:200]


def without_identities(model: onnx.ModelProto) -> onnx.ModelProto:
    """Remove nodes whose output is their input, in place, and return the model."""
    graph = model.graph
    origins: dict[str, str] = {}  # output of a removed node -> its input
    model_output = graph.output[0].name
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:  # in order of execution
        inputs = [origins.get(name, name) for name in node.input]
        node.input[:] = inputs
        output = node.output[0]
        if _is_identity(node) and output != model_output:
            origins[output] = inputs[0]
        else:
            nodes.append(node)
    replace_nodes(graph, nodes)
    last = graph.node[-1]
    if not _is_identity(last):
        return model
    predecessor = last.input[0]
    if any(predecessor in node.output for node in graph.node):
        _rename_tensor(graph, predecessor, last.output[0])
        graph.node.remove(last)
    return model


def read(file: str) -> onnx.ModelProto:
    """Read a model as its file has it, with all weights and without functions.

    Raises:
        ModelError: the file is damaged, or its weights are missing or sparse.
    """
    path = Path(file)
    safety.refuse_non_model(path, file)
    try:
        model = onnx.load(file, load_external_data=False)
        structure_check.check(model.graph)
        functions.check(model)
        _check_external_data(model, path)
        onnx.load_external_data_for_model(model, str(path.parent))
        for tensor in model.graph.initializer:
            tensor.ClearField("data_location")  # still set after loading
        model = inliner.inline_local_functions(model)
        _check_dense(model.graph, file)
        onnx.checker.check_model(model)
    except (DecodeError, onnx.checker.ValidationError, RuntimeError, ValueError) as error:
        raise ModelError(
            f"{file}: not a valid ONNX model ({first_line(error)}); export it again"
        ) from None
    return model


def _check_external_data(model: onnx.ModelProto, path: Path) -> None:
    """Refuse a model whose files of weights are missing.

    Raises:
        ModelError: there is such a file.
    """
    missing = set()
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location" and not (path.parent / entry.value).is_file():
                missing.add(entry.value)
    if missing:
        raise ModelError(
            f"{path}: its weights lie in {listed(missing)}, which does not exist; expected it next "
            "to the model, or all in one file: torch.onnx.export(..., external_data=False)"
        )


def _check_dense(graph: onnx.GraphProto, file: str) -> None:
    """Refuse sparse weights, which ONNX Runtime would read from files that ONNX does not check.

    Raises:
        ModelError: there are such weights.
    """
    names = {tensor.values.name for tensor in graph.sparse_initializer}
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("sparse_tensor") or attribute.sparse_tensors:
                names.update(node.output)
    if names:
        raise ModelError(
            f"{file}: its weights {printable(listed(names))} are sparse; expected dense weights: "
            "export the model again"
        )


def _check_operators(model: onnx.ModelProto, file: str) -> None:
    """Refuse operators that cannot be imported.

    Raises:
        ModelError: one is not defined by ONNX, is quantized, in training mode, or has a graph
            inside.
    """
    nodes = model.graph.node
    foreign = set()
    for node in nodes:
        if node.domain not in STANDARD_DOMAINS:
            foreign.add(printable(f"{node.domain}.{node.op_type}", max_length=80))
    if foreign:
        raise ModelError(
            f"{file}: operators that ONNX does not define: {listed(foreign)}; expected only those "
            "of ONNX"
        )
    operators = {node.op_type for node in nodes}
    quantized = operators.intersection(QUANTIZED)
    if quantized:
        raise ModelError(
            f"{file}: already quantized ({listed(quantized)}); expected the float model that it "
            "was made from"
        )
    training = sorted({node.op_type for node in nodes if _is_training(node)})
    if training:
        raise ModelError(
            f"{file}: {listed(training)} in training mode, which computes from the images of a "
            "batch; expected the model in inference mode: in PyTorch, call model.eval() before "
            "torch.onnx.export"
        )
    control_flow = operators.intersection(CONTROL_FLOW)
    if control_flow:
        raise ModelError(
            f"{file}: graphs inside its graph ({listed(control_flow)}); expected no branches and "
            "no loops"
        )


def _is_training(node: onnx.NodeProto) -> bool:
    """Return whether a batch normalization computes mean and variance of what it is given."""
    modes = [attribute.i for attribute in node.attribute if attribute.name == "training_mode"]
    return node.op_type == "BatchNormalization" and modes == [1]


def _check_inputs_and_outputs(model: onnx.ModelProto, file: str) -> None:
    """Drop weights from the inputs, where old files list them; refuse more than one of each.

    Raises:
        ModelError: the graph has several inputs or outputs.
    """
    graph = model.graph
    weights = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in weights]
    del graph.input[:]
    graph.input.extend(inputs)
    for side, values in (("inputs", graph.input), ("outputs", graph.output)):
        if len(values) != 1:
            names = ", ".join(value.name for value in values)
            raise ModelError(
                f"{file}: has {len(values)} {side} ({names}); edgebake imports image classifiers "
                "so far: expected one input, an image, and one output"
            )


def _check_weight_dtypes(model: onnx.ModelProto, file: str) -> None:
    """Refuse weights of other floats than float32; casts within the graph are allowed.

    Raises:
        ModelError: there are such weights.
    """
    dtypes = {tensor.data_type for tensor in model.graph.initializer}.intersection(OTHER_FLOATS)
    if dtypes:
        names = listed(onnx.TensorProto.DataType.Name(dtype).lower() for dtype in dtypes)
        raise ModelError(
            f"{file}: holds weights of {names}; expected the float32 model that it was made from"
        )


def _convert_version(model: onnx.ModelProto, file: str) -> onnx.ModelProto:
    """Convert old opsets to opset 17, and bring the IR version into the supported range.

    Raises:
        ModelError: the opset is too new, or cannot be converted.
    """
    opset = next(_standard_opsets(model), 0)
    if opset > NEWEST:
        raise ModelError(
            f"{file}: opset {opset}; expected {NEWEST} or older: export with opset_version={OPSET}"
        )
    model.ir_version = min(max(model.ir_version, OLDEST_IR), NEWEST_IR)
    if opset >= OLDEST:
        return model
    try:
        return onnx.version_converter.convert_version(model, OPSET)
    except Exception as error:  # the converter's exceptions have no common base class
        raise ModelError(
            f"{file}: opset {opset} cannot be converted to {OPSET} ({first_line(error)}); export "
            f"with opset_version={OPSET}"
        ) from None


def _standard_opsets(model: onnx.ModelProto) -> Iterator[int]:
    return (entry.version for entry in model.opset_import if entry.domain in STANDARD_DOMAINS)


def _constants_to_initializers(graph: onnx.GraphProto) -> None:
    """Turn Constant nodes into initializers, where quantizers look for weights."""
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            initializer = graph.initializer.add()
            initializer.CopyFrom(node.attribute[0].t)
            initializer.name = node.output[0]
        else:
            nodes.append(node)
    replace_nodes(graph, nodes)


def _is_identity(node: onnx.NodeProto) -> bool:
    """Return whether the output of a node is its input at inference."""
    if node.op_type == "Dropout":  # without a third input, which could turn training on
        return len(node.input) < 3 and len(node.output) == 1
    return node.op_type == "Identity"


def _rename_tensor(graph: onnx.GraphProto, old: str, new: str) -> None:
    for node in graph.node:
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                if name == old:
                    names[index] = new
