"""Graph of a Keras model that quantization-aware training can rewrite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgebake.errors import ConversionError, listed
from edgebake.models.keras_graph import kind, nodes

if TYPE_CHECKING:
    import keras

WEIGHTED = ("Conv2D", "DepthwiseConv2D", "Dense")
# Their weights are statistics: batch normalization is folded, Normalization stays as it is.
NORMALIZATIONS = ("BatchNormalization", "Normalization")
TABLE = "Embedding"  # looked up by ids; what it returns is quantized, and so is the table with it


@dataclass(frozen=True)
class ModelGraph:
    """Operations of a model, the operations that read each, and its output tensor, by name."""

    operations: dict[str, keras.Operation]
    readers: dict[str, list[keras.Operation]]
    outputs: dict[str, keras.KerasTensor]
    last: str  # the operation that returns the output of the model

    def only_reader(self, name: str) -> keras.Operation | None:
        """Return the operation that reads `name`, if it is the only one.

        The output of the model also has a reader outside the graph.
        """
        readers = self.readers[name]
        if len(readers) != 1 or name == self.last:
            return None
        return readers[0]


def read(model: keras.Model) -> ModelGraph:
    """Return the graph of a functional model with one input and one output.

    Raises:
        ConversionError: a layer is a model, is used twice, has channels first or weights of an
            unsupported kind.
    """
    calls = nodes(model)
    operations = [call.operation for call in calls]
    for operation in operations:
        _refuse_unsupported(operation, operations)
    readers: dict[str, list[keras.Operation]] = {operation.name: [] for operation in operations}
    outputs = {}
    last = ""
    for call in calls:
        name = call.operation.name
        outputs[name] = call.output_tensors[0]
        if any(tensor is model.outputs[0] for tensor in call.output_tensors):
            last = name
        for parent in call.parent_nodes:
            readers[parent.operation.name].append(call.operation)
    by_name = {operation.name: operation for operation in operations}
    return ModelGraph(by_name, readers, outputs, last)


def _refuse_unsupported(operation: keras.Operation, operations: list[keras.Operation]) -> None:
    import keras

    layer = f"layer {operation.name!r}"
    if isinstance(operation, keras.Model):
        raise ConversionError(f"{layer}: is a nested model; expected layers only")
    uses = sum(candidate is operation for candidate in operations)
    if uses > 1:
        raise ConversionError(f"{layer}: is used {uses} times; expected each to be used once")
    if getattr(operation, "data_format", "channels_last") == "channels_first":
        raise ConversionError(f"{layer}: has channels first; expected channels last")
    supported = (*WEIGHTED, *NORMALIZATIONS, TABLE)
    if getattr(operation, "weights", None) and kind(operation) not in supported:
        raise ConversionError(
            f"{layer}: {kind(operation)} has weights that cannot be fake-quantized; "
            f"expected weights in {listed(supported)} alone"
        )
