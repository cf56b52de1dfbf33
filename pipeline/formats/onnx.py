"""An ONNX file that somebody brought in, the same graph with the ends that the contract says out.

Channels may come first or last, the batch may be open or 1. No code is run: an operator that ONNX does not define is
refused.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from pipeline.contract import Contract
from pipeline.errors import ModelError, listed
from pipeline.formats import ends, probing, safety
from pipeline.recipe import Imported, Output
from pipeline.runtimes.onnxruntime.canonical import canonical
from pipeline.runtimes.onnxruntime.program import IMAGE, OPSET, PROBABILITIES

Values = tuple[dict[str, tuple[str, ...]], Callable[[NDArray[np.float32]], list[NDArray[np.float32]]]]

OLDEST = 13  # of opsets whose operators the quantizers know; older ones are rewritten as opset 17
NEWEST = 22  # that ONNX Runtime's quantizers and ORT format were tried with
CHANNELS = (1, 3)
STANDARD = ("", "ai.onnx")
QUANTIZED = (
    *("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"),
    *("QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger"),
)


def read(agreed: Contract, words: Imported) -> bytes:
    """Return the archive: image float32 [1, h, w, c] -> probabilities float32 [1, classes].

    Raises:
        ModelError: the file is damaged, holds what ONNX does not define, or is not what the recipe describes.
    """
    model = _loaded(words.file)
    _refuse_others(model, words.file)
    model = _of_this_age(model, words.file)
    is_first = _with_image(model, agreed, words.file)
    model = _with_answer(_sized(model, agreed, is_first), agreed, words)
    return bytes(canonical(model).SerializeToString(deterministic=True))


def float_file(archive: bytes) -> bytes:
    """Return what others are compared with: the archive itself, which ONNX Runtime runs."""
    return archive


def answers(archive: bytes) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Return what computes probabilities [1, classes] of an image [1, h, w, c]."""
    session = _session(onnx.load_from_string(archive))
    return lambda image: np.asarray(session.run([PROBABILITIES], {IMAGE: image})[0])


def values(archive: bytes) -> Values:
    """Return every float value that depends on the image with those it is computed from, and what computes them all."""
    model = onnx.load_from_string(archive)
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
        rows = [session.run(names, {IMAGE: images[number : number + 1]}) for number in range(len(images))]
        return [images, *(_channels_last(np.concatenate(column)) for column in zip(*rows, strict=True))]

    return sources, compute


def _sources(model: onnx.ModelProto) -> dict[str, tuple[str, ...]]:
    graph = onnx.shape_inference.infer_shapes(model).graph
    known = [*graph.value_info, *graph.output]
    floats = {value.name for value in known if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT}
    behind: dict[str, tuple[str, ...]] = {IMAGE: (IMAGE,)}  # of a tensor, the values that it stands for
    found: dict[str, tuple[str, ...]] = {IMAGE: ()}
    for node in model.graph.node:
        given = tuple(dict.fromkeys(name for tensor in node.input for name in behind.get(tensor, ())))
        for name in node.output if given else ():
            behind[name] = (name,) if name in floats else given
            if name in floats:
                found[name] = given
    return found


def _channels_last(value: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.moveaxis(value, 1, -1) if value.ndim == 4 else value


def _loaded(file: str) -> onnx.ModelProto:
    safety.refuse_stand_in(Path(file), file)
    try:
        model = onnx.load(file)
        onnx.checker.check_model(model)
    except FileNotFoundError as error:
        raise ModelError(f"{file}: keeps weights in another file, {error.filename}; expected it beside") from None
    except Exception as error:  # protobuf and the checker raise whatever a damaged file leads them to
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"{file}: no sound ONNX model ({first[:200]}); export it again") from None
    return model


def _refuse_others(model: onnx.ModelProto, file: str) -> None:
    foreign = {f"{node.domain}.{node.op_type}" for node in model.graph.node if node.domain not in STANDARD}
    if foreign:
        raise ModelError(f"{file}: operators that ONNX does not define: {listed(foreign)}; expected its own alone")
    quantized = {node.op_type for node in model.graph.node if node.op_type in QUANTIZED}
    if quantized:
        raise ModelError(
            f"{file}: already quantized ({listed(quantized)}); expected the float model that it was made from"
        )
    nested = {node.op_type for node in model.graph.node if node.op_type in ("If", "Loop", "Scan")}
    if nested:
        raise ModelError(f"{file}: graphs inside its graph ({listed(nested)}); expected a plain chain of operators")
    constants = {item.name for item in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constants]  # old files list weights too
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    for word, held in (("inputs", model.graph.input), ("outputs", model.graph.output)):
        if len(held) != 1:
            names = ", ".join(value.name for value in held)
            raise ModelError(f"{file}: has {len(held)} {word} ({names}); expected one image in, one answer out")


def _of_this_age(model: onnx.ModelProto, file: str) -> onnx.ModelProto:
    (opset,) = [entry.version for entry in model.opset_import if entry.domain in STANDARD][:1] or [0]
    if opset > NEWEST:
        raise ModelError(f"{file}: opset {opset}; expected {NEWEST} or older: export with opset_version={OPSET}")
    if opset >= OLDEST:
        return model
    try:
        return onnx.version_converter.convert_version(model, OPSET)
    except Exception as error:  # what it cannot convert, it aborts with
        first = str(error).strip().splitlines()[0]
        raise ModelError(
            f"{file}: opset {opset} cannot be brought to {OPSET} ({first[:200]}); export with opset_version={OPSET}"
        ) from None


