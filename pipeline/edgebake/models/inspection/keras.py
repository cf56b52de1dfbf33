"""A .keras archive or an HDF5 file of Keras in, what its config says out: as JSON, without Keras."""

from pathlib import Path
from typing import Any

from edgebake.errors import ModelError
from edgebake.models.importers import keras_archive, safety
from edgebake.models.inspection import affine, config
from edgebake.models.inspection.affine import Step
from edgebake.models.inspection.model_info import ModelInfo

MAGIC = b"\x89HDF\r\n\x1a\n"
CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
UNCOUNTED = ("optimizer", "seed_generator", "top_level_model_weights")


def read(path: Path) -> ModelInfo:
    """Return what a file of Keras says.

    Raises:
        ModelError: it is damaged, or holds weights alone.
    """
    with path.open("rb") as content:
        is_h5 = content.read(len(MAGIC)) == MAGIC
    return _h5(path) if is_h5 else _archive(path)


def _archive(path: Path) -> ModelInfo:
    held = keras_archive.read(path, str(path), (CONFIG, METADATA, WEIGHTS))
    metadata = keras_archive.parse_config(held[METADATA], str(path))
    with keras_archive.open_weights(held[WEIGHTS], str(path)) as store:
        parameters = _count(store)
    writer = f"Keras {metadata.get('keras_version', 'of an unknown version')}"
    return _found(
        path,
        keras_archive.parse_config(held[CONFIG], str(path)),
        ("Keras archive", writer),
        parameters,
    )


def _h5(path: Path) -> ModelInfo:
    import h5py  # type: ignore[import-untyped]

    try:
        store = h5py.File(path, "r")
    except OSError as error:
        raise ModelError(
            f"{path}: is damaged ({error}); expected an HDF5 file that model.save made"
        ) from None
    with store:
        safety.refuse_links(store, str(path))
        if "model_config" not in store.attrs:
            raise ModelError(
                f"{path}: {_no_config(store)}; expected a whole model: model.save('model.keras')"
            )
        model = keras_archive.parse_config(store.attrs["model_config"], str(path))
        version = store.attrs.get("keras_version", "of an unknown version")
        writer = f"Keras {version.decode() if isinstance(version, bytes) else version}"
        return _found(path, model, ("HDF5", writer), _count(store))


def _no_config(store: Any) -> str:
    is_keras = "layer_names" in store.attrs or "layer_names0" in store.attrs or "layers" in store
    return "holds weights alone" if is_keras else "an HDF5 file, and no model of Keras"


def _found(path: Path, model: Any, origin: tuple[str, str], parameters: int) -> ModelInfo:
    if not isinstance(model, dict) or model.get("class_name") not in config.MODELS:
        kind = model.get("class_name") if isinstance(model, dict) else type(model).__name__
        raise ModelError(f"{path}: {safety.unknown_class_message(str(kind), 'the model')}")
    steps = config.steps(model)
    return ModelInfo(
        format="keras",
        container=origin[0],
        producer=origin[1],
        file_size=path.stat().st_size,
        inputs=config.inputs(model),
        outputs=config.outputs(model),
        final_activation=config.activation(model),
        parameters=parameters,
        operator_counts=config.kinds(model),
        preprocessing=tuple(map(str, steps)),
        code_risk=_trouble(model, path, trust=False),
        unsupported=_trouble(model, path, trust=True),
        pixel_scaling=affine.pixels([step for step in steps if isinstance(step, Step)]),
    )


def _trouble(model: Any, path: Path, trust: bool) -> str | None:
    """Return why the file would be refused, with and without trust in its Lambda layers."""
    try:
        safety.refuse_code(model, str(path), trust)
    except ModelError as error:
        return str(error).removeprefix(f"{path}: ")
    return None


def _count(store: Any) -> int:
    """Return how many numbers of weights a file holds, without those of the optimizer and of random generators."""
    total = 0

    def add(name: str, item: Any) -> None:
        nonlocal total
        if (
            hasattr(item, "shape")
            and item.dtype.kind == "f"
            and not any(word in name for word in UNCOUNTED)
        ):
            total += int(item.size)

    for key in store:
        if key not in ("optimizer_weights", "optimizer"):
            store[key].visititems(lambda name, item, key=key: add(f"{key}/{name}", item))
    return total
