"""Read the float values of every node of an .onnx file on one example."""

from collections.abc import Iterator
from typing import Any

import onnx
from numpy.typing import NDArray

from edgebake.models.onnx import float_values
from edgebake.models.onnx.external_data import refuse_external_data_in
from edgebake.runtimes.onnxruntime import FILE
from edgebake.runtimes.onnxruntime.inspect import inspect


def trace(files: dict[str, bytes], example: NDArray[Any]) -> Iterator[tuple[str, NDArray[Any]]]:
    """Run an example [1, h, w, c]; yield kind and output of each node, and its float values."""
    refuse_external_data_in(files[FILE])
    model = onnx.load_from_string(files[FILE])
    tensor = inspect(files).input
    stored = tensor.to_stored(example)
    values = float_values.compute(model, {tensor.name: stored})
    for node in model.graph.node:
        for output in node.output:
            if output in values:
                yield f"{node.op_type} {output!r}", values[output]
