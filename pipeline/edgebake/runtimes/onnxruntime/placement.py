"""Find nodes that a delegate cannot run, with ONNX Runtime's own checker for mobile devices.

The checker looks at the kind of each node, in the table that ONNX Runtime ships with it, at fixed
sizes and at the number of dimensions; not at the notes of the table.
Source: onnxruntime/tools/mobile_helpers/usability_checker.py.
"""

from __future__ import annotations

import onnx
from onnxruntime.tools.mobile_helpers import usability_checker
from onnxruntime.tools.mobile_helpers.usability_checker import PartitioningInfo

from edgebake.runtimes.delegates.table import Delegate
from edgebake.runtimes.onnxruntime import FILE
from edgebake.runtimes.onnxruntime.workload import BOUNDARY, OnnxFile

# Table for ML Programs, the model type that the runtime coreml writes, too.
ML_PROGRAM_TABLE = "coreml_supported_mlprogram_ops.md"


def unsupported_operators(files: dict[str, bytes], delegate: Delegate) -> dict[int, str]:
    """Return why the delegate cannot run an operator, by its index among those that run."""
    model = onnx.shape_inference.infer_shapes(onnx.load_from_string(files[FILE]))
    partitions = _check(model, delegate)
    supported: set[str] = set()
    for group in partitions.supported_groups:
        supported.update(node.output[0] for node in group)
    file = OnnxFile(files)
    reasons = {}
    for index, node in enumerate(file.running()):
        reason = _reason(file, node, supported, partitions)
        if reason:
            reasons[index] = reason
    return reasons


def _check(model: onnx.ModelProto, delegate: Delegate) -> PartitioningInfo:
    require_fixed_sizes = True
    if delegate.name == "onnxruntime_nnapi":
        return usability_checker.check_nnapi_partitions(model, require_fixed_sizes)
    return usability_checker.check_coreml_partitions(model, require_fixed_sizes, ML_PROGRAM_TABLE)


def _reason(
    file: OnnxFile, node: onnx.NodeProto, supported: set[str], partitions: PartitioningInfo
) -> str:
    """Return why a node, or a boundary of its integer kernel, cannot run; empty: it can."""
    if node.output[0] not in supported:
        return f"{node.op_type} {_refusal(node, partitions)}"
    for boundary in _boundaries(file, node):
        if boundary.output[0] not in supported:
            return f"{node.op_type} is next to a node that is not in the table: {boundary.op_type}"
    return ""


def _refusal(node: onnx.NodeProto, partitions: PartitioningInfo) -> str:
    kind = f"{node.domain or 'ai.onnx'}:{node.op_type}"
    if kind in partitions.unsupported_ops:
        return "is not in the table"
    if kind in partitions.ops_with_unsupported_rank:
        return "has too many dimensions"
    return "has a size that is only known when the file runs"


def _boundaries(file: OnnxFile, node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """Return the boundaries before a node, and those after it if it is an integer operator."""
    neighbors = []
    for name in node.input:
        if name in file.producers:
            neighbors.append(file.producers[name])
    if file.is_integer(node):
        for name in node.output:
            neighbors += file.readers.get(name, [])
    return [neighbor for neighbor in neighbors if neighbor.op_type in BOUNDARY]
