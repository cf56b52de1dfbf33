"""A Keras model in, the same computation as one functional model of plain layers out.

Models within the model are unfolded, and what does nothing at inference but augment is left out: `train.augment` is
the recipe's way to do that. The code of Lambda layers is traced once and kept as a graph, so that nothing that is
written later holds code.
"""

from typing import Any

from edgebake.models.importers import graph_layer
from edgebake.models.keras_graph import functional, kind, nodes

INERT = ("Identity", "GaussianNoise")


def flatten_submodels(model: Any, image: Any) -> Any:
    """Return the model on the input tensor `image`; weights are shared."""
    import keras

    names: dict[str, Any] = {image.name: image}
    return keras.Model(image, _through(functional(model), image, names), name=_name(model))


def _through(model: Any, tensor: Any, names: dict[str, Any]) -> Any:
    import keras

    values = {id(model.inputs[0]): tensor}
    for node in nodes(model):
        if node.is_input:
            continue
        given = (node.arguments.args, node.arguments.kwargs)
        arguments, words = keras.tree.map_structure(lambda one: values.get(id(one), one), given)
        returned = _called(node.operation, arguments, words, names)
        values.update(zip(map(id, node.output_tensors), keras.tree.flatten(returned), strict=True))
    return values[id(model.outputs[0])]


def _called(operation: Any, arguments: Any, words: dict[str, Any], names: dict[str, Any]) -> Any:
    import keras

    if kind(operation) in INERT or kind(operation).startswith("Random"):
        return arguments[0]
    if isinstance(operation, keras.Model) and (len(operation.inputs), len(operation.outputs)) == (
        1,
        1,
    ):
        return _through(functional(operation), arguments[0], names)
    # Keras 3 lets the caller decide on training, whatever is written here.
    kept = {word: value for word, value in words.items() if word not in ("training", "mask")}
    if kind(operation) == "Lambda":
        operation = graph_layer.traced(operation, arguments[0])
    operation.name = _unique(operation, names)
    return operation(*arguments, **kept)


def _unique(operation: Any, names: dict[str, Any]) -> str:
    """Two models within a model may hold layers of one name."""
    name, number = operation.name, 1
    while names.setdefault(name, operation) is not operation:
        name, number = f"{operation.name}_{number}", number + 1
    return str(name)


def _name(model: Any) -> str:
    """TensorFlow takes it as a scope."""
    return "".join(letter if letter.isalnum() else "_" for letter in model.name)
