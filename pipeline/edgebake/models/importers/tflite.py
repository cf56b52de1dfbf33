"""A float .tflite that somebody brought in, the same program with the ends that the contract says out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edgebake.errors import ModelError, listed
from edgebake.models.importers import output_check, safety, signature_check, tflite_graph
from edgebake.models.importers.interface import Activations
from edgebake.models.tflite import strip, tables
from edgebake.recipe import Imported, Output
from edgebake.tasks.contract import Contract

IMAGE, LOGITS, PROBABILITIES = b"image", b"logits", b"probabilities"
OPERATORS = {
    number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)
}
DTYPES = {
    number: name.lower()
    for name, number in vars(schema.TensorType).items()
    if isinstance(number, int)
}
INTEGERS = ("int4", "int8", "uint8", "int16")


def load(agreed: Contract, words: Imported) -> bytes:
    """Return the archive: image float32 [1, h, w, c] -> probabilities float32 [1, classes].

    Raises:
        ModelError: the file is damaged or quantized, or is not what the recipe describes.
    """
    content = _loaded(words.file)
    graph = content.subgraphs[0]
    _refuse_others(content, graph, words.file)
    given, answer = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
    _refuse_other_ends(given, answer, agreed, words.file)
    _forget_words(content)
    output_check.check_output(_settled(content, agreed, words.file), words.output, words.file)
    given.name = IMAGE
    if words.output is Output.logits:
        answer.name = LOGITS
        answer = _soften(content, graph, len(agreed.labels))
    answer.name = PROBABILITIES
    return bytes(tables.serialize(content))


def predictor(archive: bytes) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Return what computes probabilities [1, classes] of an image [1, h, w, c]."""
    interpreter = tflite_graph.interpreter(archive)

    def answer(image: NDArray[np.float32]) -> NDArray[np.float32]:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
        interpreter.invoke()
        return np.array(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))

    return answer


