"""Flatten a Keras model with models inside it into one functional model of plain layers.

Layers without effect at inference are left out, augmentation included: `train.augment` is the
recipe's option for that. The code of Lambda layers is traced once and stored as a graph, so that no
later archive holds code.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from edgebake.models.importers import graph_layer
from edgebake.models.keras_graph import functional, kind, nodes

if TYPE_CHECKING:
    import keras

INERT = ("Identity", "GaussianNoise")
# Arguments that are not passed on: Keras 3 lets the caller of the model decide on training.
DROPPED_ARGUMENTS = ("training", "mask")

Operations = dict[str, object]  # name -> the input tensor or the operation that has it


def flatten_submodels(model: keras.Model, image: keras.KerasTensor) -> keras.Model:
    """Return the model applied to the input tensor `image` [n, h, w, c]; weights are shared."""
    import keras

    names: Operations = {image.name: image}
    output = _apply(functional(model), image, names)
    return keras.Model(image, output, name=_scope_name(model))


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
    import keras

    class_name = kind(operation)
    if class_name in INERT or class_name.startswith("Random"):
        return arguments[0]
    if isinstance(operation, keras.Model) and _has_one_input_and_output(operation):
        submodel = functional(operation)
        return _apply(submodel, arguments[0], names)
    if class_name == "Lambda":
        operation = graph_layer.trace(operation, arguments[0])
    operation.name = _unique_name(operation, names)
    passed: dict[str, object] = {}
    for name, value in kwargs.items():
        if name not in DROPPED_ARGUMENTS:
            passed[name] = value
    return operation(*arguments, **passed)


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
