"""Reading a model runs no code and opens no other file; damaged and unsafe files are refused."""

import json
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np
import pytest

from edgebake.errors import ModelError
from edgebake.models.importers import hdf5_check, safety
from edgebake.models.importers.keras import _read
from tests.models.importers.made import options


def layer(kind: str, module: str | None = "keras.layers", **config: Any) -> dict[str, Any]:
    node = {
        "module": module,
        "class_name": kind,
        "config": {"name": "third", **config},
        "registered_name": None,
    }
    return {"class_name": "Sequential", "module": "keras", "config": {"layers": [node]}}


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (layer("Lambda"), "layer 'third' is a Lambda"),
        (
            layer("Dense", activation={"class_name": "__lambda__", "config": {"code": "4wEA"}}),
            "is a Lambda",
        ),
        (
            layer(
                "Dense",
                None,
                activation={"class_name": "function", "module": "os", "config": "system"},
            ),
            "comes from os",
        ),
        (layer("Popen", "subprocess"), "comes from subprocess"),
        (layer("Dense", "kerasen.layers"), "comes from kerasen.layers"),
        (
            layer(
                "Dense",
                activation={
                    "class_name": "function",
                    "module": "keras.utils",
                    "config": "get_file",
                },
            ),
            r"calls keras\.utils\.get_file",
        ),
        (layer("StringLookup", vocabulary="/etc/passwd"), "which reads files"),
        (layer("TFSMLayer", filepath="elsewhere"), "which reads files or runs other programs"),
    ],
)
def test_a_config_that_would_run_code_is_refused(node: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        safety.refuse_code(node, "model.keras", allow_code=False)


def test_allow_code_permits_lambda_layers_and_nothing_else() -> None:
    safety.refuse_code(layer("Lambda"), "model.keras", allow_code=True)
    with pytest.raises(ModelError, match="comes from os"):
        safety.refuse_code(layer("system", "os"), "model.keras", allow_code=True)


def test_layers_of_keras_2_and_3_pass() -> None:
    modules = ("keras.layers", "keras.src.layers.core.dense", "tf_keras.src.layers.core", None)
    for module in modules:
        safety.refuse_code(layer("Dense", module), "model.keras", allow_code=False)


ODD_VALUES = [["Dense"], {"a": 1}, 3, True, ["\x1b[2J"]]


@pytest.mark.parametrize("key", ["class_name", "module", "registered_name"])
@pytest.mark.parametrize("value", ODD_VALUES)
def test_a_name_of_another_type_is_refused(key: str, value: Any) -> None:
    node = layer("Dense")
    node["config"]["layers"][0][key] = value
    with pytest.raises(ModelError) as refused:
        safety.refuse_code(node, "model.keras", allow_code=False)
    shown = repr(value).replace("\x1b", "\\x1b")
    assert str(refused.value) == (
        f"model.keras: layer 'third' has the {key} {shown}; expected text"
    )


@pytest.mark.parametrize(
    ("kind", "registered_name"),
    [
        ("TFSMLayer", None),
        ("TFSMLayer", "TFSMLayer"),
        ("TFSMLayer", "Dense"),
        ("TFSMLayer", "edgebake>Graph"),
        ("TorchModuleWrapper", "mine>Layer"),
        ("FeatureSpace", "Dense"),
        ("Popen", "Dense"),
        ("Dense", "edgebake>Graph"),
        ("Dense", "TFSMLayer"),
        ("Graph", "edgebake>Graph"),
        ("__typespec__", None),
        ("__import__", None),
        ("", None),
    ],
)
def test_every_class_name_is_checked_whatever_it_is_registered_as(
    kind: str, registered_name: str | None
) -> None:
    node = layer(kind)
    node["config"]["layers"][0]["registered_name"] = registered_name
    with pytest.raises(ModelError):
        safety.refuse_code(node, "model.keras", allow_code=False)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda node: {"class_name": "__numpy__", "config": {"value": node}},
        lambda node: {"class_name": "Bidirectional", "config": {"layer": node}},
        lambda node: {"class_name": "Dense", "config": {"kernel_initializer": [node]}},
        lambda node: {"class_name": "Dense", "build_config": {"a": {"b": node}}},
        lambda node: {"class_name": "Dense", "compile_config": {"loss": node}},
        lambda node: [[{"inbound_nodes": [{"args": [node], "kwargs": {}}]}]],
    ],
)
def test_a_class_is_refused_at_any_depth(wrap: Any) -> None:
    hidden = {"class_name": "TFSMLayer", "module": "keras.layers", "config": {"filepath": "/a"}}
    with pytest.raises(ModelError, match="is a TFSMLayer, which reads files"):
        safety.refuse_code(wrap(hidden), "model.keras", allow_code=False)


