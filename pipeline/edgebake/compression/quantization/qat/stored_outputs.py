"""Which tensors of a folded model a runtime stores, and so rounds."""

from typing import Any

from edgebake.compression.quantization.qat import activation_quantizer, graph
from edgebake.compression.quantization.qat.fold_model import FUSED
from edgebake.compression.quantization.qat.graph import ModelGraph
from edgebake.models.keras_graph import activation, kind

# What these return lies on the grid of what they are given. Layers, then keras.ops.
MOVES = (
    *(
        "AveragePooling2D",
        "Cropping2D",
        "Dropout",
        "Flatten",
        "GlobalMaxPooling2D",
        "MaxPooling2D",
        "Permute",
    ),
    *("RepeatVector", "Reshape", "SpatialDropout2D", "UpSampling2D", "ZeroPadding2D"),
    *("ExpandDims", "GetItem", "Pad", "Split", "Squeeze", "Transpose"),
)
FUSES = (
    *graph.WEIGHTED,
    "Add",
    "Multiply",
    "Subtract",
)  # compute a ReLU that follows before they store anything


def is_stored(name: str, found: ModelGraph) -> bool:
    """Return whether the output of an operation is rounded to a grid of its own.

    The model's own output is not where its function has a known range: nothing is left to train behind it.
    """
    operation = found.operations[name]
    if kind(operation) in MOVES or (
        name == found.last and activation(operation) in activation_quantizer.KNOWN
    ):
        return False
    return not _has_its_function_behind(name, found)


def _has_its_function_behind(name: str, found: ModelGraph) -> bool:
    operation, reader = found.operations[name], found.only_reader(name)
    return (
        kind(operation) in FUSES
        and activation(operation) == "linear"
        and reader is not None
        and _is_function(reader)
    )


def _is_function(operation: Any) -> bool:
    alone = kind(operation) in ("Activation", "ReLU", "Relu", "Relu6")
    return alone and activation(operation) in FUSED
