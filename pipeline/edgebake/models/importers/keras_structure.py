"""Check that the config of a Keras model has the parts that a config of Keras has."""

from __future__ import annotations

from typing import Any

from edgebake.errors import ModelError
from edgebake.models.importers.safety import Config, unknown_class_message
from edgebake.terminal.printable import printable

MODELS = ("Functional", "Sequential", "Model")
KINDS = {
    dict: "an object",
    list: "a list",
    str: "a text",
    bool: "true or false",
    type(None): "null",
}


def check(model: object, file: str) -> None:
    """Check a model and all models inside it: classes, names, configs and lists of layers.

    Raises:
        ModelError: a part is missing or of another type; the message names the layer.
    """
    waiting: list[tuple[object, str]] = [(model, "the model")]
    is_root = True
    while waiting:
        node, subject = waiting.pop()
        layer = _layer(node, subject, file)
        if layer["class_name"] in MODELS:
            waiting += _children(layer, subject, file)
        elif is_root:
            message = unknown_class_message(printable(layer["class_name"]), subject)
            raise ModelError(f"{file}: {message}")
        is_root = False


def layers(model: Config) -> list[Config]:
    """Return the layers of a model that was checked, in the order of the config."""
    config: Any = model["config"]
    if isinstance(config, list):  # of a Sequential, before Keras 2.3
        return config
    listed: list[Config] = config["layers"]
    return listed


def _layer(node: object, subject: str, file: str) -> Config:
    """Check the parts of a layer that every class has."""
    layer: Config = _expect(node, (dict,), subject, file)
    class_name = _expect(layer.get("class_name"), (str,), f"the class_name of {subject}", file)
    kinds: tuple[type, ...] = (dict,)
    if class_name == "Sequential":
        kinds = (dict, list)
    config = _expect(layer.get("config"), kinds, f"the config of {subject}", file)
    names = [layer.get("name")]
    if isinstance(config, dict):
        names.append(config.get("name"))
    for name in names:
        _expect(name, (str, type(None)), f"the name of {subject}", file)
    calls = layer.get("inbound_nodes", [])
    _expect(calls, (list, type(None)), f"the inbound_nodes of {subject}", file)
    return layer


def _children(model: Config, subject: str, file: str) -> list[tuple[object, str]]:
    """Return the layers of a model, each with its name in messages."""
    config = model["config"]
    nodes = config
    if isinstance(config, dict):
        nodes = config.get("layers")
    nodes = _expect(nodes, (list,), f"the layers of {subject}", file)
    if not nodes:
        raise ModelError(f"{file}: {subject} has no layers; expected at least one")
    if model["class_name"] != "Sequential":
        for key in ("input_layers", "output_layers"):
            _expect(config.get(key), (list, dict), f"the {key} of {subject}", file)
    path = "" if subject == "the model" else f" of {subject}"
    return [(node, f"layer {number}{path}") for number, node in enumerate(nodes)]


def _expect(value: object, kinds: tuple[type, ...], subject: str, file: str) -> Any:
    """Return a value of the expected types.

    Raises:
        ModelError: it is of another.
    """
    if isinstance(value, kinds):
        return value
    kind = KINDS.get(type(value), "a number")
    expected = " or ".join(KINDS[kind] for kind in kinds)
    raise ModelError(f"{file}: {subject} is {kind}; expected {expected}; save the model again")
