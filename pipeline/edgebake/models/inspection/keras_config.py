"""Read the layers of a Keras model from its config, without building them."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from edgebake.models.importers.safety import Config
from edgebake.models.inspection import affine
from edgebake.models.inspection.affine import AffineStep
from edgebake.models.inspection.model_info import LOGITS, TensorInfo

MODELS = ("Functional", "Sequential", "Model")
# Layers whose last dimension is that of their input, besides pooling.
SIZE_PRESERVING = (
    "Reshape",
    "Flatten",
    "Dropout",
    "Identity",
    "Activation",
    "Softmax",
    "BatchNormalization",
    "ReLU",
)
# Layers that are no preprocessing of the image, and do not end it.
SKIPPED = ("InputLayer", "Resizing", "CenterCrop", "Identity", "Dropout", "GaussianNoise")
# Layers after the final activation.
VALUE_PRESERVING = ("Reshape", "Flatten", "Dropout", "Identity")
# Arithmetic by its names in TensorFlow and Keras.
OPERATIONS = {
    "truediv": "divide",
    "truedivide": "divide",
    "divide": "divide",
    "multiply": "multiply",
    "mul": "multiply",
    "add": "add",
    "subtract": "subtract",
    "sub": "subtract",
}


def is_model(layer: Config) -> bool:
    """Return whether a layer is a model, whose own layers the config lists."""
    return layer["class_name"] in MODELS


def layers(model: Config) -> list[Config]:
    """Return the layers of a model, in the order of the config."""
    config: Any = model["config"]
    if isinstance(config, list):  # of a Sequential, before Keras 2.3
        return config
    listed: list[Config] = config["layers"]
    return listed


def layer_counts(model: Config) -> Counter[str]:
    """Count the layers of a model, and of the models inside it, by class."""
    counts: Counter[str] = Counter()
    for layer in layers(model):
        if is_model(layer):
            counts += layer_counts(layer)
        else:
            counts[str(layer["class_name"])] += 1
    del counts["InputLayer"]
    return counts


def layers_from_output(model: Config) -> Iterator[Config]:
    """Yield the layers from the output back to the input, along the first input of each layer."""
    for layer in _own_layers_from_output(model):
        if is_model(layer):
            yield from layers_from_output(layer)
        else:
            yield layer


def inputs(model: Config) -> tuple[TensorInfo, ...]:
    """Return the inputs of a model; none if the config does not state them."""
    config = model["config"]
    if model["class_name"] != "Sequential":
        by_name = {_name(layer): layer for layer in layers(model)}
        names = _references(config["input_layers"])
        return tuple(_tensor_info(by_name[name]) for name in names if name in by_name)
    first = layers(model)[0]
    if is_model(first):
        return inputs(first)
    shape = _shape(first)
    if shape is None and isinstance(config, dict):
        shape = config.get("build_input_shape")
    if not shape:
        return ()
    return (TensorInfo(_name(first), tuple(shape), _dtype(first)),)


def outputs(model: Config) -> tuple[TensorInfo, ...]:
    """Return the outputs of a model, with the number of classes if the last layers state it."""
    names = []
    if model["class_name"] != "Sequential":
        names = _references(model["config"]["output_layers"])
    if not names:
        last = next(layers_from_output(model))
        names = [_name(last)]
    shape = (None, _output_units(model))
    return tuple(TensorInfo(name, shape, "float32") for name in names)


def final_activation(model: Config) -> str | None:
    """Return the activation function of the output; None if it is not known."""
    for layer in layers_from_output(model):
        class_name = layer["class_name"]
        configured = layer["config"].get("activation")
        activation = _activation_name(configured)
        is_linear_layer = class_name == "Activation" and activation == LOGITS
        if class_name in VALUE_PRESERVING or is_linear_layer:
            continue
        if class_name in ("Softmax", "Sigmoid"):
            return str(class_name.lower())
        if configured is None and class_name.startswith("GlobalAverage"):
            return LOGITS
        return activation
    return None


def preprocessing(model: Config) -> list[AffineStep | str]:
    """Return the operations on the image before the first trained layer.

    Arithmetic with known constants is an AffineStep, any other operation its name.
    """
    operations: list[AffineStep | str] = []
    for layer in reversed(list(layers_from_output(model))):
        class_name = layer["class_name"]
        step = _affine_step(layer)
        if step is not None:
            operations.append(step)
        elif class_name == "Normalization":
            operations.append(f"{_name(layer)}: Normalization by values stored with the weights")
        elif class_name in ("Resizing", "CenterCrop") or class_name.startswith("Random"):
            operations.append(f"{_name(layer)}: {class_name}")
        elif class_name not in SKIPPED:
            break
    return operations


def _own_layers_from_output(model: Config) -> Iterator[Config]:
    by_name = {_name(layer): layer for layer in layers(model)}
    if model["class_name"] == "Sequential":
        yield from reversed(by_name.values())
        return
    name = _first_reference(model["config"]["output_layers"])
    while name in by_name:
        layer = by_name.pop(name)
        yield layer
        name = _first_reference(layer.get("inbound_nodes"))


def _output_units(model: Config) -> int | None:
    """Return the size of the last dimension of the output; None if it is not known."""
    for layer in layers_from_output(model):
        class_name = layer["class_name"]
        config = layer["config"]
        units = config.get("units", config.get("filters"))
        if class_name == "Reshape":
            units = config["target_shape"][-1]
            if units is None or units < 1:
                continue
        if isinstance(units, int):
            return units if units > 0 else None
        if class_name not in SIZE_PRESERVING and "Pooling" not in class_name:
            return None
    return None


def _affine_step(layer: Config) -> AffineStep | None:
    """Return the arithmetic of a layer; None if it has none, or its constants are not known."""
    class_name = layer["class_name"]
    config = layer["config"]
    name = _name(layer)
    if class_name == "Rescaling":
        factor = _numbers(config["scale"])
        offset = _numbers(config.get("offset", 0.0))
        if factor:
            return AffineStep(factor, offset, f"{name}: Rescaling")
    if class_name == "Normalization":
        mean = _numbers(config.get("mean"))
        variance = _numbers(config.get("variance"))
        return affine.normalization(mean, variance, f"{name}: Normalization")
    constant = _second_operand(layer.get("inbound_nodes"))
    operation = OPERATIONS.get(_function_name(layer))
    if operation is None or not constant:
        return None
    if operation in ("divide", "multiply"):
        name = f"{name}: {operation}"
    return affine.arithmetic(operation, constant, name)


def _function_name(layer: Config) -> str:
    """Return the last part of the name of a layer's TensorFlow function or of its class."""
    function = str(layer["config"].get("function", layer["class_name"]))
    segments = re.split(r"[_.]", function.rstrip("_."))
    return segments[-1].lower()


