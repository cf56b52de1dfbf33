"""A Keras model as a float ONNX graph that is ready for a quantizer, and what each of its tensors holds on probes."""

import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from edgebake.models import keras_session
from edgebake.models.activation_ranges import ActivationRange, ActivationRanges
from edgebake.models.onnx.canonical import canonicalize

OPSET = 17  # the newest that tf2onnx 1.17 writes without experimental operators and every ONNX Runtime since 1.12 reads
IMAGE, PROBABILITIES = "image", "probabilities"


@dataclass(frozen=True)
class CalibratedGraph:
    """A prepared float graph beside the ranges of the model that it was exported from."""

    model: onnx.ModelProto
    ranges: ActivationRanges

    @cached_property
    def candidates(self) -> dict[str, list[ActivationRange]]:
        """Return, for the image and every float tensor that is computed, the ranges of the values that it may be."""
        seen = _observed(self.model, self.ranges.probes)
        return {name: self.ranges.matches(values, name) for name, values in seen.items()}

    @cached_property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """Return low and high of every tensor."""
        return {
            name: (min(one.low for one in alike), max(one.high for one in alike))
            for name, alike in self.candidates.items()
        }

    def holding(self, values: Collection[str]) -> list[str]:
        """Return the nodes whose output is one of these values of the model."""
        wanted = set(values)
        return [
            node.name
            for node in self.model.graph.node
            if any(
                one.name in wanted for name in node.output for one in self.candidates.get(name, [])
            )
        ]


def export_keras(model: Any) -> onnx.ModelProto:
    """Return a live Keras model as a float32 graph, image [1, h, w, c] -> probabilities [1, classes]."""
    import tf2onnx

    graph = keras_session.frozen_graph(model)
    inputs, outputs = [graph.inputs[0].name], [graph.outputs[0].name]
    found, _ = tf2onnx.convert.from_graph_def(
        graph.graph.as_graph_def(), input_names=inputs, output_names=outputs, opset=OPSET
    )
    return canonicalize(
        _without_erfc(_renamed(found, {inputs[0]: IMAGE, outputs[0]: PROBABILITIES}))
    )


def _without_erfc(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the graph with 1 - erf(x) for erfc(x), of exact GELU, which tf2onnx writes and ONNX does not have."""
    nodes = [
        one
        for node in model.graph.node
        for one in (_spelt(node, model) if node.op_type == "Erfc" else [node])
    ]
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del model.graph.node[:]
    model.graph.node.extend(copies)
    return model


def _spelt(node: onnx.NodeProto, model: onnx.ModelProto) -> list[onnx.NodeProto]:
    one, inner = f"{node.output[0]}_one", f"{node.output[0]}_erf"
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(1, np.float32), one))
    return [
        onnx.helper.make_node("Erf", node.input, [inner], f"{node.name}_erf"),
        onnx.helper.make_node("Sub", [one, inner], node.output, f"{node.name}_rest"),
    ]


def _renamed(model: onnx.ModelProto, names: dict[str, str]) -> onnx.ModelProto:
    for value in [*model.graph.input, *model.graph.output]:
        value.name = names[value.name]
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    return model


def prepare_for_quantizer(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a graph with shapes inferred, constants folded and means as pools, as the quantizers want it."""
    return use_average_pools(fold_constants(model))


def fold_constants(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a graph with shapes inferred and all computed that does not depend on the image."""
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "float.onnx", Path(folder) / "prepared.onnx"
        onnx.save(model, source)
        quant_pre_process(source, target, skip_symbolic_shape=True)
        return onnx.load(target)


def use_average_pools(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the graph with GlobalAveragePool for each mean over height and width: it has an integer kernel.

    Both sum up the same [n, c, h, w] and divide by h * w.
    """
    ranks = {value.name: len(value.type.tensor_type.shape.dim) for value in model.graph.value_info}
    numbers = {
        item.name: item
        for item in model.graph.initializer
        if item.data_type == onnx.TensorProto.INT64
    }
    for place, node in reversed(list(enumerate(model.graph.node))):
        if (
            node.op_type != "ReduceMean"
            or ranks.get(node.input[0]) != 4
            or not _is_spatial(node, numbers)
        ):
            continue
        use_average_pools, answer = f"{node.output[0]}_pooled", node.output[0]
        keeps = attribute_values(node).get("keepdims", 1) == 1
        pool = onnx.helper.make_node(
            "GlobalAveragePool", node.input[:1], [answer if keeps else use_average_pools], node.name
        )
        node.CopyFrom(pool)
        if not keeps:
            model.graph.node.insert(
                place + 1,
                onnx.helper.make_node(
                    "Flatten", [use_average_pools], [answer], f"{answer}_flatten"
                ),
            )
    return model


def _is_spatial(node: onnx.NodeProto, numbers: dict[str, onnx.TensorProto]) -> bool:
    # From opset 18 on the axes are a tensor, up to 17 an attribute.
    axes = attribute_values(node).get("axes", [])
    if len(node.input) > 1:
        axes = (
            onnx.numpy_helper.to_array(numbers[node.input[1]]) if node.input[1] in numbers else []
        )
    return sorted(int(axis) % 4 for axis in axes) == [2, 3]


def attribute_values(node: onnx.NodeProto) -> dict[str, Any]:
    """Return a node's attributes by their names."""
    return {word.name: onnx.helper.get_attribute_value(word) for word in node.attribute}


def _observed(
    model: onnx.ModelProto, probes: NDArray[np.float32]
) -> dict[str, list[NDArray[np.float32]]]:
    """Return what the image and each computed float tensor hold, one array for each probe."""
    names = _computed(model)
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    del watched.graph.output[:]
    watched.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.graph_optimization_level = (
        onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    )  # fusing would hide tensors
    session = onnxruntime.InferenceSession(
        watched.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    rows = [session.run(names, {IMAGE: probe[None]}) for probe in probes]
    return {IMAGE: [probe[None] for probe in probes]} | {
        name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)
    }


def _computed(model: onnx.ModelProto) -> list[str]:
    graph = onnx.shape_inference.infer_shapes(model).graph
    values = [*graph.value_info, *graph.output]
    floats = {
        value.name for value in values if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    }
    return [name for node in graph.node for name in node.output if name in floats]
