"""What stands where in a Keras model, and which models cannot be rewritten."""

from dataclasses import dataclass
from typing import Any

from edgebake.errors import ConversionError, listed
from edgebake.models.keras_graph import kind, nodes

WEIGHTED = ("Conv2D", "DepthwiseConv2D", "Dense")
KEPT = (
    "BatchNormalization",
    "Normalization",
)  # their numbers are statistics: folded, or left as they are


@dataclass(frozen=True)
class ModelGraph:
    """The operations of a model by name, what reads each of them, and the tensor that each returns."""

    operations: dict[str, Any]
    readers: dict[str, list[Any]]
    outputs: dict[str, Any]
    last: str  # the operation whose output is the model's

    def only_reader(self, name: str) -> Any:
        """Return the one operation that reads `name`, or None; the model's own output has a reader outside."""
        readers = self.readers[name]
        return readers[0] if len(readers) == 1 and name != self.last else None


def read(model: Any) -> ModelGraph:
    """Return the graph of a functional model of one input and one output.

    Raises:
        ConversionError: a layer is a model, is used twice, has channels first or weights of an unknown kind.
    """
    calls = nodes(model)
    _check_operations([node.operation for node in calls])
    readers: dict[str, list[Any]] = {node.operation.name: [] for node in calls}
    for node in calls:
        for parent in node.parent_nodes:
            readers[parent.operation.name].append(node.operation)
    return ModelGraph(
        operations={node.operation.name: node.operation for node in calls},
        readers=readers,
        outputs={node.operation.name: node.output_tensors[0] for node in calls},
        last=next(
            node.operation.name
            for node in calls
            if any(one is model.outputs[0] for one in node.output_tensors)
        ),
    )


def _check_operations(operations: list[Any]) -> None:
    import keras

    for operation in operations:
        if isinstance(operation, keras.Model):
            raise ConversionError(
                f"layer {operation.name!r}: is itself a model; expected layers that hold no model"
            )
        uses = sum(one is operation for one in operations)
        if uses > 1:
            raise ConversionError(
                f"layer {operation.name!r}: is used {uses} times; expected each to be used once"
            )
        if getattr(operation, "data_format", "channels_last") == "channels_first":
            raise ConversionError(
                f"layer {operation.name!r}: has channels first; expected channels last"
            )
        if getattr(operation, "weights", None) and kind(operation) not in WEIGHTED + KEPT:
            raise ConversionError(
                f"layer {operation.name!r}: {kind(operation)} has weights that cannot be trained for a grid; "
                f"expected weights in {listed(WEIGHTED + KEPT)} alone"
            )
