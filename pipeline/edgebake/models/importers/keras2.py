"""Convert the config of a model that Keras 2 saved to one that Keras 3 loads.

Layers keep their order, by which weights are assigned; calls of TensorFlow functions become
operations of Keras 3.
"""

from __future__ import annotations

from typing import Any

from edgebake.errors import ModelError
from edgebake.models.importers import keras2_layers, keras2_operations
from edgebake.models.importers.keras2_operations import Call
from edgebake.models.importers.keras2_references import is_reference, references
from edgebake.models.importers.keras_source import Source
from edgebake.models.importers.safety import Config, unknown_class_message

MODELS = {
    "Functional": "keras.src.models.functional",
    "Model": "keras.src.models.functional",
    "Sequential": "keras",
}
TENSORFLOW_CALLS = ("TFOpLambda", "SlicingOpLambda")
CONSTANT = "_CONSTANT_VALUE"  # stands for a first operand that is a constant, followed by -1
Shifts = dict[str, int]  # name of a layer -> calls that are counted in its submodel only


def to_keras3(node: Config, source: Source) -> Config:
    """Return the config of a model, or of a layer that is one, for Keras 3.

    Raises:
        ModelError: something in it has no equivalent in Keras 3; the message names the layer.
    """
    class_name = node["class_name"]
    if class_name not in MODELS:
        raise ModelError(f"{source.file}: {unknown_class_message(class_name, 'the model')}")
    if class_name == "Sequential":
        config = _sequential(node["config"], source)
    else:
        class_name = "Functional"
        config = _functional(node["config"], source)
    return {
        "module": MODELS[class_name],
        "class_name": class_name,
        "config": config,
        "registered_name": class_name,
    }


def clean_name(name: str) -> str:
    """Return a layer's name without the characters that Keras 3 forbids."""
    return name.replace("/", "_")


def _sequential(config: Any, source: Source) -> Config:
    if isinstance(config, list):  # of layers, before Keras 2.3
        config = {"layers": config}
    nodes = config["layers"]
    layers = [_layer(node, source) for node in nodes]
    first = layers[0]
    config_of_first = nodes[0]["config"]
    shape = config_of_first.get("batch_input_shape") or config.get("build_input_shape")
    if shape and first["class_name"] != "InputLayer":
        name = f"{first['config']['name']}_input"
        arguments = {"batch_shape": shape, "name": name}
        input_layer = _entry("InputLayer", arguments)
        layers.insert(0, input_layer)
    name = config.get("name", "sequential")
    return {"name": clean_name(name), "layers": layers}


def _functional(config: Config, source: Source) -> Config:
    nodes = config["layers"]
    last_calls = _last_calls(config)
    shifts = {node["name"]: _shift(node, last_calls) for node in nodes}
    layers = [_called_layer(node, shifts, source) for node in nodes]
    return {
        "name": clean_name(config["name"]),
        "trainable": config.get("trainable", True),
        "layers": layers,
        "input_layers": _model_tensors(config["input_layers"], shifts),
        "output_layers": _model_tensors(config["output_layers"], shifts),
    }


def _last_calls(config: Config) -> dict[str, int]:
    """Return the highest number of a call of each layer that a model refers to."""
    inbound_nodes = [layer.get("inbound_nodes") for layer in config["layers"]]
    last_calls: dict[str, int] = {}
    for reference in references([*inbound_nodes, config["output_layers"]]):
        last_calls[reference.layer] = max(reference.call, last_calls.get(reference.layer, 0))
    return last_calls


def _shift(node: Config, last_calls: dict[str, int]) -> int:
    """Return by how much the calls of a submodel are numbered too high.

    Keras 2 counts calls that were made when the submodel itself was built.
    """
    if node["class_name"] not in MODELS:
        return 0
    last_call = len(node["inbound_nodes"]) - 1
    return max(0, last_calls.get(node["name"], 0) - last_call)


def _model_tensors(value: object, shifts: Shifts) -> list[Any]:
    """Return the inputs or outputs of a model: [layer, call, output], or a list of those."""
    tensors: list[Any] = []
    for layer, call, output in references(value):
        shifted_call = call - shifts.get(layer, 0)
        tensors.append([clean_name(layer), shifted_call, output])
    if len(tensors) == 1:
        tensors = tensors[0]
    return tensors


