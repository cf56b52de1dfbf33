"""Inputs and outputs of a contract as JSON."""

import base64
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgebake.tasks.inputs.image.spec import (
    PUBLISHED_COLORS,
    ImageInput,
    ImageSpec,
    image_of,
    input_of,
)
from edgebake.tasks.tensors import ContractInput, ContractOutput, TensorSpec

# Apps read this name, in edgebake.manifest/1 and in the metadata of model files.
PUBLISHED_KEYS = {"color": "colour"}
# Keys of an image that follow the labels in the form of image classifiers.
LAST_KEYS = ("antialias", "short_side")
LITTLE_ENDIAN = "<f4"


def image_classifier_entry(task: str, image: ImageSpec, labels: list[str]) -> dict[str, Any]:
    """Return the content of contract.json of an image classifier."""
    first = image_entry(image)
    last = {}
    for key in LAST_KEYS:
        last[key] = first.pop(key)
    return {"task": task, **first, "labels": labels, **last}


def image_entry(image: ImageSpec) -> dict[str, Any]:
    """Return the preprocessing of an image under the names that apps read."""
    entry: dict[str, Any] = {}
    for key, value in asdict(image).items():
        published_key = PUBLISHED_KEYS.get(key, key)
        entry[published_key] = value
    color_key = PUBLISHED_KEYS["color"]
    entry[color_key] = image.published_color
    return entry


def read_image(entry: Mapping[str, Any]) -> ImageSpec:
    """Return the preprocessing of an image from its entry.

    Raises:
        KeyError: the color is unknown.
    """
    fields = dict(entry)
    color_key = PUBLISHED_KEYS["color"]
    published_color = fields.pop(color_key)
    for color, name in PUBLISHED_COLORS.items():
        if name == published_color:
            return ImageSpec(**fields, color=color)
    raise KeyError(published_color)


def input_entry(spec: ContractInput) -> dict[str, Any]:
    """Return one of `inputs`; of an image its preprocessing, from which the steps follow."""
    entry: dict[str, Any] = {"name": spec.name, "kind": spec.kind}
    if isinstance(spec, ImageInput):
        entry["image"] = image_entry(image_of(spec))
        return entry
    entry["tensor"] = _tensor_entry(spec.tensor)
    entry["steps"] = list(spec.steps)
    numbers = {}
    for key, values in spec.numbers.items():
        numbers[key] = _numbers_entry(values)
    entry["numbers"] = numbers
    return entry


def _tensor_entry(tensor: TensorSpec) -> dict[str, Any]:
    entry: dict[str, Any] = {"shape": list(tensor.shape), "dtype": tensor.dtype}
    if tensor.highest is not None:
        entry["highest"] = tensor.highest
    return entry


def read_input(entry: Mapping[str, Any]) -> ContractInput:
    """Return an input from its entry."""
    if "image" in entry:
        image = read_image(entry["image"])
        return input_of(image)
    name = entry["name"]
    tensor = entry["tensor"]
    spec = TensorSpec(name, tuple(tensor["shape"]), tensor["dtype"], tensor.get("highest"))
    numbers = {}
    for key, values in entry["numbers"].items():
        numbers[key] = _read_numbers(values)
    steps = tuple(entry["steps"])
    return ContractInput(name, entry["kind"], spec, steps, numbers)


def output_entry(output: ContractOutput) -> dict[str, Any]:
    """Return one of `outputs`."""
    entry: dict[str, Any] = {
        "name": output.name,
        "shape": list(output.shape),
        "meaning": output.meaning,
    }
    if output.bounds is not None:
        entry["bounds"] = list(output.bounds)
    return entry


def read_output(entry: Mapping[str, Any]) -> ContractOutput:
    """Return an output from its entry."""
    bounds = None
    if "bounds" in entry:
        low, high = entry["bounds"]
        bounds = (low, high)
    shape = tuple(entry["shape"])
    return ContractOutput(entry["name"], shape, entry["meaning"], bounds)


def _numbers_entry(values: NDArray[np.float32]) -> dict[str, Any]:
    little_endian = values.astype(LITTLE_ENDIAN)
    data = base64.b64encode(little_endian.tobytes())
    return {"shape": list(values.shape), "dtype": "float32", "data": data.decode("ascii")}


def _read_numbers(entry: Mapping[str, Any]) -> NDArray[np.float32]:
    data = base64.b64decode(entry["data"])
    flat = np.frombuffer(data, LITTLE_ENDIAN)
    values = flat.reshape(entry["shape"])
    return values.astype(np.float32)
