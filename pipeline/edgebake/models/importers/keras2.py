"""The config of a model that Keras 2 saved in, the config of the same model for Keras 3 out.

Layers keep their order, so that weights find their place; calls of TensorFlow become operations of Keras 3.
"""

from typing import Any

from edgebake.errors import ModelError
from edgebake.models.importers import keras2_operations
from edgebake.models.importers.safety import unknown

Config = dict[str, Any]
MODELS = {
    "Functional": "keras.src.models.functional",
    "Model": "keras.src.models.functional",
    "Sequential": "keras",
}
TENSORFLOW = ("TFOpLambda", "SlicingOpLambda")
CONSTANT = "_CONSTANT_VALUE"  # what Keras 2 writes for a first operand that is no tensor
OF_APPLICATIONS = {
    "LayerScale": "keras.src.applications.convnext",
    "StochasticDepth": "keras.src.applications.convnext",
}
DROPPED = {  # words that change nothing at inference, or that Keras 3 has no other value for
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
RENAMED: dict[str, str] = {
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
}
OTHER_NOW = "hard_sigmoid"  # Keras 2: clip(0.2 x + 0.5, 0, 1); Keras 3: relu6(x + 3) / 6


def modern(node: Config, file: str) -> Config:
    """Return the config of a model, or of a layer that is one.

    Raises:
        ModelError: something in it has no equal in Keras 3; the layer is named.
    """
    kind, config = node["class_name"], node["config"]
    if kind not in MODELS:
        raise ModelError(f"{file}: {unknown(kind, 'the model')}")
    made = _sequential(config, file) if kind == "Sequential" else _functional(config, file)
    kind = "Sequential" if kind == "Sequential" else "Functional"
    return {"module": MODELS[kind], "class_name": kind, "config": made, "registered_name": kind}


def clean(name: str) -> str:
    """Return a layer's name without what Keras 3 does not allow in it."""
    return name.replace("/", "_")


def _sequential(config: Any, file: str) -> Config:
    settings: Config = (
        {"layers": config} if isinstance(config, list) else config
    )  # a list: before Keras 2.3
    layers = [_layer(node, file) for node in settings["layers"]]
    shape = settings["layers"][0]["config"].get("batch_input_shape") or settings.get(
        "build_input_shape"
    )
    if shape and layers[0]["class_name"] != "InputLayer":
        layers.insert(
            0,
            _own(
                "InputLayer", {"batch_shape": shape, "name": f"{layers[0]['config']['name']}_input"}
            ),
        )
    return {"name": clean(settings.get("name", "sequential")), "layers": layers}


def _functional(config: Config, file: str) -> Config:
    shifts = {node["name"]: _shift(node, config) for node in config["layers"]}
    layers = [_called(node, shifts, file) for node in config["layers"]]
    ends = {word: _ends(config[word], shifts) for word in ("input_layers", "output_layers")}
    return {
        "name": clean(config["name"]),
        "trainable": config.get("trainable", True),
        "layers": layers,
        **ends,
    }


def _shift(node: Config, config: Config) -> int:
    """Return how many calls of a model within the model Keras 2 counts that are no calls in this one."""
    if node["class_name"] not in MODELS:
        return 0
    nodes = [other.get("inbound_nodes") for other in config["layers"]]
    read = [
        index
        for name, index, *_ in _references([*nodes, config["output_layers"]])
        if name == node["name"]
    ]
    return int(max([0, *(index - len(node["inbound_nodes"]) + 1 for index in read)]))


def _references(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [found for item in value.values() for found in _references(item)]
    if not isinstance(value, list):
        return []
    own = [value] if _is_reference(value) else []
    return own + [found for item in value for found in _references(item)]


def _is_reference(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) in (3, 4)
        and isinstance(value[0], str)
        and all(isinstance(number, int) for number in value[1:3])
    )


def _ends(value: Any, shifts: dict[str, int]) -> Any:
    found = [
        [clean(name), index - shifts.get(name, 0), which]
        for name, index, which in _references(value)
    ]
    return found[0] if len(found) == 1 else found


def _called(node: Config, shifts: dict[str, int], file: str) -> Config:
    calls = [_call(call, shifts) for call in node.get("inbound_nodes", []) if call]
    entry = (
        _of_tensorflow(node, calls, file)
        if node["class_name"] in TENSORFLOW
        else _layer(node, file)
    )
    return {
        **entry,
        "name": clean(node["name"]),
        "inbound_nodes": [{"args": given, "kwargs": words} for given, words in calls],
    }


def _call(call: Any, shifts: dict[str, int]) -> tuple[list[Any], Config]:
    """Return what a layer is called with: its first operand, a list if there are several, and its words."""
    flat = isinstance(call[0], str)
    tensors = [call] if flat else call
    read = [_tensor(item, shifts) for item in tensors]
    words = {
        word: _tensor(value, shifts)
        for word, value in (tensors[0][3] if len(tensors[0]) > 3 else {}).items()
    }
    return [read[0] if len(read) == 1 else read], {
        word: value for word, value in words.items() if value is not None
    }


def _tensor(value: Any, shifts: dict[str, int]) -> Any:
    if isinstance(value, list) and value[:1] == [CONSTANT]:
        return value[2]
    if _is_reference(value) and value[0] in shifts:
        history = [clean(value[0]), value[1] - shifts[value[0]], value[2]]
        return {
            "class_name": "__keras_tensor__",
            "config": {"shape": [None], "dtype": "float32", "keras_history": history},
        }
    return [_tensor(item, shifts) for item in value] if isinstance(value, list) else value


def _of_tensorflow(node: Config, calls: list[tuple[list[Any], Config]], file: str) -> Config:
    """Return the entry of an operation; what it is called with is written into `calls`."""
    name, function = node["config"]["name"], node["config"]["function"]
    made = (
        keras2_operations.made(function, calls[0][0][0], calls[0][1]) if len(calls) == 1 else None
    )
    if made is None:
        raise ModelError(
            f"{file}: layer {name!r} calls tf.{function} of TensorFlow in a way that has no equal among Keras' "
            "operations; bring the model as a SavedModel instead: model.export('folder')"
        )
    entry, operands = made
    calls[:] = [(operands, {})]
    return {**entry, "config": {**entry["config"], "name": clean(name)}}


def _layer(node: Config, file: str) -> Config:
    kind = str(RENAMED.get(node["class_name"], node["class_name"]))
    if kind in MODELS:
        return modern(node, file)
    config = _settings(kind, node["config"])
    where = f"layer {config.get('name')!r}"
    if node["config"].get("groups", 1) != 1 and "groups" in DROPPED.get(kind, ()):
        raise ModelError(
            f"{file}: {where} has {node['config']['groups']} groups, which Keras 3 does not compute"
        )
    if config.get("activation") == OTHER_NOW or config.get("recurrent_activation") == OTHER_NOW:
        raise ModelError(
            f"{file}: {where} uses hard_sigmoid, which is another function in Keras 3 than in Keras 2; bring the model "
            "as a SavedModel instead: model.export('folder')"
        )
    if kind.startswith("Random"):
        return _own("Identity", {"name": config["name"]})
    return _own(kind, config, _module(kind, where, file))


def _module(kind: str, where: str, file: str) -> str:
    import keras

    if kind in OF_APPLICATIONS:
        return OF_APPLICATIONS[kind]
    if not isinstance(getattr(keras.layers, kind, None), type):
        raise ModelError(f"{file}: {unknown(kind, where)}")
    return "keras.layers"


def _own(kind: str, config: Config, module: str = "keras.layers") -> Config:
    return {"module": module, "class_name": kind, "config": config, "registered_name": None}


def _settings(kind: str, config: Config) -> Config:
    """Return a layer's settings in the words of Keras 3."""
    shape = config.get("batch_input_shape")
    left_out = {"batch_input_shape", "input_dtype", *DROPPED.get(kind, ())}
    made = {word: _value(word, value) for word, value in config.items() if word not in left_out}
    made["name"], made["dtype"] = clean(config["name"]), "float32"
    if kind == "InputLayer":
        return {**made, "batch_shape": shape}
    if kind == "BatchNormalization" and isinstance(made.get("axis"), list):
        made["axis"] = made["axis"][0]
    if kind == "LeakyReLU" and "alpha" in made:
        made["negative_slope"] = made.pop("alpha")
    if kind == "Lambda":
        return _code(made)
    return made


def _code(config: Config) -> Config:
    """Return a Lambda layer's settings; its code is [bytes, defaults, closure]."""
    kept: Config = {
        word: config[word]
        for word in ("name", "dtype", "output_shape", "arguments")
        if word in config
    }
    code = {
        "class_name": "__lambda__",
        "config": dict(zip(("code", "defaults", "closure"), config["function"], strict=True)),
    }
    return {**kept, "function": code}


def _value(word: str, value: Any) -> Any:
    if isinstance(value, dict) and value.get("class_name") == "__numpy__":
        return value["config"]["value"] if "config" in value else value["value"]
    if isinstance(value, dict) and word.endswith("_initializer"):
        return {
            **value,
            "module": "keras.initializers",
            "config": {key: item for key, item in value["config"].items() if key != "dtype"},
        }
    return value
