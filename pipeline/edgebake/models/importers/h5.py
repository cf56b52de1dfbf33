"""Load a Keras model from an HDF5 file, of Keras 3 or Keras 2."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from edgebake.errors import ModelError
from edgebake.models.importers import (
    hdf5_check,
    keras2,
    keras2_activations,
    keras3_layers,
    keras_archive,
    keras_structure,
    safety,
)
from edgebake.models.importers.keras_source import Source
from edgebake.terminal.printable import printable

if TYPE_CHECKING:
    import h5py  # type: ignore[import-untyped]
    import keras

MAGIC = b"\x89HDF\r\n\x1a\n"


def is_hdf5(path: Path) -> bool:
    """Return whether a file begins as an HDF5 file does."""
    with path.open("rb") as stream:
        return stream.read(len(MAGIC)) == MAGIC


def read(path: Path, file: str, allow_code: bool) -> keras.Model:
    """Return the model of an HDF5 file; `file` is its name in messages.

    Raises:
        ModelError: it is damaged, holds only weights, holds code that is not allowed, or Keras 3
            cannot build it.
    """
    import h5py
    import keras

    try:
        store = h5py.File(path, "r")
    except OSError as error:
        raise ModelError(
            f"{file}: is damaged ({error}); expected an HDF5 file that model.save wrote"
        ) from None
    with store, tempfile.TemporaryDirectory() as folder:
        hdf5_check.check(store, file)
        config = _config(store, file)
        keras_structure.check(config, file)
        safety.refuse_code(config, file, allow_code)
        alias = Path(folder) / "model.h5"  # Keras recognizes the format by the suffix
        alias.symlink_to(path.resolve())
        version = _keras_version(store, file)
        source = Source(file, version)
        is_of_keras3 = not source.is_before(3, 0)
        if is_of_keras3:
            translated = keras3_layers.to_installed(config, source)
        else:
            translated = keras2.to_keras3(config, source)
        if translated == config:
            return keras.models.load_model(alias, compile=False, safe_mode=not allow_code)
        safety.refuse_code(translated, file, allow_code)
        model = keras.saving.deserialize_keras_object(translated, safe_mode=not allow_code)
        if not is_of_keras3:
            keras2_activations.restore(model)
        _check_weight_order(model, store["model_weights"], file)
        model.load_weights(alias)
        return model


def _config(store: h5py.File, file: str) -> safety.Config:
    text = store.attrs.get("model_config")
    if text is None:
        raise ModelError(
            f"{file}: holds only weights; expected a whole model: model.save('model.keras')"
        )
    return keras_archive.parse_config(text, file)


def _keras_version(store: h5py.File, file: str) -> str:
    """Return the version of Keras that wrote a file, such as 2.15.0.

    Raises:
        ModelError: the file names no version.
    """
    version = _decoded(store.attrs.get("keras_version", "1"))
    if not re.match("[0-9]{1,3}([.]|$)", version):
        raise ModelError(
            f"{file}: its keras_version is {printable(version, max_length=40)!r}; expected one "
            "such as 3.1.0; save the model again"
        )
    return version


def _check_weight_order(model: keras.Model, weights: h5py.Group, file: str) -> None:
    """Refuse weights in another order than the model's layers: Keras assigns them by position.

    Raises:
        ModelError: the names of the layers with weights differ.
    """
    saved_names = []
    for value in _attribute(weights, "layer_names"):
        name = _decoded(value)
        if _attribute(weights[name], "weight_names"):
            saved_names.append(keras2.clean_name(name))
    layer_names = [layer.name for layer in model.layers if layer.weights]
    if saved_names == layer_names:
        return
    first_difference = "none"
    for saved, expected in zip([*saved_names, "none"], [*layer_names, "none"], strict=False):
        if saved != expected:
            first_difference = saved
            break
    raise ModelError(
        f"{file}: its weights are not those of its layers, from {first_difference!r} on; "
        "save the model again"
    )


def _attribute(group: h5py.Group, name: str) -> list[bytes | str]:
    """Return a list attribute, which Keras splits over `name0`, `name1`, ... if it is long."""
    if name in group.attrs:
        return list(group.attrs[name])
    values: list[bytes | str] = []
    number = 0
    while f"{name}{number}" in group.attrs:
        values += list(group.attrs[f"{name}{number}"])
        number += 1
    return values


def _decoded(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
