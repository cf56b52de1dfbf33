"""The two forms of golden vectors: of one image and its classes, and of any inputs and outputs."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from edgebake.tasks.inputs.interface import Input
from edgebake.tasks.tensors import Raw

FIRST = "edgebake.golden/1"  # of one image and one output, as apps of earlier releases read it
SECOND = "edgebake.golden/2"
DIGITS = 6  # of a probability: a thousandth of the smallest tolerance
BYTE_STRINGS = ("png", "utf8")  # forms whose shape is the number of bytes


@dataclass(frozen=True)
class Tolerances:
    """How far a device may be off, in real units, by the name of the input or output."""

    inputs: dict[str, float]
    outputs: dict[str, float]


class RawValue(TypedDict):
    """Raw data in golden.json: `data` is little-endian, in base64."""

    form: str  # png, pcm16, float32, utf8 or int32
    shape: list[int]  # number of bytes of png and utf8
    data: str


class StoredTensor(TypedDict):
    """A tensor in golden.json: `data` is little-endian, in base64."""

    dtype: str
    shape: list[int]
    data: str


@dataclass(frozen=True)
class Vector:
    """One example."""

    name: str  # path below the dataset's folder, or the number of the example
    raw: Mapping[str, RawValue]  # by name of the input
    tensors: Mapping[str, NDArray[Any]]  # [1, ...] as the file takes them, by name of the input
    outputs: Mapping[str, NDArray[np.float32]]  # [...] in real units, by name of the output
    label: str


def raw_value(kind: Input, example: Raw) -> RawValue:
    """Return an example's input as golden vectors have it."""
    data = kind.to_golden(example)
    shape = [len(data)] if kind.raw_form in BYTE_STRINGS else list(np.shape(example))
    return {"form": kind.raw_form, "shape": shape, "data": _base64(data)}


def first_form(sha256: str, tolerances: Tolerances, vectors: Sequence[Vector]) -> dict[str, Any]:
    """Return the content of golden.json of a classifier of one image.

    Args:
        sha256: of the file that made the predictions.
        tolerances: of the only input and output.
        vectors: the examples.
    """
    (input_tolerance,) = tolerances.inputs.values()
    (output_tolerance,) = tolerances.outputs.values()
    examples = []
    for vector in vectors:
        (raw,) = vector.raw.values()
        (tensor,) = vector.tensors.values()
        (output,) = vector.outputs.values()
        examples.append(
            {
                "name": vector.name,
                "image": raw["data"],
                "tensor": _stored(tensor),
                "output": _rounded(output),
                "label": vector.label,
            }
        )
    limits = {"tensor": input_tolerance, "output": output_tolerance}
    return {"format": FIRST, "sha256": sha256, "tolerances": limits, "examples": examples}


def second_form(sha256: str, tolerances: Tolerances, vectors: Sequence[Vector]) -> dict[str, Any]:
    """Return the content of golden.json of a model with any inputs and outputs.

    Args:
        sha256: of the file that made the predictions.
        tolerances: of each input and output.
        vectors: the examples.
    """
    examples = []
    for vector in vectors:
        tensors = {name: _stored(values) for name, values in vector.tensors.items()}
        outputs = {name: _output(values) for name, values in vector.outputs.items()}
        example = {
            "name": vector.name,
            "raw": dict(vector.raw),
            "tensors": tensors,
            "outputs": outputs,
            "label": vector.label,
        }
        examples.append(example)
    limits = {"inputs": tolerances.inputs, "outputs": tolerances.outputs}
    return {"format": SECOND, "sha256": sha256, "tolerances": limits, "examples": examples}


def _stored(values: NDArray[Any]) -> StoredTensor:
    dtype = values.dtype.newbyteorder("<")
    little_endian = values.astype(dtype)
    return {
        "dtype": values.dtype.name,
        "shape": list(values.shape),
        "data": _base64(little_endian.tobytes()),
    }


def _output(values: NDArray[np.float32]) -> dict[str, Any]:
    return {"shape": list(values.shape), "values": _rounded(values)}


def _rounded(values: NDArray[np.float32]) -> list[float]:
    return [round(float(value), DIGITS) for value in values.ravel()]


def _base64(data: bytes) -> str:
    encoded = base64.b64encode(data)
    return encoded.decode()