def _called_layer(node: Config, shifts: Shifts, source: Source) -> Config:
    """Return the config of a layer with the calls of it."""
    inbound_nodes = node.get("inbound_nodes", [])
    calls = [_call(call, shifts) for call in inbound_nodes if call]
    if node["class_name"] in TENSORFLOW_CALLS:
        entry, calls = _operation(node, calls, source)
    else:
        entry = _layer(node, source)
    return {
        **entry,
        "name": clean_name(node["name"]),
        "inbound_nodes": [call._asdict() for call in calls],
    }


def _call(call: list[Any], shifts: Shifts) -> Call:
    """Convert a call: [tensor, ...], where keyword arguments stand in the first tensor."""
    tensors = call
    if isinstance(call[0], str):  # a single tensor
        tensors = [call]
    operands = [_tensor(tensor, shifts) for tensor in tensors]
    if len(operands) > 1:
        operands = [operands]
    kwargs = {}
    for extra in tensors[0][3:4]:
        for key, value in extra.items():
            converted = _tensor(value, shifts)
            if converted is not None:
                kwargs[key] = converted
    return Call(operands, kwargs)


def _tensor(value: Any, shifts: Shifts) -> Any:
    """Convert an argument: a constant, a reference to a tensor, or a list of these."""
    if not isinstance(value, list):
        return value
    if value[:1] == [CONSTANT]:
        return value[2]
    if is_reference(value) and value[0] in shifts:
        layer, call, output = value[:3]
        shifted_call = call - shifts[layer]
        config = {
            "shape": [None],
            "dtype": "float32",
            "keras_history": [clean_name(layer), shifted_call, output],
        }
        return {"class_name": "__keras_tensor__", "config": config}
    return [_tensor(child, shifts) for child in value]


def _operation(node: Config, calls: list[Call], source: Source) -> tuple[Config, list[Call]]:
    """Convert a call of a TensorFlow function to an operation of Keras and its call."""
    name = node["config"]["name"]
    function = node["config"]["function"]
    operation = None
    if len(calls) == 1:
        operation = keras2_operations.convert(function, calls[0])
    if operation is None:
        raise ModelError(
            f"{source.file}: layer {name!r} calls tf.{function} of TensorFlow in a way that has no "
            "equivalent in Keras 3; import the model as a SavedModel instead: "
            "model.export('folder')"
        )
    entry, call = operation
    entry["config"]["name"] = clean_name(name)
    return entry, [call]


def _layer(node: Config, source: Source) -> Config:
    """Return the config of a layer without the calls of it."""
    if node["class_name"] in MODELS:
        return to_keras3(node, source)
    name = clean_name(node["config"]["name"])
    arguments = _common_arguments(node["config"])
    for key in keras2_layers.WRAPPED:
        if key in arguments:
            arguments[key] = _wrapped(arguments[key], f"layer {name!r}", source)
    class_name, converted = keras2_layers.convert(node["class_name"], arguments, source)
    config = {**converted, "name": name, "dtype": "float32"}
    if class_name == "InputLayer":
        config["batch_shape"] = node["config"].get("batch_input_shape")
    if class_name == "Lambda":
        config = _lambda_config(config)
    return _entry(class_name, config, keras2_layers.MODULES.get(class_name, "keras.layers"))


def _wrapped(value: Any, layer: str, source: Source) -> Any:
    """Convert the layers inside a layer: one, a list of them, or none."""
    if isinstance(value, list):
        return [_wrapped(child, layer, source) for child in value]
    if not isinstance(value, dict):
        return value
    keras2_layers.refuse_wrapped(value, layer, source)
    return _layer(value, source)


def _entry(class_name: str, config: Config, module: str = "keras.layers") -> Config:
    return {"module": module, "class_name": class_name, "config": config, "registered_name": None}


def _common_arguments(config: Config) -> Config:
    """Return the arguments of a layer as Keras 3 stores their values."""
    arguments: Config = {}
    for key, value in config.items():
        if key not in ("batch_input_shape", "input_dtype"):
            arguments[key] = _argument(key, value)
    return arguments


def _lambda_config(config: Config) -> Config:
    """Return the arguments of a Lambda layer, whose function is [code, defaults, closure]."""
    names = ("name", "dtype", "output_shape", "arguments")
    arguments = {name: config[name] for name in names if name in config}
    keys = ("code", "defaults", "closure")
    function = dict(zip(keys, config["function"], strict=True))
    arguments["function"] = {"class_name": "__lambda__", "config": function}
    return arguments


def _argument(key: str, value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value.get("class_name") == "__numpy__":
        return value.get("config", value)["value"]
    if key.endswith("_initializer"):
        config = dict(value["config"])
        config.pop("dtype", None)
        return {**value, "module": "keras.initializers", "config": config}
    return value
