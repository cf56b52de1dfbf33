"""Convert the config of a model that Keras 2 saved to one that Keras 3 loads.

Layers keep their order, by which weights are assigned; calls of TensorFlow functions become
operations of Keras 3.
"""

from __future__ import annotations

from typing import Any

from edgebake.errors import ModelError
from edgebake.models.importers import keras2_operations
from edgebake.models.importers.keras2_operations import Call
from edgebake.models.importers.keras2_references import is_reference, references
from edgebake.models.importers.safety import Config, unknown_class_message

MODELS = {
    "Functional": "keras.src.models.functional",
    "Model": "keras.src.models.functional",
    "Sequential": "keras",
}
TENSORFLOW_CALLS = ("TFOpLambda", "SlicingOpLambda")
CONSTANT = "_CONSTANT_VALUE"  # stands for a first operand that is a constant, followed by -1
# Layers outside keras.layers.
MODULES = {
    "LayerScale": "keras.src.applications.convnext",
    "StochasticDepth": "keras.src.applications.convnext",
}
# Arguments that change nothing at inference, or that have a single value in Keras 3.
DROPPED = {
    "BatchNormalization": (
        "renorm",
        "renorm_clipping",
        "renorm_momentum",
        "fused",
        "virtual_batch_size",
        "adjustment",
    ),
    "SeparableConv2D": ("kernel_initializer", "kernel_regularizer", "kernel_constraint", "groups"),
    "DepthwiseConv2D": ("kernel_initializer", "kernel_regularizer", "kernel_constraint", "groups"),
    "Conv2DTranspose": ("groups",),
    "SpatialDropout2D": ("trainable", "noise_shape"),
    "MultiHeadAttention": ("query_shape", "key_shape", "value_shape", "softmax_robust_masking"),
}
RENAMED = {
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
}
# Keras 2: clip(0.2 x + 0.5, 0, 1); Keras 3: relu6(x + 3) / 6.
REDEFINED_ACTIVATION = "hard_sigmoid"

Shifts = dict[str, int]  # name of a layer -> calls that are counted in its submodel only


def to_keras3(node: Config, file: str) -> Config:
    """Return the config of a model, or of a layer that is one, for Keras 3.

    Raises:
        ModelError: something in it has no equivalent in Keras 3; the message names the layer.
    """
    class_name = node["class_name"]
    if class_name not in MODELS:
        raise ModelError(f"{file}: {unknown_class_message(class_name, 'the model')}")
    if class_name == "Sequential":
        config = _sequential(node["config"], file)
    else:
        class_name = "Functional"
        config = _functional(node["config"], file)
    return {
        "module": MODELS[class_name],
        "class_name": class_name,
        "config": config,
        "registered_name": class_name,
    }


def clean_name(name: str) -> str:
    """Return a layer's name without the characters that Keras 3 forbids."""
    return name.replace("/", "_")


def _sequential(config: Any, file: str) -> Config:
    if isinstance(config, list):  # of layers, before Keras 2.3
        config = {"layers": config}
    nodes = config["layers"]
    layers = [_layer(node, file) for node in nodes]
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


def _functional(config: Config, file: str) -> Config:
    nodes = config["layers"]
    last_calls = _last_calls(config)
    shifts = {node["name"]: _shift(node, last_calls) for node in nodes}
    layers = [_called_layer(node, shifts, file) for node in nodes]
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


def _called_layer(node: Config, shifts: Shifts, file: str) -> Config:
    """Return the config of a layer with the calls of it."""
    inbound_nodes = node.get("inbound_nodes", [])
    calls = [_call(call, shifts) for call in inbound_nodes if call]
    if node["class_name"] in TENSORFLOW_CALLS:
        entry, calls = _operation(node, calls, file)
    else:
        entry = _layer(node, file)
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


def _operation(node: Config, calls: list[Call], file: str) -> tuple[Config, list[Call]]:
    """Convert a call of a TensorFlow function to an operation of Keras and its call."""
    name = node["config"]["name"]
    function = node["config"]["function"]
    operation = None
    if len(calls) == 1:
        operation = keras2_operations.convert(function, calls[0])
    if operation is None:
        raise ModelError(
            f"{file}: layer {name!r} calls tf.{function} of TensorFlow in a way that has no "
            "equivalent in Keras 3; import the model as a SavedModel instead: "
            "model.export('folder')"
        )
    entry, call = operation
    entry["config"]["name"] = clean_name(name)
    return entry, [call]


def _layer(node: Config, file: str) -> Config:
    """Return the config of a layer without the calls of it."""
    class_name = str(node["class_name"])
    class_name = RENAMED.get(class_name, class_name)
    if class_name in MODELS:
        return to_keras3(node, file)
    config = _layer_config(class_name, node["config"])
    layer = f"layer {config.get('name')!r}"
    groups = node["config"].get("groups", 1)
    if groups != 1 and "groups" in DROPPED.get(class_name, ()):
        raise ModelError(f"{file}: {layer} has {groups} groups, which Keras 3 does not compute")
    activations = (config.get("activation"), config.get("recurrent_activation"))
    if REDEFINED_ACTIVATION in activations:
        raise ModelError(
            f"{file}: {layer} uses hard_sigmoid, which is another function in Keras 3 than in "
            "Keras 2; import the model as a SavedModel instead: model.export('folder')"
        )
    if class_name.startswith("Random"):
        return _entry("Identity", {"name": config["name"]})
    return _entry(class_name, config, _module(class_name, layer, file))


def _module(class_name: str, layer: str, file: str) -> str:
    import keras

    if class_name in MODULES:
        return MODULES[class_name]
    if not isinstance(getattr(keras.layers, class_name, None), type):
        raise ModelError(f"{file}: {unknown_class_message(class_name, layer)}")
    return "keras.layers"


def _entry(class_name: str, config: Config, module: str = "keras.layers") -> Config:
    return {"module": module, "class_name": class_name, "config": config, "registered_name": None}


def _layer_config(class_name: str, config: Config) -> Config:
    """Return the arguments of a layer as Keras 3 names them."""
    dropped = {"batch_input_shape", "input_dtype", *DROPPED.get(class_name, ())}
    arguments: Config = {}
    for key, value in config.items():
        if key not in dropped:
            arguments[key] = _argument(key, value)
    arguments["name"] = clean_name(config["name"])
    arguments["dtype"] = "float32"
    if class_name == "InputLayer":
        arguments["batch_shape"] = config.get("batch_input_shape")
        return arguments
    if class_name == "BatchNormalization" and isinstance(arguments.get("axis"), list):
        arguments["axis"] = arguments["axis"][0]
    if class_name == "LeakyReLU" and "alpha" in arguments:
        arguments["negative_slope"] = arguments.pop("alpha")
    if class_name == "Lambda":
        return _lambda_config(arguments)
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