@pytest.mark.parametrize(
    "activation",
    [
        {"class_name": "function", "module": "keras.utils", "config": "get_file"},
        {"class_name": "function", "module": "builtins", "config": "deserialize"},
        {"class_name": "function", "module": "builtins", "config": "eval"},
        {"class_name": "function", "module": "keras.ops", "config": "map"},
        {"class_name": "function", "module": "keras.ops", "config": ["relu"]},
        {
            "class_name": "function",
            "module": "keras.ops",
            "config": "relu",
            "registered_name": "get_file",
        },
    ],
)
def test_a_function_that_does_more_than_compute_is_refused(activation: Any) -> None:
    with pytest.raises(ModelError, match=r"layer 'third' calls .*; expected a function of Keras"):
        safety.refuse_code(layer("Dense", activation=activation), "m.keras", allow_code=False)


def test_a_function_of_keras_passes() -> None:
    for module in ("builtins", "keras.activations", "keras.ops", None):
        activation = {"class_name": "function", "module": module, "config": "relu"}
        safety.refuse_code(layer("Dense", activation=activation), "m.keras", allow_code=False)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull"),
        (b"outs:\n- md5: 0", "dvc pull"),
        (b"<!DOCTYPE html><title>404</title>", "is a web page"),
        (b"\x80\x04\x95", "is a pickle"),
        (b"PK\x03\x04 and no more", "is damaged"),
        (b"\x89HDF\r\n\x1a\n and no more", "is damaged"),
        (b"something else", "is damaged"),
    ],
)
def test_what_is_no_model_is_told_apart(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "model.keras"
    file.write_bytes(content)
    with pytest.raises(ModelError, match=message):
        _read(options(file))


@pytest.mark.parametrize("link", [h5py.SoftLink("/b"), h5py.ExternalLink("other.h5", "/b")])
def test_links_in_hdf5_are_refused(tmp_path: Path, link: Any) -> None:
    with h5py.File(tmp_path / "model.h5", "w") as store:
        store["weights/a"] = link
        with pytest.raises(
            ModelError, match=r"/weights/a is a .*Link; expected weights in the file itself"
        ):
            hdf5_check.check(store, "model.h5")


def test_weights_that_lie_in_another_file_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "model.h5", "w") as store:
        store.create_dataset("secret", (4,), np.uint8, external=[(str(tmp_path / "other"), 0, 4)])
        with pytest.raises(ModelError, match="/secret lies in another file"):
            hdf5_check.check(store, "model.h5")


def test_a_layer_that_keras_cannot_make_is_told_in_one_line(tmp_path: Path) -> None:
    config = layer("Dense", units=-3)
    file = tmp_path / "model.h5"
    with h5py.File(file, "w") as store:
        store.attrs["model_config"], store.attrs["keras_version"] = json.dumps(config), "3.15.1"
        store.create_group("model_weights")
    with pytest.raises(ModelError) as refused:
        _read(options(file))
    text = str(refused.value)
    assert text.startswith(f"{file}: Keras cannot make this model (")
    assert text.endswith(
        "); save it again with Keras 3, or import it as a SavedModel: model.export('folder')"
    )
    assert "\n" not in text
