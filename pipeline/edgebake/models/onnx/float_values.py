"""Run the unoptimized graph of an .onnx model, and read the float values that its nodes compute."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper

from edgebake.models.onnx.external_data import refuse_external_data
from edgebake.tasks.tensors import Feeds, single_examples


def run_probes(model: onnx.ModelProto, probes: Feeds) -> dict[str, list[NDArray[np.float32]]]:
    """Run probes; return the values of float inputs and computed float tensors, by name.

    The values of a tensor are one array per probe, with a leading batch of 1: [1, ...].
    """
    inputs = float_inputs(model)
    names = _computed_floats(model)
    session = _session_with_outputs(model, names)
    values: dict[str, list[NDArray[np.float32]]] = {}
    for name in (*inputs, *names):
        values[name] = []
    for probe in single_examples(probes):
        outputs = session.run(names, dict(probe))
        for name in inputs:
            values[name].append(probe[name])
        for name, output in zip(names, outputs, strict=True):
            values[name].append(output)
    return values


def float_inputs(model: onnx.ModelProto) -> list[str]:
    """Return the names of the inputs that are floats."""
    names = []
    for value in model.graph.input:
        if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT:
            names.append(value.name)
    return names


def compute(
    model: onnx.ModelProto, feeds: Mapping[str, NDArray[np.generic]]
) -> dict[str, NDArray[np.float32]]:
    """Run inputs [1, ...] by name through an unoptimized graph; return its computed floats."""
    names = _computed_floats(model)
    session = _session_with_outputs(model, names)
    return dict(zip(names, session.run(names, dict(feeds)), strict=True))


def _session_with_outputs(model: onnx.ModelProto, names: list[str]) -> onnxruntime.InferenceSession:
    """Return a session of the unoptimized graph whose outputs are these float tensors."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    refuse_external_data(copy)
    del copy.graph.output[:]
    for name in names:
        output = helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        copy.graph.output.append(output)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Fusing would hide tensors.
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(
        copy.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _computed_floats(model: onnx.ModelProto) -> list[str]:
    """Return the float tensors that nodes compute, in order of computation."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    floats = set()
    for value in (*graph.value_info, *graph.output):
        element_type = value.type.tensor_type.elem_type
        if element_type == onnx.TensorProto.FLOAT:
            floats.add(value.name)
    names: list[str] = []
    for node in graph.node:
        names += [name for name in node.output if name in floats]
    return names
