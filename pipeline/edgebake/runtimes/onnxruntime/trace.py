"""Read the float values of every node of an .onnx file on one example."""

from collections.abc import Iterator
from typing import Any

import onnx
from numpy.typing import NDArray

from edgebake.models.onnx import float_values
from edgebake.models.onnx.external_data import refuse_external_data_in
from edgebake.runtimes.onnxruntime import FILE
from edgebake.runtimes.onnxruntime.inspect import inspect
from edgebake.runtimes.session import values_for
from edgebake.tasks.tensors import Feeds


def trace(files: dict[str, bytes], example: Feeds) -> Iterator[tuple[str, NDArray[Any]]]:
    """Run an example [1, ...]; yield kind and output of each node, and its float values."""
    refuse_external_data_in(files[FILE])
    model = onnx.load_from_string(files[FILE])
    feeds = {}
    for tensor in inspect(files).inputs:
        feeds[tensor.name] = tensor.to_stored(values_for(tensor.name, example))
    values = float_values.compute(model, feeds)
    for node in model.graph.node:
        for output in node.output:
            if output in values:
                yield f"{node.op_type} {output!r}", values[output]
