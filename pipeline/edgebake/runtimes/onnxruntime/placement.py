"""What ONNX Runtime's own checker for phones says of a file.

It looks at the kind of each node, at the table that ONNX Runtime ships with it, at fixed sizes and at the number of
dimensions; not at the notes of the table. Source: onnxruntime/tools/mobile_helpers/usability_checker.py.
"""

from collections.abc import Iterator
from typing import Any

import onnx
from onnxruntime.tools.mobile_helpers import usability_checker

from edgebake.runtimes.delegates.table import Delegate
from edgebake.runtimes.onnxruntime import FILE
from edgebake.runtimes.onnxruntime.workload import BOUNDARY, File

PROGRAMS = "coreml_supported_mlprogram_ops.md"  # an ML Program, as the runtime coreml writes


def unsupported_operators(files: dict[str, bytes], delegate: Delegate) -> dict[int, str]:
    """Return why operators fall off, by their place among those that run."""
    model = onnx.shape_inference.infer_shapes(onnx.load_from_string(files[FILE]))
    checked = _checked(model, delegate)
    running = {node.output[0] for group in checked.supported_groups for node in group}
    file = File(files)
    reasons = (
        (place, _reason(file, node, running, checked)) for place, node in enumerate(file.running())
    )
    return {place: reason for place, reason in reasons if reason}


def _checked(model: onnx.ModelProto, delegate: Delegate) -> Any:
    fixed = True
    if delegate.name == "onnxruntime_nnapi":
        return usability_checker.check_nnapi_partitions(model, fixed)
    return usability_checker.check_coreml_partitions(model, fixed, PROGRAMS)


def _reason(file: File, node: onnx.NodeProto, running: set[str], checked: Any) -> str:
    """Return why a node falls off, by itself or with the casts of its integer kernel; empty: it does not."""
    if node.output[0] not in running:
        return f"{node.op_type} {_why(node, checked)}"
    for boundary in _boundaries(file, node):
        if boundary.output[0] not in running:
            return (
                f"{node.op_type} stands beside a node that is not in the table: {boundary.op_type}"
            )
    return ""


def _why(node: onnx.NodeProto, checked: Any) -> str:
    kind = f"{node.domain or 'ai.onnx'}:{node.op_type}"
    if kind in checked.unsupported_ops:
        return "is not in the table"
    if kind in checked.ops_with_unsupported_rank:
        return "has too many dimensions"
    return "has a size that is only known when the file runs"


def _boundaries(file: File, node: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
    """Yield the casts that a node needs: those of its inputs, and of an integer one those of its answer."""
    around = [file.makers[name] for name in node.input if name in file.makers]
    if file.is_integer(node):
        around += [reader for name in node.output for reader in file.readers.get(name, [])]
    return (one for one in around if one.op_type in BOUNDARY)
