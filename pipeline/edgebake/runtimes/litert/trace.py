"""Read the values of every operator of a .tflite file on one example."""

from collections.abc import Iterator
from typing import Any

from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from edgebake.models.tflite import tables
from edgebake.runtimes.litert import FILE
from edgebake.runtimes.litert.inspect import inspect
from edgebake.runtimes.session import values_for
from edgebake.tasks.tensors import Feeds


def trace(files: dict[str, bytes], example: Feeds) -> Iterator[tuple[str, NDArray[Any]]]:
    """Run an example [1, ...]; yield kind and output of each operator, and its values."""
    model = files[FILE]
    interpreter = Interpreter(
        model_content=model, num_threads=1, experimental_preserve_all_tensors=True
    )
    interpreter.allocate_tensors()
    details = interpreter.get_input_details()
    for detail, tensor in zip(details, inspect(files).inputs, strict=True):
        stored = tensor.to_stored(values_for(tensor.name, example))
        interpreter.set_tensor(detail["index"], stored)
    interpreter.invoke()
    parsed = tables.parse_tables(model)
    graph = parsed.subgraphs[0]
    for operator in graph.operators:
        kind = tables.operator_kind(parsed.operatorCodes[operator.opcodeIndex])
        for output in operator.outputs:
            name = graph.tensors[output].name.decode(errors="replace")
            yield f"{kind} {name!r}", interpreter.get_tensor(output)
