"""A small float graph with all that a quantizer meets, and its ranges, without TensorFlow."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgebake.models.activation_ranges import ActivationRange, ActivationRanges, fingerprint
from edgebake.models.onnx import float_graph, float_values
from edgebake.models.onnx.float_graph import CalibratedGraph

Array = NDArray[np.float32]
Node = tuple[str, str, str, dict[str, Any]]  # operator, inputs, output, attributes
FLOAT = onnx.TensorProto.FLOAT
SHAPE = [1, 6, 6, 3]
EXAMPLES: Array = np.random.default_rng(0).uniform(-1, 1, (24, *SHAPE[1:])).astype(np.float32)
# A convolution, a gate as of squeeze-and-excite, a dense layer.
NODES: list[Node] = [
    ("Transpose", "image", "turned", {"perm": [0, 3, 1, 2]}),
    ("Conv", "turned wide wide_bias", "sum", {"pads": [1, 1, 1, 1]}),
    ("Clip", "sum zero six", "clipped", {}),
    ("ReduceMean", "clipped", "mean", {"axes": [2, 3], "keepdims": 1}),
    ("Conv", "mean narrow narrow_bias", "squeezed", {}),
    ("Sigmoid", "squeezed", "gate", {}),
    ("Mul", "clipped gate", "gated", {}),
    ("Conv", "gated deep deep_bias", "moved", {"group": 8, "pads": [1, 1, 1, 1]}),
    ("GlobalAveragePool", "moved", "pooled", {}),
    ("Flatten", "pooled", "flat", {}),
    ("MatMul", "flat dense", "logits", {}),
    ("Softmax", "logits", "probabilities", {"axis": -1}),
]


def graph(nodes: Iterable[Node], constants: dict[str, Any], answer: Any, opset: int = 17) -> Any:
    """Return a model of these nodes that takes `image`."""
    made = [
        helper.make_node(kind, ins.split(), [out], name=f"{out}_node", **options)
        for kind, ins, out, options in nodes
    ]
    content = helper.make_graph(
        made,
        "main",
        [helper.make_tensor_value_info("image", FLOAT, SHAPE)],
        [helper.make_tensor_value_info("probabilities", FLOAT, answer)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(content, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(model)
    return onnx.shape_inference.infer_shapes(model)


def constants() -> dict[str, Array]:
    random = np.random.default_rng(1)
    shapes = {"wide": (8, 3, 3, 3), "narrow": (8, 8, 1, 1), "deep": (8, 1, 3, 3), "dense": (8, 4)}
    result = {
        name: random.normal(0, 0.4, shape).astype(np.float32) for name, shape in shapes.items()
    }
    biases = {
        name: random.normal(0, 0.2, 8).astype(np.float32)
        for name in ("wide_bias", "narrow_bias", "deep_bias")
    }
    return result | biases | {"zero": np.array(0, np.float32), "six": np.array(6, np.float32)}


def small() -> onnx.ModelProto:
    """Return the graph as an exporter would leave it."""
    model: onnx.ModelProto = graph(NODES, constants(), [1, 4])
    return model


def ranges(model: onnx.ModelProto) -> ActivationRanges:
    """Return the activation ranges of a float graph over the examples, named by tensor."""
    seen = float_values.run_probes(model, {"image": EXAMPLES})
    return ActivationRanges(
        [range_of(name, values) for name, values in seen.items()], {"image": EXAMPLES[:4]}
    )


def range_of(name: str, values: list[Array]) -> ActivationRange:
    low, high = (
        min(0.0, *(float(value.min()) for value in values)),
        max(0.0, *(float(value.max()) for value in values)),
    )
    return ActivationRange(
        name,
        low=low,
        high=high,
        smallest=low,
        largest=high,
        core_low=low,
        core_high=high,
        channel_low=low,
        channel_high=high,
        fingerprint=fingerprint(values[:4]),
    )


def prepared() -> CalibratedGraph:
    model = float_graph.use_average_pools(small())
    return CalibratedGraph(model, ranges(model))


def answers(
    model: onnx.ModelProto, examples: Any = EXAMPLES, fused: bool = True, **entries: str
) -> NDArray[Any]:
    """Return what ONNX Runtime answers to examples, one after the other."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    if not fused:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    for key, value in entries.items():
        options.add_session_config_entry(f"session.{key}", value)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return np.concatenate([session.run(None, {"image": example[None]})[0] for example in examples])


def dtypes(model: onnx.ModelProto) -> dict[str, int]:
    """Return ONNX's number of the dtype of each constant."""
    return {item.name: item.data_type for item in model.graph.initializer}


def kinds(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]