def _second_operand(inbound_nodes: object) -> tuple[float, ...]:
    """Return the constant that an arithmetic layer is called with; nothing if there is none."""
    if not isinstance(inbound_nodes, list) or len(inbound_nodes) != 1:
        return ()
    call = inbound_nodes[0]
    if isinstance(call, dict):  # Keras 3
        operands = call["args"][1:]
        if len(operands) != 1:
            return ()
        return _numbers(operands[0])
    if call and not isinstance(call[0], str):  # a list of tensors
        call = call[0]
    if not isinstance(call, list) or len(call) < 4 or not call[3]:
        return ()
    return _numbers(call[3].get("y"))


def _numbers(value: object) -> tuple[float, ...]:
    """Return the numbers in a value, an array of Keras, or a list of them at any depth."""
    if isinstance(value, dict):
        config = value.get("config", {})
        stored = config.get("value", value.get("value"))
        return _numbers(stored)
    if isinstance(value, list):
        numbers: list[float] = []
        for child in value:
            numbers += _numbers(child)
        return tuple(numbers)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (float(value),)
    return ()


def _name(layer: Config) -> str:
    config = layer["config"]
    name = layer.get("name")
    if not name and isinstance(config, dict):
        name = config.get("name")
    return str(name or layer["class_name"])


def _activation_name(value: object) -> str | None:
    """Return the name of an activation function, which Keras stores as text or as an object."""
    if isinstance(value, dict):
        config = value.get("config")
        if isinstance(config, str):
            return config.lower() or None
        value = value.get("class_name")
    if not value:
        return None
    return str(value).lower()


def _shape(layer: Config) -> list[int | None] | None:
    config = layer["config"]
    shape: list[int | None] | None = config.get("batch_shape") or config.get("batch_input_shape")
    return shape


def _tensor_info(layer: Config) -> TensorInfo:
    shape = _shape(layer) or ()
    return TensorInfo(_name(layer), tuple(shape), _dtype(layer))


def _dtype(layer: Config) -> str:
    dtype = layer["config"].get("dtype")
    if isinstance(dtype, str):
        return dtype
    return "float32"


def _references(value: object) -> list[str]:
    """Return the names of the layers that a part of a config refers to, in order."""
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            history = value.get("config", {}).get("keras_history")
            if history:
                return [history[0]]
        return _references_in(value.values())
    if not isinstance(value, list):
        return []
    if len(value) in (3, 4):
        name, call, output = value[:3]
        if isinstance(name, str) and isinstance(call, int) and isinstance(output, int):
            return [name]
    return _references_in(value)


def _references_in(values: Iterable[object]) -> list[str]:
    names = []
    for value in values:
        names += _references(value)
    return names


def _first_reference(value: object) -> str | None:
    references = _references(value)
    return next(iter(references), None)