def activations(archive: bytes) -> Activations:
    """Return every float value that depends on the image with those it is computed from, and what computes them all."""
    graph = tables.parse(archive).subgraphs[0]
    sources = _sources(graph)
    names = {index: graph.tensors[index].name.decode() for index in sources}
    interpreter = tflite_graph.interpreter(archive)

    def one(image: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        interpreter.set_tensor(graph.inputs[0], image)
        interpreter.invoke()
        return [interpreter.get_tensor(index).copy() for index in sources]

    def compute(images: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        rows = [one(images[number : number + 1]) for number in range(len(images))]
        return [
            np.concatenate([np.atleast_1d(part) for part in column])
            for column in zip(*rows, strict=True)
        ]

    return Activations(
        {names[index]: tuple(names[each] for each in given) for index, given in sources.items()},
        compute,
    )


def _sources(graph: Any) -> dict[int, tuple[int, ...]]:
    first = graph.inputs[0]
    behind: dict[int, tuple[int, ...]] = {
        first: (first,)
    }  # of a tensor, the values that it stands for
    found: dict[int, tuple[int, ...]] = {first: ()}
    for item in graph.operators:
        given = tuple(
            dict.fromkeys(each for index in item.inputs for each in behind.get(index, ()))
        )
        for index in item.outputs if given else ():
            is_value = graph.tensors[index].type == schema.TensorType.FLOAT32
            behind[index] = (index,) if is_value else given
            if is_value:
                found[index] = given
    return found


def _loaded(file: str) -> Any:
    path = Path(file)
    safety.refuse_non_model(path, file)
    try:
        content = tables.parse(path.read_bytes())
    except Exception as error:  # the generated reader follows whatever offsets a damaged file holds
        raise ModelError(f"{file}: no sound .tflite ({error}); convert it again") from None
    if not content.subgraphs or not content.subgraphs[0].operators:
        raise ModelError(f"{file}: holds no operators; convert it again")
    if not _is_sound(content, content.subgraphs[0]):
        raise ModelError(f"{file}: is damaged: it names parts that it does not have; copy it again")
    return content


def _is_sound(content: Any, graph: Any) -> bool:
    tensors = [
        *graph.inputs,
        *graph.outputs,
        *(index for item in graph.operators for index in item.outputs),
    ]
    inputs = [index for item in graph.operators for index in item.inputs]  # -1: it is left out
    return (
        all(0 <= index < len(graph.tensors) for index in tensors)
        and all(-1 <= index < len(graph.tensors) for index in inputs)
        and all(item.opcodeIndex < len(content.operatorCodes) for item in graph.operators)
        and all(tensor.buffer < len(content.buffers) for tensor in graph.tensors)
    )


def _refuse_others(content: Any, graph: Any, file: str) -> None:
    if len(content.subgraphs) != 1:
        raise ModelError(
            f"{file}: holds {len(content.subgraphs)} graphs; expected one: no branches and no loops"
        )
    for word, held in (("inputs", graph.inputs), ("outputs", graph.outputs)):
        if len(held) != 1:
            raise ModelError(
                f"{file}: has {len(held)} {word}; expected one image in, one answer out"
            )
    custom = {code.customCode.decode() for code in content.operatorCodes if code.customCode}
    if custom:
        raise ModelError(
            f"{file}: holds the custom operators {listed(custom)}; expected LiteRT's own alone"
        )
    quantized = {DTYPES[one.type] for one in graph.tensors if _is_quantized(one)}
    halves = {"float16"} if any(DTYPES[one.type] == "float16" for one in graph.tensors) else set()
    if quantized | halves:
        raise ModelError(
            f"{file}: already quantized (it holds {listed(quantized | halves)}); expected the float model that it was "
            "made from"
        )


def _is_quantized(tensor: Any) -> bool:
    scales = getattr(tensor.quantization, "scale", None)
    return DTYPES[tensor.type] in INTEGERS and scales is not None and len(scales) > 0


def _refuse_other_ends(given: Any, answer: Any, agreed: Contract, file: str) -> None:
    for word, tensor in (("input", given), ("output", answer)):
        if tensor.type != schema.TensorType.FLOAT32:
            raise ModelError(
                f"{file}: its {word} is {DTYPES[tensor.type]}; expected float32: the float model"
            )
    shape = [int(size) for size in given.shape]
    signature = [
        int(size) for size in (given.shapeSignature if given.shapeSignature is not None else shape)
    ]
    if len(shape) != 4 or shape[3] not in (1, 3):
        raise ModelError(
            f"{file}: takes {shape}; expected images [1, h, w, c] with 1 or 3 channels, which come last"
        )
    if signature[1:3] != shape[1:3]:
        raise ModelError(
            f"{file}: takes images of any size; expected one size: convert it with a fixed input"
        )
    if shape[0] != 1:
        raise ModelError(
            f"{file}: takes {shape[0]} images at once; expected 1: convert it with a batch of 1"
        )
    returned = [int(size) for size in answer.shape]
    if len(returned) != 2:
        raise ModelError(f"{file}: returns {returned}; expected [1, classes]: a classifier")
    signature_check.check_signature(
        signature_check.ModelSignature(shape[1], shape[2], shape[3], returned[1]), agreed, file
    )


def _forget_words(content: Any) -> None:
    """Drop what others wrote beside the program: their labels and their normalization are not the recipe's."""
    content.description = content.metadataBuffer = content.signatureDefs = None
    content.metadata = [entry for entry in content.metadata or [] if entry.name in strip.NEEDED]
    strip.drop_unread_buffers(content)


def _soften(content: Any, graph: Any, classes: int) -> Any:
    """Put a softmax behind the last operator and return its output."""
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.SOFTMAX
    code.version = 1
    content.operatorCodes.append(code)
    tensor = schema.TensorT()
    tensor.shape, tensor.type, tensor.buffer, tensor.name = (
        [1, classes],
        schema.TensorType.FLOAT32,
        0,
        PROBABILITIES,
    )
    graph.tensors.append(tensor)
    item = schema.OperatorT()
    item.opcodeIndex = len(content.operatorCodes) - 1
    item.inputs, item.outputs = [graph.outputs[0]], [len(graph.tensors) - 1]
    item.builtinOptionsType, item.builtinOptions = (
        schema.BuiltinOptions.SoftmaxOptions,
        schema.SoftmaxOptionsT(),
    )
    item.builtinOptions.beta = 1.0
    graph.operators.append(item)
    graph.outputs = [len(graph.tensors) - 1]
    return tensor


def _settled(content: Any, agreed: Contract, file: str) -> NDArray[np.float32]:
    """Fix the program for one image; return what it answers to noise."""
    try:
        tflite_graph.settle(content, {IMAGE, LOGITS, PROBABILITIES})
        answer = predictor(tables.serialize(content))
        return np.concatenate([answer(image[None]) for image in output_check.noise_images(agreed)])
    except (RuntimeError, ValueError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"{file}: LiteRT cannot run it ({first[:200]}); convert it again"
        ) from None
