"""A model that Keras saved as HDF5 in, a live Keras model out."""

import tempfile
from pathlib import Path
from typing import Any

from edgebake.errors import ModelError
from edgebake.models.importers import keras2, safety

MAGIC = b"\x89HDF\r\n\x1a\n"


def read(path: Path, file: str, trust: bool) -> Any:
    """Return the model; `file` is what the recipe calls it.

    Raises:
        ModelError: it is damaged, holds weights alone, brings code, or cannot be made by Keras 3.
    """
    import h5py  # type: ignore[import-untyped]
    import keras

    try:
        store = h5py.File(path, "r")
    except OSError as error:
        raise ModelError(
            f"{file}: is damaged ({error}); expected an HDF5 file that model.save made"
        ) from None
    with store, tempfile.TemporaryDirectory() as folder:
        safety.refuse_links(store, file)
        config = _config(store, file)
        safety.refuse_code(config, file, trust)
        alias = Path(folder) / "model.h5"  # Keras tells the format by the suffix
        alias.symlink_to(path.resolve())
        if not _is_older(store):
            return keras.models.load_model(alias, compile=False, safe_mode=not trust)
        model = keras.saving.deserialize_keras_object(
            keras2.modern(config, file), safe_mode=not trust
        )
        _refuse_other_order(model, store["model_weights"], file)
        model.load_weights(alias)
        return model


def _config(store: Any, file: str) -> Any:
    text = store.attrs.get("model_config")
    if text is None:
        raise ModelError(
            f"{file}: holds weights alone; expected a whole model: model.save('model.keras')"
        )
    return safety.config_of(text, file)


def _is_older(store: Any) -> bool:
    version = store.attrs.get("keras_version", "1")
    return int(_text(version).split(".")[0]) < 3


def _refuse_other_order(model: Any, weights: Any, file: str) -> None:
    """Keras reads weights in the order of the layers, so that order is compared by their names first."""
    saved = [_text(name) for name in _names(weights, "layer_names")]
    saved = [keras2.clean(name) for name in saved if len(_names(weights[name], "weight_names"))]
    found = [layer.name for layer in model.layers if layer.weights]
    if saved != found:
        other = next(
            (
                one
                for one, two in zip([*saved, "none"], [*found, "none"], strict=False)
                if one != two
            ),
            "none",
        )
        raise ModelError(
            f"{file}: its weights are not those of its layers, from {other!r} on; save the model again"
        )


def _names(group: Any, word: str) -> list[Any]:
    """Return an attribute that may be split over several of the same name and a number."""
    if word in group.attrs:
        return list(group.attrs[word])
    parts: list[Any] = []
    while f"{word}{len(parts)}" in group.attrs:
        parts.append(group.attrs[f"{word}{len(parts)}"])
    return [name for part in parts for name in part]


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
