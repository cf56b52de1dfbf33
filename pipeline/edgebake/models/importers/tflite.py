"""Import float .tflite files: image classifiers with a batch of 1, channels last.

The imported graph has one input `image` and one output `probabilities`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgebake.errors import ModelError, listed
from edgebake.models.importers import (
    answers_check,
    input_check,
    lite_operators,
    output_check,
    safety,
    signature_check,
    tflite_graph,
    tflite_head,
)
from edgebake.models.importers.dataflow import Dataflow
from edgebake.models.importers.interface import Activations
from edgebake.models.importers.signature_check import ModelSignature, check_signature
from edgebake.models.tflite import final_activation, strip, structure_check, tables
from edgebake.models.tflite.tables import DTYPES
from edgebake.recipe import Output
from edgebake.tasks import tensors as ends
from edgebake.tasks.tensors import IMAGE_CLASSIFIER, Ends, Feeds, Outputs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgebake.recipe import Imported
    from edgebake.tasks.contract import Contract

IMAGE, LOGITS, PROBABILITIES = b"image", b"logits", b"probabilities"
SINGLE = b"single_output"  # the only output of a file, which stands for two classes
INTEGERS = ("int4", "int8", "uint8", "int16")


def load(contract: Contract, options: Imported) -> bytes:
    """Load a graph: image float32 [1, h, w, c] -> probabilities float32 [1, classes].

    Raises:
        ModelError: the file is damaged or quantized, or its model is not the one that the recipe
            describes.
    """
    model = _read(options.file)
    graph = model.subgraphs[0]
    lite_operators.refuse_unlisted(model, options.file)
    _check_graph(model, options.file)
    _check_quantization(graph, options.file)
    image = graph.tensors[graph.inputs[0]]
    output = graph.tensors[graph.outputs[0]]
    _check_input_and_output(image, output, contract, options.file)
    _remove_texts(model)
    predictions = _simplify(model, contract, options.file)
    if predictions.shape[1] == 1:
        activation = final_activation.of_graph(model)
        output_check.check_single_output(predictions, options.output, activation, options.file)
        output.name = SINGLE
        output = tflite_head.append_two_classes(model, options.output)
    else:
        output_check.check_output(predictions, options.output, options.file)
    image.name = IMAGE
    if options.output is Output.logits:
        output.name = LOGITS
        output = tflite_head.append_softmax(model, len(contract.labels))
    output.name = PROBABILITIES
    return tables.serialize(model)


def predictor(archive: bytes, _ends: Ends = IMAGE_CLASSIFIER) -> Callable[[Feeds], Outputs]:
    """Return a function from an image float32 [1, h, w, c] to probabilities [1, classes]."""
    interpreter = tflite_graph.interpreter(archive)
    (input_details,) = interpreter.get_input_details()
    (output_details,) = interpreter.get_output_details()
    input_index = input_details["index"]
    output_index = output_details["index"]

    def predict(feeds: Feeds) -> Outputs:
        interpreter.set_tensor(input_index, feeds[ends.IMAGE])
        interpreter.invoke()
        output = interpreter.get_tensor(output_index)
        return {ends.PROBABILITIES: np.array(output)}

    return predict


def activations(archive: bytes, _inputs: Sequence[str]) -> Activations:
    """Return the activations of a graph by name of the tensor; its only input is an image."""
    graph = tables.parse(archive).subgraphs[0]
    sources = _sources(graph)
    names: dict[int, str] = {}
    for index in sources:
        tensor = graph.tensors[index]
        names[index] = tensor.name.decode()
    interpreter = tflite_graph.interpreter(archive)

    def run(image: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        interpreter.set_tensor(graph.inputs[0], image)
        interpreter.invoke()
        values: list[NDArray[np.float32]] = []
        for index in sources:
            tensor = interpreter.get_tensor(index)
            values.append(np.atleast_1d(tensor.copy()))
        return values

    def compute(feeds: Feeds) -> list[NDArray[np.float32]]:
        runs = [run(image[None]) for image in feeds[ends.IMAGE]]
        by_tensor = zip(*runs, strict=True)
        return [np.concatenate(arrays) for arrays in by_tensor]

    named_sources = {}
    for index, inputs in sources.items():
        name = names[index]
        named_sources[name] = tuple(names[source] for source in inputs)
    return Activations(named_sources, compute)


def _sources(graph: schema.SubGraphT) -> dict[int, tuple[int, ...]]:
    """Return the activations of a graph, by index of the tensor, with those they depend on."""
    dataflow: Dataflow[int] = Dataflow()
    dataflow.add_input(graph.inputs[0], is_activation=True)
    for operator in graph.operators:
        sources = dataflow.trace(operator.inputs)
        if sources is None:
            continue
        for index in operator.outputs:
            tensor = graph.tensors[index]
            is_float = tensor.type == schema.TensorType.FLOAT32
            dataflow.add(index, sources, is_activation=is_float)
    return dataflow.sources


def _read(file: str) -> schema.ModelT:
    path = Path(file)
    safety.refuse_non_model(path, file)
    try:
        model = tables.parse(path.read_bytes())
        structure_check.check(model)
    except Exception as error:  # the generated parser raises any exception for a damaged file
        raise ModelError(f"{file}: not a valid .tflite ({error}); convert it again") from None
    if not model.subgraphs[0].operators:
        raise ModelError(f"{file}: holds no operators; convert it again")
    return model


def _check_graph(model: schema.ModelT, file: str) -> None:
    """Refuse several graphs, inputs or outputs.

    Raises:
        ModelError: the file has them.
    """
    if len(model.subgraphs) != 1:
        raise ModelError(
            f"{file}: holds {len(model.subgraphs)} graphs; expected one: no branches and no loops"
        )
    graph = model.subgraphs[0]
    sides = {"inputs": graph.inputs, "outputs": graph.outputs}
    for side, tensors in sides.items():
        if len(tensors) != 1:
            raise ModelError(
                f"{file}: has {len(tensors)} {side}; edgebake imports image classifiers so far: "
                "expected one input, an image, and one output"
            )


def _check_quantization(graph: schema.SubGraphT, file: str) -> None:
    """Refuse a graph that is quantized already.

    Raises:
        ModelError: tensors have scales, or are float16.
    """
    dtypes = set()
    for tensor in graph.tensors:
        dtype = DTYPES[tensor.type]
        if dtype == "float16" or (dtype in INTEGERS and _has_scales(tensor)):
            dtypes.add(dtype)
    if dtypes:
        raise ModelError(
            f"{file}: already quantized (it holds {listed(dtypes)}); expected the float model that "
            "it was made from"
        )


def _has_scales(tensor: schema.TensorT) -> bool:
    scales = getattr(tensor.quantization, "scale", None)
    return scales is not None and len(scales) > 0


def _check_input_and_output(
    image: schema.TensorT, output: schema.TensorT, contract: Contract, file: str
) -> None:
    """Compare the dtypes and shapes of the input and output with the contract.

    Raises:
        ModelError: they are other than image float32 [1, h, w, c] -> float32 [1, classes].
    """
    shape = [int(size) for size in image.shape]
    problem = input_check.refusal(shape, DTYPES[image.type], channels_first=False)
    if problem is not None:
        raise ModelError(f"{file}: {problem}")
    sides = {"input": image, "output": output}
    for side, tensor in sides.items():
        if tensor.type != schema.TensorType.FLOAT32:
            raise ModelError(
                f"{file}: its {side} is {DTYPES[tensor.type]}; expected float32: the float model"
            )
    signature_shape = image.shapeSignature
    if signature_shape is not None and list(signature_shape[1:3]) != shape[1:3]:
        raise ModelError(
            f"{file}: takes images of any size; expected one size: convert it with a fixed input"
        )
    batch, height, width, channels = shape
    if batch != 1:
        raise ModelError(
            f"{file}: takes {batch} images at once; expected 1: convert it with a batch of 1"
        )
    output_shape = [int(size) for size in output.shape]
    problem = input_check.output_refusal(output_shape, can_reshape=False)
    if problem is not None:
        raise ModelError(f"{file}: {problem}")
    classes = signature_check.classes_of(output_shape[1])
    signature = ModelSignature(height, width, channels, classes)
    check_signature(signature, contract, file, can_replace_head=False)


def _remove_texts(model: schema.ModelT) -> None:
    """Remove metadata: the labels and the normalization that it names are not the recipe's."""
    model.description = None
    model.metadataBuffer = None
    model.signatureDefs = None
    entries = model.metadata or []
    model.metadata = [entry for entry in entries if entry.name in strip.NEEDED]
    strip.drop_unread_buffers(model)


def _simplify(model: schema.ModelT, contract: Contract, file: str) -> NDArray[np.float32]:
    """Fix all shapes of the graph for one image; return its predictions [n, classes] on noise."""
    try:
        images = output_check.noise_images(contract)
        expected = _answers(tables.serialize(model), images)
        tflite_graph.fix_shapes(model, {IMAGE, LOGITS, PROBABILITIES, SINGLE})
        predictions = _answers(tables.serialize(model), images)
    except (RuntimeError, ValueError) as error:
        message = str(error).strip() or type(error).__name__
        first_line = message.splitlines()[0]
        summary = first_line[:200]
        raise ModelError(f"{file}: LiteRT cannot run it ({summary}); convert it again") from None
    answers_check.check_equal(predictions, expected, file)
    return predictions


def _answers(archive: bytes, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the output [n, classes] for images [n, h, w, c]."""
    predict = predictor(archive)
    answers = [predict({ends.IMAGE: image[None]})[ends.PROBABILITIES] for image in images]
    return np.concatenate(answers)
