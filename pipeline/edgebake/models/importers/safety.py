"""Refuse model files that would execute code or read other files when loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgebake.errors import ModelError

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
# Packages whose classes Keras may instantiate.
TRUSTED_PACKAGES = (
    "keras",
    "tf_keras",
    "tensorflow.keras",
    "tensorflow.python.keras",
    "tensorflow.python.ops.init_ops_v2",
)
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
# Modules of Keras whose functions only compute. Others do more: keras.utils.get_file, for example.
COMPUTING_MODULES = (
    "activations",
    "initializers",
    "ops",
    "losses",
    "metrics",
    "regularizers",
    "constraints",
)


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


def refuse_code(config: object, file: str, allow_code: bool) -> None:
    """Refuse a config that would make Keras run more than its own layers.

    Args:
        config: of the model.
        file: its name in messages.
        allow_code: permits Lambda layers, and nothing else.

    Raises:
        ModelError: the config holds a Lambda layer, a class or function of another package, or a
            layer that reads files.
    """
    for node, layer in _objects(config, "the model"):
        class_name = str(node["class_name"])
        module = node.get("module")
        registered_name = node.get("registered_name")
        if class_name in LAMBDAS and not allow_code:
            raise ModelError(
                f"{file}: {layer} is a Lambda: Python code in the file; expected only layers. "
                f"If you trust its author, set {ALLOW_CODE}: true"
            )
        if class_name in UNSAFE_CLASSES:
            raise ModelError(
                f"{file}: {layer} is a {class_name}, which reads files or runs other programs; "
                "expected layers that only compute"
            )
        is_registered = isinstance(registered_name, str) and ">" in registered_name
        if not _is_trusted(module) or is_registered:
            raise ModelError(f"{file}: {_foreign_class_message(class_name, layer, module)}")
        if class_name == "function" and not _only_computes(module):
            raise ModelError(
                f"{file}: {layer} calls {module}.{node.get('config')}; expected a function of "
                "Keras' layers"
            )


def unknown_class_message(class_name: str, layer: str) -> str:
    """Return the message about a class that Keras does not have, and what to do."""
    return (
        f"{layer} is of the class {class_name!r}, which Keras does not have; expected Keras' own "
        "layers. Save the model again with those, or as a SavedModel, which needs no classes: "
        "model.export('folder')"
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
    return f"layer {name!r}"


def _is_trusted(module: object) -> bool:
    if module is None or module == "builtins":
        return True
    return any(f"{module}.".startswith(f"{package}.") for package in TRUSTED_PACKAGES)


def _only_computes(module: object) -> bool:
    if module is None or module == "builtins":
        return True
    submodule = str(module).removeprefix("keras.").removeprefix("src.").split(".")[0]
    return submodule in COMPUTING_MODULES


def _foreign_class_message(class_name: str, layer: str, module: object) -> str:
    message = unknown_class_message(class_name, layer)
    if module and not _is_trusted(module):
        message += f" (it comes from {module})"
    return message
