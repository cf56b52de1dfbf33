"""Quantize a graph except for the operators that the recipe leaves in float."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property

import onnx

from edgebake.errors import ConversionError
from edgebake.models.float_fallback import FileOperator, FloatFallback, describe, float_operators
from edgebake.models.normalizations import normalization_nodes
from edgebake.models.onnx.float_graph import CalibratedGraph
from edgebake.models.onnx.graph import initializers
from edgebake.runtimes.onnxruntime import FILE, inspect, quantizer
from edgebake.runtimes.onnxruntime.float_regions import float_regions, node_graph
from edgebake.runtimes.onnxruntime.quantizer import IntegerOptions
from edgebake.runtimes.onnxruntime.workload import OnnxFile
from edgebake.runtimes.workload import Uncounted

DTYPE = "int8"
# Operators that move values without arithmetic; they are in float before the first integer kernel.
MOVES = frozenset({"Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"})


@dataclass(frozen=True)
class FallbackQuantizer:
    """A float graph, and the nodes that `mixed` leaves in float anyway."""

    graph: CalibratedGraph
    options: IntegerOptions

    def quantize(self, fallback: FloatFallback) -> onnx.ModelProto:
        """Return the graph in QDQ form.

        Raises:
            ConversionError: an operator has no integer kernel and the recipe does not name it, a
                name of the recipe is not in the file, or too much would stay in float.
        """
        quantized = self._quantize_all_but(self._members(self.regions))
        unsupported = {*self.regions, *self._nodes_in_float(quantized)}
        operators = self._operators(unsupported)
        chosen = float_operators(operators, fallback, DTYPE)
        in_float = self._members(chosen)
        if in_float == self._members(self.regions):
            return quantized
        quantized = self._quantize_all_but(in_float)
        left = self._nodes_in_float(quantized) - in_float
        self._refuse_others(operators, left)
        return quantized

    @cached_property
    def regions(self) -> dict[str, list[str]]:
        """Return the groups of nodes around those that have no integer form at all."""
        graph = self.graph.model.graph
        regions = {}
        for name, members in float_regions(graph, initializers(graph)).items():
            if name not in self.options.float_nodes:
                regions[name] = members
        return regions

    @cached_property
    def _normalizations(self) -> set[str]:
        """Return the names of the nodes of normalizations."""
        links = node_graph(self.graph.model.graph)
        return {links.nodes[index].name for index in normalization_nodes(links)}

    def _members(self, names: Collection[str]) -> set[str]:
        """Return the names of nodes and those of the groups around them."""
        members = set(names)
        for name in names:
            members.update(self.regions.get(name, []))
        return members

    def _quantize_all_but(self, names: Collection[str]) -> onnx.ModelProto:
        float_nodes = {*self.options.float_nodes, *names}
        options = replace(self.options, float_nodes=float_nodes)
        return quantizer.quantize_integers(self.graph, options)

    def _nodes_in_float(self, quantized: onnx.ModelProto) -> set[str]:
        """Return the names of the nodes of a quantized graph that get no integer kernel."""
        model = onnx.shape_inference.infer_shapes(quantized)
        excluded = self._members(self.regions) | set(self.options.float_nodes)
        names = set()
        for node, operator in inspect.running_operators(model.graph, quantized.SerializeToString()):
            is_float = any(dtype.startswith("float") for dtype in operator.dtypes)
            if is_float and node.op_type not in MOVES and node.name not in excluded:
                names.add(node.name)
        return names

    def _operators(self, unsupported: Collection[str]) -> list[FileOperator]:
        """Return the operators of the float graph that run for every image."""
        file = OnnxFile({FILE: self.graph.model.SerializeToString()})
        operators = []
        for node in file.running():
            operators.append(
                FileOperator(
                    name=node.name,
                    kind=node.op_type,
                    layer=self._layer(node),
                    macs=_macs(file, node),
                    has_integer_kernel=node.name not in unsupported,
                    is_normalization=node.name in self._normalizations,
                )
            )
        return operators

    def _layer(self, node: onnx.NodeProto) -> str:
        """Return the Keras layer of a node, from the name of the value that it computes.

        For example, functional_1/layer_normalization_3_1/Sqrt belongs to layer_normalization_3.
        """
        candidates = self.graph.candidates.get(node.output[0], [])
        if not candidates:
            return ""
        _, *scopes = candidates[0].name.split("/")
        if len(scopes) < 2:
            return ""
        layer, _, number = scopes[0].rpartition("_")
        return layer if layer and number.isdigit() else scopes[0]

    def _refuse_others(self, operators: list[FileOperator], names: Collection[str]) -> None:
        """Check that no operator is in float that the recipe does not name."""
        others = [operator for operator in operators if operator.name in names]
        if others:
            raise ConversionError(
                f"in float stayed: {describe(others)}; expected an integer kernel for them"
            )


def _macs(file: OnnxFile, node: onnx.NodeProto) -> int | None:
    try:
        return file.operation(node).macs
    except Uncounted:
        return None
