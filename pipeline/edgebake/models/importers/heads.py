"""Append the output layers that an imported Keras model lacks, or replace its classification head.

A model with a single sigmoid output is a classifier of two classes: a probability p becomes
[1 - p, p], so the output belongs to the second label.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgebake.errors import ModelError
from edgebake.models.importers import output_check
from edgebake.models.keras_graph import activation, kind, nodes
from edgebake.recipe import Output

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray

    from edgebake.tasks.contract import Contract

LAYER = "probabilities"  # name of the last layer
LINEAR_LAYERS = ("Dense", "Conv2D")  # apply their own activation function last, or none
# Kernel [1, 2] and bias [2] of the dense layer that makes two numbers of a single output.
TWO_CLASSES = {
    Output.probabilities: ([[-1.0, 1.0]], [1.0, 0.0]),
    Output.logits: ([[0.0, 1.0]], [0.0, 0.0]),
}


def replace_head(model: keras.Model, classes: int, file: str) -> keras.Model:
    """Return the model with an untrained dense layer and softmax in place of its last dense layer.

    Raises:
        ModelError: the last layer is not a dense layer.
    """
    import keras

    last = _last_operation(model)
    if kind(last) == "Graph":
        raise ModelError(
            f"{file}: is a SavedModel, whose layers cannot be told apart, so "
            "model.imported.head: new has no layer to replace; import the model as .keras, or keep "
            "its head"
        )
    if kind(last) in ("Softmax", "Activation"):
        last = _input_of(model, last)._keras_history.operation
    if kind(last) != "Dense":
        raise ModelError(
            f"{file}: its last layer is {last.name!r}, a {kind(last)}; expected Dense for "
            "model.imported.head: new. Import a model whose last layer is dense, or keep its head"
        )
    head = keras.layers.Dense(classes, activation="softmax", name=LAYER)
    probabilities = head(_input_of(model, last))
    return keras.Model(model.inputs[0], probabilities)


def output_probabilities(
    model: keras.Model, output: Output, contract: Contract, file: str
) -> keras.Model:
    """Return the model with probabilities [n, classes] as output, checked on images of noise.

    Raises:
        ModelError: the model's outputs are not what `model.imported.output` says.
    """
    images = output_check.noise_images(contract)
    predictions = np.asarray(model(images, training=False))
    if predictions.shape[1] == 1:
        return _two_classes(model, output, predictions, file)
    if output is Output.probabilities and activation(_last_operation(model)) == "sigmoid":
        raise ModelError(
            f"{file}: its last layer is a sigmoid, which scores each class independently; "
            "expected one class per image: a softmax"
        )
    output_check.check_output(predictions, output, file)
    if output is Output.probabilities:
        return model
    return _with_softmax(model)


def class_count(model: keras.Model) -> int:
    """Return the number of classes of a classifier; a single output is for two."""
    count = int(model.outputs[0].shape[-1])
    if count == 1:
        return 2
    return count


def _two_classes(
    model: keras.Model, output: Output, predictions: NDArray[np.float32], file: str
) -> keras.Model:
    """Return a model of one output as one of two classes."""
    last = _last_operation(model)
    last_activation: str | None = activation(last)
    if last_activation == output_check.LINEAR and kind(last) not in LINEAR_LAYERS:
        last_activation = None
    output_check.check_single_output(predictions, output, last_activation, file)
    if output is Output.logits:
        return _with_softmax(_with_two_outputs(model, output, "pair"))
    return _with_two_outputs(model, output, LAYER)


def _with_two_outputs(model: keras.Model, output: Output, name: str) -> keras.Model:
    import keras

    layer = keras.layers.Dense(2, trainable=False, name=name)
    pair = layer(model.outputs[0])
    two_outputs = keras.Model(model.inputs[0], pair)
    kernel, bias = TWO_CLASSES[output]
    weights = [np.array(kernel, np.float32), np.array(bias, np.float32)]
    layer.set_weights(weights)
    return two_outputs


def _with_softmax(model: keras.Model) -> keras.Model:
    import keras

    softmax = keras.layers.Softmax(name=LAYER)
    probabilities = softmax(model.outputs[0])
    return keras.Model(model.inputs[0], probabilities)


def _last_operation(model: keras.Model) -> keras.Operation:
    return model.outputs[0]._keras_history.operation


def _input_of(model: keras.Model, operation: keras.Operation) -> keras.KerasTensor:
    """Return the tensor that an operation of this model is called with."""
    calls = [node for node in nodes(model) if node.operation is operation]
    return calls[0].input_tensors[0]
