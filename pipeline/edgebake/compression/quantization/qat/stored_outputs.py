"""Outputs of a folded model that a runtime stores in memory, and therefore quantizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgebake.compression.quantization.qat import activation_quantizer, graph
from edgebake.compression.quantization.qat.fold_model import FUSED
from edgebake.compression.quantization.qat.graph import ModelGraph
from edgebake.models.keras_graph import activation, kind

if TYPE_CHECKING:
    import keras

# Operations whose output has the scale of their input.
SCALE_PRESERVING_LAYERS = (
    "AveragePooling2D",
    "Cropping2D",
    "Dropout",
    "Flatten",
    "GlobalMaxPooling2D",
    "MaxPooling2D",
    "Permute",
    "RepeatVector",
    "Reshape",
    "SpatialDropout2D",
    "UpSampling2D",
    "ZeroPadding2D",
)
SCALE_PRESERVING_OPERATIONS = (  # of keras.ops
    "ExpandDims",
    "GetItem",
    "Pad",
    "Split",
    "Squeeze",
    "Transpose",
)
SCALE_PRESERVING = SCALE_PRESERVING_LAYERS + SCALE_PRESERVING_OPERATIONS
# Operations that apply a ReLU that follows them before they store their output.
FUSING = (*graph.WEIGHTED, "Add", "Multiply", "Subtract")
SEPARATE_ACTIVATIONS = ("Activation", "ReLU", "Relu", "Relu6")


def is_stored(name: str, model_graph: ModelGraph) -> bool:
    """Return whether the output of an operation is quantized with a range of its own.

    The output of the model is not, if the runtime fixes its range: no layer that could be trained
    follows.
    """
    operation = model_graph.operations[name]
    if kind(operation) in SCALE_PRESERVING:
        return False
    has_fixed_range = activation(operation) in activation_quantizer.FIXED_RANGES
    if name == model_graph.last and has_fixed_range:
        return False
    return not _is_fused_with_activation(name, model_graph)


def _is_fused_with_activation(name: str, model_graph: ModelGraph) -> bool:
    operation = model_graph.operations[name]
    if kind(operation) not in FUSING or activation(operation) != "linear":
        return False
    reader = model_graph.only_reader(name)
    return reader is not None and _is_fusible_activation(reader)


def _is_fusible_activation(operation: keras.Operation) -> bool:
    return kind(operation) in SEPARATE_ACTIVATIONS and activation(operation) in FUSED
