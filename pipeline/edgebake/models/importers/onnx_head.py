"""Append the two classes that the single output of an ONNX graph stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx

from edgebake.models.importers import heads

if TYPE_CHECKING:
    from edgebake.recipe import Output


def append_two_classes(graph: onnx.GraphProto, output: str, kind: Output) -> str:
    """Append the two classes that one output [1, 1] stands for; return the name of [1, 2]."""
    kernel, bias = heads.TWO_CLASSES[kind]
    weights = {"pair_kernel": kernel, "pair_bias": bias}
    for name, values in weights.items():
        array = np.array(values, np.float32)
        graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    node = onnx.helper.make_node("Gemm", [output, *weights], ["pair"])
    graph.node.append(node)
    return "pair"
