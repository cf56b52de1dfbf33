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
    for module in (
        "keras.layers",
        "keras.src.ops.numpy",
        "tf_keras.src.layers.core.tf_op_layer",
        None,
        "builtins",
    ):
        safety.refuse_code(layer("Dense", module), "model.keras", allow_code=False)


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
