"""Small models as other tools write them: ONNX as PyTorch does, .tflite as TensorFlow does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgebake.models import keras_session
from edgebake.recipe import Head, Imported, Output
from edgebake.tasks.contract import Contract
from tests.contracts import image_contract

SIDE, CLASSES = 12, 3


def contract(channels: int = 3, classes: int = CLASSES) -> Contract:
    color = "grayscale" if channels == 1 else "rgb"
    labels = [f"class {number}" for number in range(classes)]
    return image_contract(
        "classification", SIDE, SIDE, color, "none", "bilinear", [127.5], [1 / 127.5], labels
    )


def options(file: Path | str, output: Output = Output.probabilities) -> Imported:
    return Imported(str(file), output, Head.keep, allow_code=False, image_width=None)


def _weights(seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "stem": rng.normal(0, 0.3, (8, 3, 3, 3)).astype(np.float32),
        "depthwise": rng.normal(0, 0.5, (8, 1, 3, 3)).astype(np.float32),
        "scale": rng.uniform(0.5, 1.5, 8).astype(np.float32),
        "shift": rng.normal(0, 0.2, 8).astype(np.float32),
        "mean": rng.normal(0, 0.2, 8).astype(np.float32),
        "variance": rng.uniform(0.5, 1.5, 8).astype(np.float32),
        "dense": rng.normal(0, 0.8, (CLASSES, 8)).astype(np.float32),
        "bias": rng.normal(0, 0.2, CLASSES).astype(np.float32),
    }


def like_pytorch(batch: int | str = 1, softmax: bool = False, opset: int = 17) -> onnx.ModelProto:
    """Return a network with channels first and logits, as torch.onnx.export writes it."""
    nodes = [
        helper.make_node(
            "Conv", ["input", "stem"], ["a"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]
        ),
        helper.make_node("BatchNormalization", ["a", "scale", "shift", "mean", "variance"], ["b"]),
        helper.make_node("Relu", ["b"], ["c"]),
        helper.make_node(
            "Conv", ["c", "depthwise"], ["d"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], group=8
        ),
        helper.make_node("Add", ["c", "d"], ["e"]),
        helper.make_node("GlobalAveragePool", ["e"], ["f"]),
        helper.make_node("Flatten", ["f"], ["g"], axis=1),
        helper.make_node("Gemm", ["g", "dense", "bias"], ["logits"], transB=1),
    ]
    last = "logits"
    if softmax:
        nodes.append(helper.make_node("Softmax", ["logits"], ["probabilities_out"], axis=1))
        last = "probabilities_out"
    graph = helper.make_graph(
        nodes,
        "torch_jit",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [batch, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, [batch, CLASSES])],
        [numpy_helper.from_array(value, name) for name, value in _weights().items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def with_one_output(sigmoid: bool) -> onnx.ModelProto:
    """Return the network of `like_pytorch` with the first of its outputs alone, [n, 1]."""
    model = like_pytorch("N")
    graph = model.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    for name in ("dense", "bias"):
        first = numpy_helper.to_array(weights[name])[:1]
        weights[name].CopyFrom(numpy_helper.from_array(first, name))
    last = "logits"
    if sigmoid:
        graph.node.append(helper.make_node("Sigmoid", ["logits"], ["chance"]))
        last = "chance"
    output = helper.make_tensor_value_info(last, TensorProto.FLOAT, ["N", 1])
    graph.output[0].CopyFrom(output)
    return model


def with_expanded_constant(side: int) -> onnx.ModelProto:
    """Return a network that adds the sum of a matrix [side, side], which it makes when it runs."""
    model = like_pytorch()
    shape = np.array([side, side], np.int64)
    model.graph.initializer.append(numpy_helper.from_array(shape, "shape"))
    last = model.graph.node[-1]
    last.output[0] = "scores"
    model.graph.node.extend(
        [
            helper.make_node("ConstantOfShape", ["shape"], ["matrix"]),
            helper.make_node("ReduceSum", ["matrix"], ["sum"], keepdims=0),
            helper.make_node("Add", ["scores", "sum"], ["logits"]),
        ]
    )
    return model


def saved(model: onnx.ModelProto, file: Path) -> Path:
    onnx.save(model, file)
    return file


def keras_model(last: str | None = "softmax", outputs: int = CLASSES) -> Any:
    keras = keras_session.start(1, 0)
    image = keras.Input((SIDE, SIDE, 3), name="image")
    x = keras.layers.Conv2D(8, 3, strides=2, padding="same", activation="relu", name="stem")(image)
    x = keras.layers.DepthwiseConv2D(3, padding="same", activation="relu", name="depthwise")(x)
    x = keras.layers.Conv2D(16, 1, name="pointwise")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, keras.layers.Dense(outputs, activation=last, name="dense")(x))
    rng = np.random.default_rng(3)
    model.set_weights(
        [rng.normal(0, 0.5, weight.shape).astype(np.float32) for weight in model.get_weights()]
    )
    return model


def tflite(file: Path, last: str | None = "softmax", outputs: int = CLASSES) -> Path:
    from edgebake.runtimes.litert.calibrated_model import to_float_tflite

    file.write_bytes(to_float_tflite(keras_model(last, outputs)))
    return file


def image_predictor(form: Any, archive: bytes) -> Callable[[NDArray[Any]], NDArray[np.float32]]:
    """Return a function from images to probabilities, of a module that imports one format."""
    predict = form.predictor(archive)

    def probabilities(image: NDArray[Any]) -> NDArray[np.float32]:
        answer: NDArray[np.float32] = predict({"image": image})["probabilities"]
        return answer

    return probabilities


def pictures(count: int = 24) -> Any:
    return np.random.default_rng(5).uniform(-1, 1, (count, SIDE, SIDE, 3)).astype(np.float32)
