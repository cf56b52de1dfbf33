"""Read the layers of a Keras model from its config, without building them.

The config was checked by `importers.keras_structure`. ValueErrors name the layer, not the file.
"""

import re
from collections import Counter
from collections.abc import Iterator

from edgebake.models.importers.keras_structure import MODELS, layers
from edgebake.models.importers.safety import Config
from edgebake.models.inspection import affine, keras_output
from edgebake.models.inspection.affine import AffineStep
from edgebake.models.inspection.keras_values import first_reference, numbers, references
from edgebake.models.inspection.model_info import LOGITS, TensorInfo
from edgebake.terminal.printable import printable

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
        names = references(config["input_layers"])
        return tuple(_tensor_info(by_name[name]) for name in names if name in by_name)
    first = layers(model)[0]
    if is_model(first):
        return inputs(first)
    shape = _shape(first)
    if not shape and isinstance(config, dict):
        shape = _checked_shape(config.get("build_input_shape"), first)
    if not shape:
        return ()
    return (TensorInfo(_name(first), shape, _dtype(first)),)


def outputs(model: Config) -> tuple[TensorInfo, ...]:
    """Return the outputs of a model, with their shapes as far as the last layers state them."""
    names = []
    if model["class_name"] != "Sequential":
        names = references(model["config"]["output_layers"])
    if not names:
        last = next(layers_from_output(model), None)
        if last is None:
            raise ValueError("its output_layers name none of its layers; expected one")
        names = [_name(last)]
    shape: tuple[int | None, ...] = (None, None)
    if len(names) == 1:
        shape = keras_output.shape(list(layers_from_output(model)))
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
    name = first_reference(model["config"]["output_layers"])
    while name in by_name:
        layer = by_name.pop(name)
        yield layer
        name = first_reference(layer.get("inbound_nodes"))


def _affine_step(layer: Config) -> AffineStep | None:
    """Return the arithmetic of a layer; None if it has none, or its constants are not known."""
    class_name = layer["class_name"]
    config = layer["config"]
    name = _name(layer)
    if class_name == "Rescaling":
        factor = numbers(config.get("scale"))
        offset = numbers(config.get("offset", 0.0))
        if factor:
            return AffineStep(factor, offset, f"{name}: Rescaling")
    if class_name == "Normalization":
        mean = numbers(config.get("mean"))
        variance = numbers(config.get("variance"))
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
        operands = call.get("args")
        if not isinstance(operands, list) or len(operands) != 2:
            return ()
        return numbers(operands[1])
    if isinstance(call, list) and call and not isinstance(call[0], str):  # a list of tensors
        call = call[0]
    if not isinstance(call, list) or len(call) < 4 or not isinstance(call[3], dict):
        return ()
    return numbers(call[3].get("y"))


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


def _shape(layer: Config) -> tuple[int | None, ...]:
    config = layer["config"]
    return _checked_shape(config.get("batch_shape") or config.get("batch_input_shape"), layer)


def _checked_shape(value: object, layer: Config) -> tuple[int | None, ...]:
    """Return a shape, empty if there is none; TensorInfo checks its sizes.

    Raises:
        ValueError: it is no list.
    """
    if value is None:
        return ()
    if not isinstance(value, list):
        raise ValueError(
            f"layer {printable(_name(layer))!r} has the input shape "
            f"{printable(value, max_length=40)}; expected a list of sizes"
        )
    return tuple(value)


def _tensor_info(layer: Config) -> TensorInfo:
    return TensorInfo(_name(layer), _shape(layer), _dtype(layer))


def _dtype(layer: Config) -> str:
    dtype = layer["config"].get("dtype")
    if isinstance(dtype, str):
        return dtype
    return "float32"
