"""Inspect .keras archives and HDF5 files of Keras by their config, without Keras."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgebake.errors import ModelError
from edgebake.models.importers import h5, hdf5_check, keras2, keras_archive, keras_structure, safety
from edgebake.models.importers.keras_archive import CONFIG, METADATA, WEIGHTS
from edgebake.models.importers.keras_source import Source
from edgebake.models.importers.safety import Config
from edgebake.models.inspection import affine, keras_config, keras_resize
from edgebake.models.inspection.affine import AffineStep
from edgebake.models.inspection.model_info import ModelInfo

if TYPE_CHECKING:
    import h5py  # type: ignore[import-untyped]

KERAS = "Keras "  # begins the name of the program that wrote a file
UNKNOWN_VERSION = "of an unknown version"
# Groups of a file whose numbers are no parameters of the model.
UNCOUNTED_GROUPS = ("optimizer_weights", "optimizer")
UNCOUNTED_NAMES = ("optimizer", "seed_generator", "top_level_model_weights")


def read(path: Path) -> ModelInfo:
    """Inspect a file of Keras 2 or 3.

    Raises:
        ModelError: it is damaged, or holds only weights.
    """
    if h5.is_hdf5(path):
        return _read_hdf5(path)
    return _read_archive(path)


def _read_archive(path: Path) -> ModelInfo:
    file = str(path)
    names = (CONFIG, METADATA, WEIGHTS)
    entries = keras_archive.read(path, file, names)
    metadata = keras_archive.parse_config(entries[METADATA], file)
    version = metadata.get("keras_version", UNKNOWN_VERSION)
    with keras_archive.open_weights(entries[WEIGHTS], file) as store:
        parameters = _count_parameters(store, file)
    model = keras_archive.parse_config(entries[CONFIG], file)
    origin = ("Keras archive", f"{KERAS}{version}")
    return _model_info(path, model, origin, parameters)


def _read_hdf5(path: Path) -> ModelInfo:
    import h5py

    file = str(path)
    try:
        store = h5py.File(path, "r")
    except OSError as error:
        raise ModelError(
            f"{file}: is damaged ({error}); expected an HDF5 file that model.save wrote"
        ) from None
    with store:
        parameters = _count_parameters(store, file)
        if "model_config" not in store.attrs:
            problem = _describe_without_config(store)
            raise ModelError(
                f"{file}: {problem}; expected a whole model: model.save('model.keras')"
            )
        model = keras_archive.parse_config(store.attrs["model_config"], file)
        version = store.attrs.get("keras_version", UNKNOWN_VERSION)
        if isinstance(version, bytes):
            version = version.decode(errors="replace")
    origin = ("HDF5", f"{KERAS}{version}")
    return _model_info(path, model, origin, parameters)


def _describe_without_config(store: h5py.File) -> str:
    has_layer_names = "layer_names" in store.attrs or "layer_names0" in store.attrs
    if has_layer_names or "layers" in store:
        return "holds only weights"
    return "an HDF5 file without a Keras model"


def _model_info(path: Path, model: Config, origin: tuple[str, str], parameters: int) -> ModelInfo:
    """Combine a config with its origin: the kind of file and the program that wrote it."""
    keras_structure.check(model, str(path))
    container, producer = origin
    operations = keras_config.preprocessing(model)
    steps = [operation for operation in operations if isinstance(operation, AffineStep)]
    return ModelInfo(
        format="keras",
        container=container,
        producer=producer,
        file_size=path.stat().st_size,
        inputs=keras_config.inputs(model),
        outputs=keras_config.outputs(model),
        final_activation=keras_config.final_activation(model),
        parameters=parameters,
        operator_counts=keras_config.layer_counts(model),
        preprocessing=tuple(str(operation) for operation in operations),
        code_risk=_refusal(model, path, allow_code=False),
        unsupported=_refusal(model, path, allow_code=True) or _layer_refusal(model, path, producer),
        pixel_scaling=affine.infer_pixel_scaling(steps),
        resize=keras_resize.find(model),
    )


def _refusal(model: object, path: Path, allow_code: bool) -> str | None:
    """Return why an import would be refused; None if it would not."""
    try:
        safety.refuse_code(model, str(path), allow_code)
    except ModelError as error:
        return str(error).removeprefix(f"{path}: ")
    return None


def _layer_refusal(model: Config, path: Path, producer: str) -> str | None:
    """Return which layer of Keras 2 cannot be imported; None if all can, or Keras 3 wrote it."""
    source = Source(str(path), producer.removeprefix(KERAS))
    if not source.version.startswith("2."):
        return None
    try:
        keras2.to_keras3(model, source)
    except ModelError as error:
        return str(error).removeprefix(f"{path}: ")
    return None


def _count_parameters(store: h5py.File, file: str) -> int:
    """Return how many numbers the weights of a model have.

    Raises:
        ModelError: the file is refused by `hdf5_check`.
    """
    parameters = 0
    for path, dataset in hdf5_check.datasets(store, file):
        is_counted_group = path.split("/")[1] not in UNCOUNTED_GROUPS
        is_counted_name = not any(fragment in path for fragment in UNCOUNTED_NAMES)
        if dataset.dtype.kind == "f" and is_counted_group and is_counted_name:
            parameters += int(dataset.size or 0)
    return parameters