def _with_image(model: onnx.ModelProto, agreed: Contract, file: str) -> bool:
    """Compare the input with the contract; return whether channels come first.

    Raises:
        ModelError: it is no image, or another one.
    """
    value = model.graph.input[0]
    kind = value.type.tensor_type
    if kind.elem_type != onnx.TensorProto.FLOAT:
        dtype = onnx.TensorProto.DataType.Name(kind.elem_type).lower()
        raise ModelError(f"{file}: its input {value.name!r} is {dtype}; expected float: the float32 model")
    sizes = [dim.dim_value or None for dim in kind.shape.dim]
    if len(sizes) != 4 or not {sizes[1], sizes[3]} & set(CHANNELS):
        shape = [dim.dim_value or dim.dim_param or "?" for dim in kind.shape.dim]
        raise ModelError(f"{file}: takes {shape}; expected images, [n, c, h, w] or [n, h, w, c] with 1 or 3 channels")
    is_first = sizes[1] in CHANNELS
    height, width, channels = (sizes[2], sizes[3], sizes[1]) if is_first else (sizes[1], sizes[2], sizes[3])
    classes = _classes(model) or len(agreed.labels)
    ends.refuse_others(ends.Ends(height, width, int(channels or 0), classes), agreed, file)
    return is_first


def _classes(model: onnx.ModelProto) -> int | None:
    sizes = [dim.dim_value for dim in model.graph.output[0].type.tensor_type.shape.dim]
    return max(sizes[1:], default=0) or None


def _sized(model: onnx.ModelProto, agreed: Contract, is_first: bool) -> onnx.ModelProto:
    """Return the graph with an image of one size in front, channels last."""
    name = model.graph.input[0].name
    shape = (1, agreed.height, agreed.width, agreed.channels)
    del model.graph.input[:]
    del model.graph.value_info[:]  # they say other sizes
    model.graph.input.append(onnx.helper.make_tensor_value_info(IMAGE, onnx.TensorProto.FLOAT, shape))
    front = onnx.helper.make_node("Transpose", [IMAGE], [name], perm=[0, 3, 1, 2])
    model.graph.node.insert(0, front if is_first else onnx.helper.make_node("Identity", [IMAGE], [name]))
    if name == IMAGE:
        _rename(model, front.output[0] if is_first else name)
    return model


def _rename(model: onnx.ModelProto, name: str) -> None:
    """Give the tensor behind the new front another name than the image's, which is the old one's."""
    fresh = f"{name}_inside"
    model.graph.node[0].output[0] = fresh
    for node in list(model.graph.node)[1:]:
        node.input[:] = [fresh if one == name else one for one in node.input]


def _with_answer(model: onnx.ModelProto, agreed: Contract, words: Imported) -> onnx.ModelProto:
    """Return the graph with probabilities [1, classes] behind it, after looking at what it answers to noise."""
    name = model.graph.output[0].name
    found = _asked(model, name, agreed, words.file)
    if found.reshape(len(found), -1).shape[1] != len(agreed.labels):
        classes = found.reshape(len(found), -1).shape[1]
        ends.refuse_others(ends.Ends(agreed.height, agreed.width, agreed.channels, classes), agreed, words.file)
    probing.refuse_other_output(found.reshape(len(found), -1), words.output, words.file)
    steps = [onnx.helper.make_node("Flatten", [name], ["flat"], axis=1)] if found.ndim != 2 else []
    last = "flat" if steps else name
    if words.output is Output.logits:
        steps.append(onnx.helper.make_node("Softmax", [last], [PROBABILITIES], axis=-1))
    else:
        steps.append(onnx.helper.make_node("Identity", [last], [PROBABILITIES]))
    model.graph.node.extend(steps)
    del model.graph.output[:]
    shape = (1, len(agreed.labels))
    model.graph.output.append(onnx.helper.make_tensor_value_info(PROBABILITIES, onnx.TensorProto.FLOAT, shape))
    return _without_identities(model)


def _without_identities(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the graph without the steps that hand on what they were given, but for an output that is an input."""
    makers = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "Identity"}
    constants = {item.name for item in model.graph.initializer}
    inner = {name: given for name, given in makers.items() if name != PROBABILITIES and given not in constants}
    for node in model.graph.node:
        node.input[:] = [_origin(one, inner) for one in node.input]
    kept = [node for node in model.graph.node if node.output[0] not in inner]
    last = kept[-1]
    if last.op_type == "Identity" and (maker := next((n for n in kept if last.input[0] in n.output), None)) is not None:
        given = last.input[0]
        kept.pop()
        for node in kept:
            node.input[:] = [PROBABILITIES if one == given else one for one in node.input]
        maker.output[:] = [PROBABILITIES if one == given else one for one in maker.output]
    del model.graph.node[:]
    model.graph.node.extend(kept)
    return model


def _origin(name: str, makers: dict[str, str]) -> str:
    while name in makers:
        name = makers[name]
    return name


def _asked(model: onnx.ModelProto, name: str, agreed: Contract, file: str) -> NDArray[np.float32]:
    """Return what the graph answers to noise, one image after the other."""
    try:
        session = _session(model)
        rows = [np.asarray(session.run([name], {IMAGE: image[None]})[0]) for image in probing.noise(agreed)]
    except Exception as error:  # of ONNX Runtime, which has one for each thing that can go wrong
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"{file}: ONNX Runtime cannot run it on one image of {agreed.height} x {agreed.width} ({first[:200]}); "
            "export it with a batch of 1, or an open one"
        ) from None
    return np.concatenate([row.reshape(1, *row.shape[1:]) for row in rows])


def _session(model: onnx.ModelProto) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # fusing would hide tensors
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
