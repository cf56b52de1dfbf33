"""The last layers of a brought model in, probabilities out.

A model with one sigmoid answers for two classes: p becomes [1 - p, p], so its answer is that of the second label.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgebake.errors import ModelError
from edgebake.models.importers import output_check
from edgebake.models.keras_graph import activation, kind, nodes
from edgebake.recipe import Output
from edgebake.tasks.contract import Contract

LAYER = "probabilities"
PAIR = {  # one number -> two: kernel [1, 2] and bias [2]
    Output.probabilities: ([[-1.0, 1.0]], [1.0, 0.0]),
    Output.logits: ([[0.0, 1.0]], [0.0, 0.0]),
}


def renewed(model: Any, classes: int, file: str) -> Any:
    """Return the model with another last dense layer, which has to be trained.

    Raises:
        ModelError: its last layer is no dense one.
    """
    import keras

    last = _last(model)
    if kind(last) == "Graph":
        raise ModelError(
            f"{file}: is a SavedModel, whose layers cannot be told apart, so model.imported.head: new has no layer to "
            "replace; bring the model as .keras, or keep its head"
        )
    if kind(last) in ("Softmax", "Activation"):
        last = _maker(model, last)
    if kind(last) != "Dense":
        raise ModelError(
            f"{file}: its last layer is {last.name!r}, a {kind(last)}; expected Dense for model.imported.head: new. "
            "Bring the model with a dense layer last, or keep its head"
        )
    features = _given(model, last)
    return keras.Model(
        model.inputs[0], keras.layers.Dense(classes, activation="softmax", name=LAYER)(features)
    )


def answering(model: Any, output: Output, agreed: Contract, file: str) -> Any:
    """Return the model with probabilities behind it, after looking at what it answers to noise.

    Raises:
        ModelError: `model.imported.output` says something else than the model's answers.
    """
    answers = np.asarray(model(output_check.noise_images(agreed), training=False))
    if answers.shape[1] == 1:
        return _pair(model, output, answers, file)
    if output is Output.probabilities and activation(_last(model)) == "sigmoid":
        raise ModelError(
            f"{file}: its last layer is a sigmoid: each class for itself; expected one of several classes: a softmax"
        )
    output_check.check_output(answers, output, file)
    return model if output is Output.probabilities else _softened(model)


def classes(model: Any) -> int:
    """Return how many classes a model answers for; one number is for two."""
    count = int(model.outputs[0].shape[-1])
    return 2 if count == 1 else count


def _pair(model: Any, output: Output, answers: NDArray[np.float32], file: str) -> Any:
    import keras

    if output is Output.probabilities and not ((answers >= 0) & (answers <= 1)).all():
        raise ModelError(
            f"{file}: its answers reach {output_check.reach(answers)}, not 0 to 1; expected {output_check.KEY}: logits"
        )
    if output is Output.logits and activation(_last(model)) == "sigmoid":
        raise ModelError(
            f"{file}: its answers are probabilities already; expected {output_check.KEY}: probabilities"
        )
    is_logits = output is Output.logits
    layer = keras.layers.Dense(2, trainable=False, name="pair" if is_logits else LAYER)
    made = keras.Model(model.inputs[0], layer(model.outputs[0]))
    layer.set_weights([np.array(values, np.float32) for values in PAIR[output]])
    return _softened(made) if is_logits else made


def _softened(model: Any) -> Any:
    import keras

    return keras.Model(model.inputs[0], keras.layers.Softmax(name=LAYER)(model.outputs[0]))


def _last(model: Any) -> Any:
    return model.outputs[0]._keras_history.operation


def _node(model: Any, operation: Any) -> Any:
    return next(node for node in nodes(model) if node.operation is operation)


def _given(model: Any, operation: Any) -> Any:
    return _node(model, operation).input_tensors[0]


def _maker(model: Any, operation: Any) -> Any:
    return _given(model, operation)._keras_history.operation
