"""Import ONNX files: image classifiers with channels first or last and an open batch or one of 1.

The imported graph has one input `image`, channels last, and one output `probabilities`. No code is
executed: operators that ONNX does not define are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime

from edgebake.errors import ModelError
from edgebake.models.importers import (
    answers_check,
    input_check,
    onnx_graph,
    onnx_head,
    output_check,
    signature_check,
)
from edgebake.models.importers.dataflow import Dataflow
from edgebake.models.importers.interface import Activations
from edgebake.models.importers.signature_check import ModelSignature, check_signature
from edgebake.models.onnx import final_activation
from edgebake.models.onnx.canonical import canonicalize
from edgebake.models.onnx.decompose import decompose
from edgebake.models.onnx.external_data import refuse_external_data
from edgebake.models.onnx.float_graph import fold_constants
from edgebake.recipe import Output
from edgebake.tasks.tensors import IMAGE, IMAGE_CLASSIFIER, PROBABILITIES, Ends, Feeds, Outputs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgebake.recipe import Imported
    from edgebake.tasks.contract import Contract

CHANNELS = frozenset((1, 3))
# Prefix of all names of the file, as they may be equal to those that are added.
PREFIX = "given/"


def load(contract: Contract, options: Imported) -> bytes:
    """Load a graph: image float32 [1, h, w, c] -> probabilities float32 [1, classes].

    Raises:
        ModelError: the file is damaged, holds operators that ONNX does not define, or its model is
            not the one that the recipe describes.
    """
    model = onnx_graph.load(options.file)
    is_channels_first = _check_input(model, contract, options.file)
    model = _with_image_input(model, contract, is_channels_first)
    model = _with_probabilities(model, contract, options)
    model = fold_constants(model)
    model = canonicalize(model)
    archive = bytes(model.SerializeToString(deterministic=True))
    _check_answers(archive, contract, options, is_channels_first)
    return archive


def predictor(archive: bytes, _ends: Ends = IMAGE_CLASSIFIER) -> Callable[[Feeds], Outputs]:
    """Return a function from an image float32 [1, h, w, c] to probabilities [1, classes]."""
    model = onnx.load_from_string(archive)
    session = _session(model)

    def predict(feeds: Feeds) -> Outputs:
        (probabilities,) = session.run([PROBABILITIES], dict(feeds))
        return {PROBABILITIES: probabilities}

    return predict


def activations(archive: bytes, _inputs: Sequence[str]) -> Activations:
    """Return the activations of a graph, as it is when it is quantized, by name of the tensor."""
    stored = onnx.load_from_string(archive)
    model = decompose(stored)
    sources = _sources(model)
    names = [name for name in sources if name != IMAGE]
    session = _session(_with_outputs(model, names))

    def compute(feeds: Feeds) -> list[NDArray[np.float32]]:
        images = feeds[IMAGE]
        runs = []
        for image in images:
            runs.append(session.run(names, {IMAGE: image[None]}))
        values = [images]
        for arrays in zip(*runs, strict=True):
            array = np.concatenate(arrays)
            values.append(_channels_last(array))
        return values

    return Activations(sources, compute)


def _with_outputs(model: onnx.ModelProto, names: list[str]) -> onnx.ModelProto:
    """Return a copy of a model whose outputs are the named float tensors."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.output[:]
    for name in names:
        copy.graph.output.append(_float_tensor(name, None))
    return copy


def _sources(model: onnx.ModelProto) -> dict[str, tuple[str, ...]]:
    """Return the activations of a graph with those that each is computed from."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    floats = set()
    for value in (*graph.value_info, *graph.output):
        if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT:
            floats.add(value.name)
    dataflow: Dataflow[str] = Dataflow()
    dataflow.add_input(IMAGE, is_activation=True)
    for node in model.graph.node:
        sources = dataflow.trace(node.input)
        if sources is None:
            continue
        for name in node.output:
            is_activation = name in floats
            dataflow.add(name, sources, is_activation)
    return dataflow.sources


def _channels_last(array: NDArray[np.float32]) -> NDArray[np.float32]:
    if array.ndim != 4:
        return array
    return np.moveaxis(array, 1, -1)


def _check_input(model: onnx.ModelProto, contract: Contract, file: str) -> bool:
    """Check the input and the number of classes; return whether channels come first.

    Raises:
        ModelError: the input is no image, or not that of the contract.
    """
    value = model.graph.input[0]
    tensor = value.type.tensor_type
    dtype = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
    dimensions = tensor.shape.dim
    sizes = [dimension.dim_value or None for dimension in dimensions]
    problem = input_check.refusal(sizes, dtype, channels_first=True)
    problem = problem or input_check.batch_refusal(sizes)
    output_type = model.graph.output[0].type.tensor_type.elem_type
    output_dtype = onnx.TensorProto.DataType.Name(output_type).lower()
    problem = problem or input_check.number_refusal(output_dtype)
    if problem is not None:
        raise ModelError(f"{file}: {problem}")
    if tensor.elem_type != onnx.TensorProto.FLOAT:
        raise ModelError(
            f"{file}: its input {value.name!r} is {dtype}; expected float: the float32 model"
        )
    if CHANNELS.isdisjoint((sizes[1], sizes[3])):
        raise ModelError(
            f"{file}: takes {input_check.format_shape(sizes)}; expected images, [n, c, h, w] or "
            "[n, h, w, c] with 1 or 3 channels"
        )
    is_channels_first = sizes[1] in CHANNELS
    if is_channels_first:
        channels, height, width = sizes[1:]
    else:
        height, width, channels = sizes[1:]
    classes = signature_check.classes_of(_class_count(model) or len(contract.labels))
    signature = ModelSignature(height, width, int(channels or 0), classes)
    check_signature(signature, contract, file, can_replace_head=False)
    return is_channels_first


def _class_count(model: onnx.ModelProto) -> int | None:
    """Return the largest dimension of the output after the batch; None if it is not known."""
    shape = model.graph.output[0].type.tensor_type.shape
    sizes = [dimension.dim_value for dimension in shape.dim]
    largest = max(sizes[1:], default=0)
    return largest or None


def _with_image_input(
    model: onnx.ModelProto, contract: Contract, is_channels_first: bool
) -> onnx.ModelProto:
    """Return the graph with one image of the contract's size, channels last, as input."""
    model = onnx.compose.add_prefix(model, PREFIX)
    graph = model.graph
    original = graph.input[0].name
    del graph.input[:]
    del graph.value_info[:]  # shapes for other sizes of the image
    size = (contract.image.height, contract.image.width, contract.image.channels)
    image = _float_tensor(IMAGE, (1, *size))
    graph.input.append(image)
    node = onnx.helper.make_node("Identity", [IMAGE], [original])
    if is_channels_first:
        to_channels_first = [0, 3, 1, 2]
        node = onnx.helper.make_node("Transpose", [IMAGE], [original], perm=to_channels_first)
    graph.node.insert(0, node)
    return model


