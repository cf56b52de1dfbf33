"""An ONNX file that somebody brought in, the same graph with the ends that the contract says out.

Channels may come first or last, the batch may be open or 1. No code is run: an operator that ONNX does not define is
refused.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from edgebake.errors import ModelError
from edgebake.models.importers import onnx_graph, output_check, signature_check
from edgebake.models.importers.interface import Activations
from edgebake.models.onnx.canonical import canonicalize
from edgebake.models.onnx.decompose import decompose
from edgebake.models.onnx.float_graph import IMAGE, PROBABILITIES, fold_constants
from edgebake.recipe import Imported, Output
from edgebake.tasks.contract import Contract

CHANNELS = (1, 3)
GIVEN = "given/"  # before the names of the file: they may be those of the ends


def load(agreed: Contract, words: Imported) -> bytes:
    """Return the archive: image float32 [1, h, w, c] -> probabilities float32 [1, classes].

    Raises:
        ModelError: the file is damaged, holds what ONNX does not define, or is not what the recipe describes.
    """
    model = onnx_graph.plain(words.file)
    is_first = _with_image(model, agreed, words.file)
    model = _with_answer(_sized(model, agreed, is_first), agreed, words)
    return bytes(canonicalize(fold_constants(model)).SerializeToString(deterministic=True))


def predictor(archive: bytes) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Return what computes probabilities [1, classes] of an image [1, h, w, c]."""
    session = _session(onnx.load_from_string(archive))
    return lambda image: np.asarray(session.run([PROBABILITIES], {IMAGE: image})[0])


def activations(archive: bytes) -> Activations:
    """Return every float value that depends on the image with those it is computed from, and what computes them all."""
    model = decompose(onnx.load_from_string(archive))  # as what quantizes it will read it
    sources = _sources(model)
    names = [name for name in sources if name != IMAGE]
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    del watched.graph.output[:]
    watched.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names
    )
    session = _session(watched)

    def compute(images: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        rows = [
            session.run(names, {IMAGE: images[number : number + 1]})
            for number in range(len(images))
        ]
        return [
            images,
            *(_channels_last(np.concatenate(column)) for column in zip(*rows, strict=True)),
        ]

    return Activations(sources, compute)


def _sources(model: onnx.ModelProto) -> dict[str, tuple[str, ...]]:
    graph = onnx.shape_inference.infer_shapes(model).graph
    known = [*graph.value_info, *graph.output]
    floats = {
        value.name for value in known if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    }
    behind: dict[str, tuple[str, ...]] = {
        IMAGE: (IMAGE,)
    }  # of a tensor, the values that it stands for
    found: dict[str, tuple[str, ...]] = {IMAGE: ()}
    for node in model.graph.node:
        given = tuple(
            dict.fromkeys(name for tensor in node.input for name in behind.get(tensor, ()))
        )
        for name in node.output if given else ():
            behind[name] = (name,) if name in floats else given
            if name in floats:
                found[name] = given
    return found


def _channels_last(value: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.moveaxis(value, 1, -1) if value.ndim == 4 else value


def _with_image(model: onnx.ModelProto, agreed: Contract, file: str) -> bool:
    """Compare the input with the contract; return whether channels come first.

    Raises:
        ModelError: it is no image, or another one.
    """
    value = model.graph.input[0]
    kind = value.type.tensor_type
    if kind.elem_type != onnx.TensorProto.FLOAT:
        dtype = onnx.TensorProto.DataType.Name(kind.elem_type).lower()
        raise ModelError(
            f"{file}: its input {value.name!r} is {dtype}; expected float: the float32 model"
        )
    sizes = [dim.dim_value or None for dim in kind.shape.dim]
    if len(sizes) != 4 or not {sizes[1], sizes[3]} & set(CHANNELS):
        shape = [dim.dim_value or dim.dim_param or "?" for dim in kind.shape.dim]
        raise ModelError(
            f"{file}: takes {shape}; expected images, [n, c, h, w] or [n, h, w, c] with 1 or 3 channels"
        )
    is_first = sizes[1] in CHANNELS
    height, width, channels = (
        (sizes[2], sizes[3], sizes[1]) if is_first else (sizes[1], sizes[2], sizes[3])
    )
    classes = _classes(model) or len(agreed.labels)
    signature_check.check_signature(
        signature_check.ModelSignature(height, width, int(channels or 0), classes), agreed, file
    )
    return is_first


def _classes(model: onnx.ModelProto) -> int | None:
    sizes = [dim.dim_value for dim in model.graph.output[0].type.tensor_type.shape.dim]
    return max(sizes[1:], default=0) or None


def _sized(model: onnx.ModelProto, agreed: Contract, is_first: bool) -> onnx.ModelProto:
    """Return the graph with an image of one size in front, channels last."""
    model = onnx.compose.add_prefix(model, GIVEN)
    name = model.graph.input[0].name
    shape = (1, agreed.height, agreed.width, agreed.channels)
    del model.graph.input[:]
    del model.graph.value_info[:]  # they say other sizes
    model.graph.input.append(
        onnx.helper.make_tensor_value_info(IMAGE, onnx.TensorProto.FLOAT, shape)
    )
    front = onnx.helper.make_node("Transpose", [IMAGE], [name], perm=[0, 3, 1, 2])
    model.graph.node.insert(
        0, front if is_first else onnx.helper.make_node("Identity", [IMAGE], [name])
    )
    return model


def _with_answer(model: onnx.ModelProto, agreed: Contract, words: Imported) -> onnx.ModelProto:
    """Return the graph with probabilities [1, classes] behind it, after looking at what it answers to noise."""
    graph, shape = model.graph, (1, len(agreed.labels))
    last = graph.output[0].name
    rows = _asked(model, last, agreed, words.file)
    found = np.stack([row.reshape(-1) for row in rows])
    signature_check.check_signature(
        signature_check.ModelSignature(
            agreed.height, agreed.width, agreed.channels, found.shape[1]
        ),
        agreed,
        words.file,
    )
    output_check.check_output(found, words.output, words.file)
    if rows[0].shape != shape:
        graph.initializer.append(onnx.numpy_helper.from_array(np.array(shape, np.int64), "shape"))
        graph.node.append(onnx.helper.make_node("Reshape", [last, "shape"], ["flat"]))
        last = "flat"
    kind = (
        "Softmax" if words.output is Output.logits else "Identity"
    )  # of the last axis, unless told otherwise
    graph.node.append(onnx.helper.make_node(kind, [last], [PROBABILITIES]))
    del graph.output[:]
    graph.output.append(
        onnx.helper.make_tensor_value_info(PROBABILITIES, onnx.TensorProto.FLOAT, shape)
    )
    return onnx_graph.without_identities(model)


def _asked(
    model: onnx.ModelProto, name: str, agreed: Contract, file: str
) -> list[NDArray[np.float32]]:
    """Return what the graph answers to noise, one image after the other."""
    try:
        session = _session(model)
        return [
            np.asarray(session.run([name], {IMAGE: image[None]})[0])
            for image in output_check.noise_images(agreed)
        ]
    except Exception as error:  # of ONNX Runtime, which has one for each thing that can go wrong
        raise ModelError(
            f"{file}: ONNX Runtime cannot run it on one image of {agreed.height} x {agreed.width} "
            f"({onnx_graph.first_line(error)}); export it with a batch of 1, or an open one"
        ) from None


def _session(model: onnx.ModelProto) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what it raises says as much
    options.graph_optimization_level = (
        onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    )  # fusing would hide tensors
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
