"""Export a Keras model to a float ONNX graph, prepare it for a quantizer, and match its tensors.

Tensors are matched to activation ranges of the source model by the values that they hold on probe
images.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgebake.models import basic_operators, converter_errors, keras_session
from edgebake.models.activation_ranges import ActivationRange, ActivationRanges, enclosing_bounds
from edgebake.models.onnx import float_values, functions
from edgebake.models.onnx.canonical import canonicalize
from edgebake.models.onnx.graph import attribute_values, initializers
from edgebake.tasks.tensors import IMAGE_CLASSIFIER, Ends, Feeds

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

# The newest opset that tf2onnx 1.17 writes without experimental operators, and that every ONNX
# Runtime since 1.12 reads.
OPSET = 17
# Operators of TensorFlow that tf2onnx leaves as they are.
REPLACED_OPERATORS = ("Erfc", "Expm1", "Log1p", "ScaleAndTranslate")
LIBRARY = "tf2onnx"


@dataclass(frozen=True)
class CalibratedGraph:
    """A prepared float graph and the activation ranges of the model that it was exported from."""

    model: onnx.ModelProto
    ranges: ActivationRanges

    def compute_values(
        self, examples: Feeds, names: Collection[str] | None = None
    ) -> dict[str, list[NDArray[np.float32]]]:
        """Run examples; return the values of float tensors, one array [1, ...] per example.

        Args:
            examples: as a model is fed, float inputs preprocessed.
            names: of the tensors; None: the inputs and all that the graph computes.
        """
        values = float_values.run_probes(self.model, examples)
        if names is None:
            return values
        return {name: values[name] for name in names}

    @cached_property
    def candidates(self) -> dict[str, list[ActivationRange]]:
        """Return, by computed float tensor, the ranges of the values that it may be, nearest first.

        Raises:
            ConversionError: no value of the source model matches a tensor.
        """
        candidates = {}
        probe_values = float_values.run_probes(self.model, self.ranges.probes)
        for name, values in probe_values.items():
            candidates[name] = self.ranges.matches(values, name)
        return candidates

    @cached_property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """Return low and high of every tensor, over all of its candidates."""
        return enclosing_bounds(self.candidates)

    def nodes_computing(self, values: Collection[str]) -> list[str]:
        """Return the names of the nodes that compute any of these values of the source model."""
        names = []
        for node in self.model.graph.node:
            computed: set[str] = set()
            for tensor in node.output:
                candidates = self.candidates.get(tensor, [])
                computed.update(candidate.name for candidate in candidates)
            if computed.intersection(values):
                names.append(node.name)
        return names


def export_keras(model: keras.Model, ends: Ends = IMAGE_CLASSIFIER) -> onnx.ModelProto:
    """Export a live Keras model as a float32 graph for one example at a time."""
    import tf2onnx

    frozen = keras_session.frozen_graph(model, ends)
    function = basic_operators.replace(frozen, REPLACED_OPERATORS)
    inputs = [tensor.name for tensor in function.inputs]
    outputs = [tensor.name for tensor in function.outputs]
    names = dict(zip(inputs, [spec.name for spec in ends.inputs], strict=True))
    names |= dict(zip(outputs, ends.outputs, strict=True))
    with converter_errors.in_one_line(LIBRARY):
        exported, _ = tf2onnx.convert.from_graph_def(
            function.graph.as_graph_def(), input_names=inputs, output_names=outputs, opset=OPSET
        )
        _refuse_unknown_operators(exported, function)
        graph = exported.graph
        _rename(graph, names)
        return canonicalize(exported)


def _refuse_unknown_operators(
    exported: onnx.ModelProto, function: tf.types.experimental.ConcreteFunction
) -> None:
    """Refuse a graph with operators that tf2onnx has left as they were.

    Raises:
        ConversionError: ONNX does not define an operator.
    """
    unknown = set()
    for node in functions.all_nodes(exported.graph.node):
        if node.domain in ("", "ai.onnx") and not onnx.defs.has(node.op_type):
            unknown.add(node.op_type)
    if unknown:
        raise converter_errors.unknown_operators(LIBRARY, function, unknown)


def export_keras_file(model: keras.Model, ends: Ends = IMAGE_CLASSIFIER) -> bytes:
    """Export a live Keras model as the bytes of a float32 .onnx file."""
    exported = export_keras(model, ends)
    return bytes(exported.SerializeToString(deterministic=True))


def _rename(graph: onnx.GraphProto, names: Mapping[str, str]) -> None:
    """Rename the inputs and outputs of a graph."""
    for value in (*graph.input, *graph.output):
        value.name = names[value.name]
    for node in graph.node:
        for tensors in (node.input, node.output):
            for index, name in enumerate(tensors):
                tensors[index] = names.get(name, name)


def prepare_for_quantizer(model: onnx.ModelProto) -> onnx.ModelProto:
    """Infer shapes, fold constants and replace means by pools, as the quantizers expect."""
    folded = fold_constants(model)
    return use_average_pools(folded)


def fold_constants(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the graph with shapes inferred, and all that depends on no input computed."""
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "float.onnx"
        destination = Path(folder) / "prepared.onnx"
        onnx.save(model, source)
        quant_pre_process(source, destination, skip_symbolic_shape=True)
        return onnx.load(destination)


def use_average_pools(model: onnx.ModelProto) -> onnx.ModelProto:
    """Replace each mean over height and width by GlobalAveragePool, which has an integer kernel.

    Both sum up the same [n, c, h, w] and divide by h * w. The model is changed in place.
    """
    graph = model.graph
    images = set()
    for value in graph.value_info:
        dimensions = value.type.tensor_type.shape.dim
        if len(dimensions) == 4:
            images.add(value.name)
    # From the end, since a replacement may insert a node behind it.
    for index in reversed(range(len(graph.node))):
        node = graph.node[index]
        if node.op_type != "ReduceMean" or node.input[0] not in images:
            continue
        if _reduced_axes(node, graph) == [2, 3]:
            _replace_mean(graph, index)
    return model


def _replace_mean(graph: onnx.GraphProto, index: int) -> None:
    mean = graph.node[index]
    output = mean.output[0]
    pooled = output
    if attribute_values(mean).get("keepdims", 1) != 1:
        pooled = f"{output}_pooled"
        flatten = helper.make_node(
            "Flatten", inputs=[pooled], outputs=[output], name=f"{output}_flatten"
        )
        graph.node.insert(index + 1, flatten)
    pool = helper.make_node(
        "GlobalAveragePool", inputs=mean.input[:1], outputs=[pooled], name=mean.name
    )
    graph.node[index].CopyFrom(pool)


def _reduced_axes(node: onnx.NodeProto, graph: onnx.GraphProto) -> list[int]:
    """Return the axes of an [n, c, h, w] that a mean reduces, sorted; empty: not constant."""
    # From opset 18 on the axes are a tensor, up to 17 an attribute.
    axes = attribute_values(node).get("axes", [])
    if len(node.input) > 1:
        name = node.input[1]
        tensor = initializers(graph).get(name)
        if tensor is None or tensor.data_type != onnx.TensorProto.INT64:
            return []
        axes = numpy_helper.to_array(tensor)
    return sorted(int(axis) % 4 for axis in axes)
