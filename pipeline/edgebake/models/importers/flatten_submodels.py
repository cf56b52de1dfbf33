"""Flatten a Keras model with models inside it into one functional model of plain layers.

Layers without effect at inference are left out, augmentation included: `train.augment` is the
recipe's option for that. The code of Lambda layers is traced once and stored as a graph, so that no
later archive holds code.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from edgebake.errors import ModelError
from edgebake.models.importers import graph_layer, keras2_activations, keras_layer_lists
from edgebake.models.keras_graph import functional, kind, nodes
from edgebake.terminal.printable import printable

if TYPE_CHECKING:
    import keras

# Layers that compute something else in training, and whose call is not for training by default.
OTHER_IN_TRAINING = (
    "AlphaDropout",
    "BatchNormalization",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
)
# Arguments that are not passed on: Keras 3 lets the caller of the model decide on training.
DROPPED_ARGUMENTS = ("training", "mask")

Operations = dict[str, object]  # name -> the input tensor or the operation that has it


def flatten_submodels(model: keras.Model, image: keras.KerasTensor) -> keras.Model:
    """Return the model applied to the input tensor `image` [n, h, w, c]; weights are shared."""
    import keras

    names: Operations = {image.name: image}
    output = _apply(functional(model), image, names)
    return keras.Model(image, output, name=_scope_name(model))


def refuse_training_calls(model: keras.Model, file: str) -> None:
    """Refuse a model that calls a layer as in training, whatever its caller says.

    Keras itself notes training=True for layers whose default it is: augmentation, for example.

    Raises:
        ModelError: there is such a call of a layer that computes something else in training.
    """
    for node in nodes(functional(model)):
        if node.is_input:
            continue
        operation = node.operation
        if node.arguments.kwargs.get("training") and _is_other_in_training(operation):
            raise ModelError(
                f"{file}: layer {printable(operation.name)!r} is called with training=True, so its "
                "answers at inference are those of training; expected a call without it: save the "
                "model again"
            )
        if _is_submodel(operation):
            refuse_training_calls(operation, file)


def _is_other_in_training(operation: keras.Operation) -> bool:
    if _is_submodel(operation):
        return any(_is_other_in_training(layer) for layer in operation.layers)
    return kind(operation) in OTHER_IN_TRAINING


def _is_submodel(operation: keras.Operation) -> bool:
    import keras

    return isinstance(operation, keras.Model) and _has_one_input_and_output(operation)


def _apply(model: keras.Model, image: keras.KerasTensor, names: Operations) -> keras.KerasTensor:
    """Call every operation of a model anew, in order, and return its output."""
    import keras

    original_image = model.inputs[0]
    new_tensors = {id(original_image): image}

    def replaced(value: object) -> object:
        return new_tensors.get(id(value), value)

    for node in nodes(model):
        if node.is_input:
            continue
        call = node.arguments
        arguments = keras.tree.map_structure(replaced, call.args)
        kwargs = keras.tree.map_structure(replaced, call.kwargs)
        outputs = _call(node.operation, arguments, kwargs, names)
        new_outputs = keras.tree.flatten(outputs)
        for old, new in zip(node.output_tensors, new_outputs, strict=True):
            new_tensors[id(old)] = new
    output = model.outputs[0]
    return new_tensors[id(output)]


def _call(
    operation: keras.Operation,
    arguments: tuple[keras.KerasTensor, ...],
    kwargs: dict[str, object],
    names: Operations,
) -> keras.KerasTensor | list[keras.KerasTensor]:
    class_name = kind(operation)
    if class_name in keras_layer_lists.classes("inert", 3):
        return arguments[0]
    if _is_submodel(operation):
        submodel = functional(operation)
        return _apply(submodel, arguments[0], names)
    if class_name == "Lambda":
        operation = graph_layer.trace(operation, arguments[0])
    operation.name = _unique_name(operation, names)
    passed: dict[str, object] = {}
    for name, value in kwargs.items():
        if name not in DROPPED_ARGUMENTS:
            passed[name] = value
    needs_hard_sigmoid = keras2_activations.take_out(operation)
    output = operation(*arguments, **passed)
    if needs_hard_sigmoid:
        for layer in keras2_activations.layers(operation.name):
            layer.name = _unique_name(layer, names)
            output = layer(output)
    return output


def _has_one_input_and_output(model: keras.Model) -> bool:
    return len(model.inputs) == 1 and len(model.outputs) == 1


def _unique_name(operation: keras.Operation, names: Operations) -> str:
    """Return a name that no other operation has: layers of two submodels may share one."""
    name = operation.name
    number = 1
    while names.setdefault(name, operation) is not operation:
        name = f"{operation.name}_{number}"
        number += 1
    return str(name)


def _scope_name(model: keras.Model) -> str:
    """Return the model's name as TensorFlow allows it for a scope."""
    return re.sub(r"\W", "_", model.name)
