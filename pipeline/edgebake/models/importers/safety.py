"""Refuse model files that would execute code or read other files when loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgebake.errors import ModelError
from edgebake.models.importers import keras_classes
from edgebake.terminal.printable import printable

Config = dict[str, Any]  # of a Keras model or of an object in it, as JSON

ALLOW_CODE = "model.imported.allow_code"
# Files that lie where a model should, by their first bytes.
NOT_A_MODEL = {
    b"version https://git-lfs": "is a Git LFS pointer, not the model; run `git lfs pull`",
    b"outs:": (
        "is DVC's pointer to a file, not the model; run `dvc pull` and name the file itself"
    ),
    b"<!doctype html": "is a web page, not a model; the download needs another link",
    b"<html": "is a web page, not a model; the download needs another link",
    b"\x80": (
        f"is a pickle; expected a model that holds no code, and {ALLOW_CODE} does not change that"
    ),
}
LAMBDAS = ("Lambda", "__lambda__")
# Classes of Keras that read files or URLs named in the config, or run programs of other libraries.
UNSAFE_CLASSES = {
    "StringLookup",
    "IntegerLookup",
    "TextVectorization",
    "IndexLookup",
    "TFSMLayer",
    "TorchModuleWrapper",
    "JaxLayer",
    "FlaxLayer",
}
# Values that Keras writes as objects; it looks up no class for them.
VALUES = (
    "__bytes__",
    "__ellipsis__",
    "__keras_tensor__",
    "__numpy__",
    "__slice__",
    "__tensor__",
    "__tuple__",
    "TensorShape",
)
FUNCTION = "function"


def refuse_non_model(path: Path, file: str) -> None:
    """Refuse files that are often found where a model should be.

    Raises:
        ModelError: the file is empty, a pointer of Git LFS or DVC, a web page or a pickle.
    """
    with path.open("rb") as stream:
        head = stream.read(200).lstrip().lower()
    if not head:
        raise ModelError(f"{file}: is empty; expected a model")
    for magic, message in NOT_A_MODEL.items():
        if head.startswith(magic):
            raise ModelError(f"{file}: {message}")


def refuse_code(
    config: object, file: str, allow_code: bool, registered: tuple[str, ...] = ()
) -> None:
    """Refuse a config that would make Keras run more than its own layers.

    Args:
        config: of the model.
        file: its name in messages.
        allow_code: permits Lambda layers, and nothing else.
        registered: names of classes that edgebake registered with Keras, which a model of its own
            may hold.

    Raises:
        ModelError: the config holds a Lambda layer, a class or function that is not listed in
            keras_classes.yaml, or a layer that reads files.
    """
    for node, layer in _objects(config, "the model"):
        problem = _problem(node, layer, registered, allow_code)
        if problem is not None:
            raise ModelError(f"{file}: {problem}")


def _problem(node: Config, layer: str, registered: tuple[str, ...], allow_code: bool) -> str | None:
    """Return what is wrong with an object of a config; None if it only computes."""
    for key in ("class_name", "module", "registered_name"):
        value = node.get(key)
        if not isinstance(value, str | None):
            return f"{layer} has the {key} {printable(repr(value), max_length=40)}; expected text"
    class_name = str(node["class_name"])
    if class_name in LAMBDAS and not allow_code:
        return (
            f"{layer} is a Lambda: Python code in the file; expected only layers. "
            f"If you trust its author, set {ALLOW_CODE}: true"
        )
    if class_name in UNSAFE_CLASSES:
        return (
            f"{layer} is a {class_name}, which reads files or runs other programs; "
            "expected layers that only compute"
        )
    if class_name in (*LAMBDAS, *VALUES):
        return None
    if class_name == FUNCTION:
        return _function_problem(node, layer)
    return _class_problem(node, layer, registered)


def _class_problem(node: Config, layer: str, registered: tuple[str, ...]) -> str | None:
    """Return what is wrong with the class of an object; None if it is listed."""
    class_name = str(node["class_name"])
    module = node.get("module")
    registered_name = node.get("registered_name")  # by which Keras looks for a class first
    if registered_name is not None and registered_name in registered:
        return None
    is_renamed = registered_name not in (None, class_name)
    if is_renamed or not keras_classes.is_class(class_name, module):
        return _foreign_class_message(class_name, layer, module)
    return None


def _function_problem(node: Config, layer: str) -> str | None:
    name = node.get("config")
    module = node.get("module")
    if not keras_classes.is_of_keras(module) and module != keras_classes.ANYWHERE:
        return _foreign_class_message(FUNCTION, layer, module)
    is_renamed = node.get("registered_name") not in (None, FUNCTION, name)
    if is_renamed or not isinstance(name, str) or not keras_classes.is_function(name, module):
        called = printable(f"{module}.{name}", max_length=80)
        return f"{layer} calls {called}; expected a function of Keras' layers"
    return None


def unknown_class_message(class_name: str, layer: str) -> str:
    """Return the message about a class that Keras does not have, and what to do."""
    return (
        f"{layer} is of the class '{printable(class_name)}', which is none of Keras' classes that "
        "only compute; expected those. Save the model again with those, or as a SavedModel, "
        "which needs no classes: model.export('folder')"
    )


def _objects(node: object, layer: str) -> Iterator[tuple[Config, str]]:
    """Yield every object in a config, and the layer that it belongs to."""
    if isinstance(node, list):
        for child in node:
            yield from _objects(child, layer)
    elif isinstance(node, dict):
        if "class_name" in node:
            layer = _layer_name(node) or layer
            yield node, layer
        for child in node.values():
            yield from _objects(child, layer)


def _layer_name(node: Config) -> str | None:
    config = node.get("config")
    if not isinstance(config, dict):
        return None
    name = config.get("name")
    if not isinstance(name, str):
        return None
    return f"layer '{printable(name)}'"


def _foreign_class_message(class_name: str, layer: str, module: str | None) -> str:
    message = unknown_class_message(class_name, layer)
    if not keras_classes.is_of_keras(module):
        message += f" (it comes from {printable(module)})"
    return message
