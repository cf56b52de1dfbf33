"""Inspect a model file in a child process with limits."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgebake.child_process.child import Subject, run
from edgebake.child_process.limits import Limits
from edgebake.errors import ModelError
from edgebake.models import importers
from edgebake.models.inspection.model_info import ImageResize, ModelInfo, PixelScaling, TensorInfo
from edgebake.terminal.printable import printable

# Files of models for phones have some MB. Reading one of 2 GB takes about three times its size.
MEMORY_GIB = 8
SECONDS = 60.0  # for an empty file; a damaged HDF5 file can keep its library in a loop
BYTES_PER_SECOND = 2_000_000
EXPECTED = (
    f"expected a model that can be read with {MEMORY_GIB} GiB, at {BYTES_PER_SECOND:,} bytes a "
    "second: if it is one of a phone's size, the file is damaged; copy it again"
)
LIBRARIES = {"keras": "h5py", "onnx": "ONNX's parser", "tflite": "the FlatBuffers parser"}


def inspect_file(path: Path) -> ModelInfo:
    """Read what a model file, or the folder of a SavedModel, states about its model.

    Raises:
        ModelError: the file is missing, damaged or not a model, or reading it takes more than the
            limits.
    """
    model_format = importers.SUFFIXES.get(path.suffix.lower(), "")
    library = LIBRARIES.get(model_format, "the protobuf parser")
    subject = Subject(printable(path), library, ModelError, EXPECTED)
    return _from_plain(run(limits(path), subject, _inspect, path))


def limits(path: Path) -> Limits:
    """Return the limits of an inspection; the time grows with the size of the file."""
    seconds = SECONDS
    if path.is_file():
        seconds += path.stat().st_size / BYTES_PER_SECOND
    return Limits(MEMORY_GIB, round(seconds), file_mib=1)


def _inspect(path: Path) -> dict[str, Any]:
    """Return what a file states, as plain data; runs in the child."""
    # Imported here: the parent needs none of the parsers.
    from edgebake.models.inspection import file

    return _to_plain(file.inspect_file(path))


def _to_plain(info: ModelInfo) -> dict[str, Any]:
    scaling = info.pixel_scaling
    return {
        **vars(info),
        "inputs": [asdict(tensor) for tensor in info.inputs],
        "outputs": [asdict(tensor) for tensor in info.outputs],
        "pixel_scaling": scaling and asdict(scaling),
        "resize": info.resize and asdict(info.resize),
    }


def _from_plain(values: dict[str, Any]) -> ModelInfo:
    tensors = {}
    for side in ("inputs", "outputs"):
        tensors[side] = tuple(_tensor_info(tensor) for tensor in values[side])
    scaling = values["pixel_scaling"]
    if scaling is not None:
        scaling = PixelScaling(tuple(scaling["mean"]), tuple(scaling["scale"]), scaling["reason"])
    resize = values["resize"]
    if resize is not None:
        resize = ImageResize(**resize)
    texts = {name: tuple(values[name]) for name in ("preprocessing", "labels")}
    return ModelInfo(**{**values, **tensors, **texts, "pixel_scaling": scaling, "resize": resize})


def _tensor_info(values: dict[str, Any]) -> TensorInfo:
    return TensorInfo(values["name"], tuple(values["shape"]), values["dtype"])