def _with_probabilities(
    model: onnx.ModelProto, contract: Contract, options: Imported
) -> onnx.ModelProto:
    """Return the graph with probabilities [1, classes] as output, checked on images of noise."""
    graph = model.graph
    last = graph.output[0].name
    outputs = _run_on_noise(model, last, contract, options.file)
    predictions = np.stack([output.reshape(-1) for output in outputs])
    count = predictions.shape[1]
    classes = signature_check.classes_of(count)
    signature = ModelSignature(
        contract.image.height, contract.image.width, contract.image.channels, classes
    )
    check_signature(signature, contract, options.file, can_replace_head=False)
    if count == 1:
        activation = final_activation.of_graph(graph)
        output_check.check_single_output(predictions, options.output, activation, options.file)
    else:
        output_check.check_output(predictions, options.output, options.file)
    shape = (1, count)
    if outputs[0].shape != shape:
        shape_array = np.array(shape, np.int64)
        shape_constant = onnx.numpy_helper.from_array(shape_array, "shape")
        graph.initializer.append(shape_constant)
        reshape = onnx.helper.make_node("Reshape", [last, "shape"], ["flat"])
        graph.node.append(reshape)
        last = "flat"
    if count == 1:
        last = onnx_head.append_two_classes(graph, last, options.output)
    operator = "Identity"
    if options.output is Output.logits:
        operator = "Softmax"  # over the last axis by default
    node = onnx.helper.make_node(operator, [last], [PROBABILITIES])
    graph.node.append(node)
    del graph.output[:]
    probabilities = _float_tensor(PROBABILITIES, (1, classes))
    graph.output.append(probabilities)
    return onnx_graph.without_identities(model)


def _check_answers(
    archive: bytes, contract: Contract, options: Imported, is_channels_first: bool
) -> None:
    """Compare the imported graph with the file itself, on images of noise.

    Raises:
        ModelError: they answer otherwise.
    """
    original = onnx_graph.read(options.file)
    weights = {tensor.name for tensor in original.graph.initializer}
    names = [value.name for value in original.graph.input if value.name not in weights]
    session = _session(original)
    predict = predictor(archive)
    answers = []
    outputs = []
    for image in output_check.noise_images(contract):
        batch = image[None]
        answers.append(predict({IMAGE: batch})[PROBABILITIES])
        if is_channels_first:
            batch = batch.transpose(0, 3, 1, 2)
        output = np.asarray(session.run(None, {names[0]: batch})[0])
        outputs.append(output.reshape(-1))
    expected = output_check.probabilities(np.stack(outputs), options.output)
    answers_check.check_equal(np.concatenate(answers), expected.astype(np.float32), options.file)


def _run_on_noise(
    model: onnx.ModelProto, output: str, contract: Contract, file: str
) -> list[NDArray[np.float32]]:
    """Return the output of a graph for each image of noise."""
    values: list[NDArray[np.float32]] = []
    try:
        session = _session(model)
        for image in output_check.noise_images(contract):
            batch = image[None]
            outputs = session.run([output], {IMAGE: batch})
            values.append(np.asarray(outputs[0]))
    except Exception as error:  # ONNX Runtime's exceptions have no common base class
        raise ModelError(
            f"{file}: ONNX Runtime cannot run it on one image of {contract.image.height} x "
            f"{contract.image.width} ({onnx_graph.first_line(error)}); export it with a batch "
            "of 1, or an open one"
        ) from None
    return values


def _float_tensor(name: str, shape: tuple[int, ...] | None) -> onnx.ValueInfoProto:
    return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)


def _session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    refuse_external_data(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # its exceptions say the same
    # Fusing operators would remove tensors.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    providers = ["CPUExecutionProvider"]
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=providers)
