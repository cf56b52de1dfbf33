"""Mistakes in golden vectors of strangers, edgebake.golden/2: data of any kind, several tensors."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from edgebake.bundle.manifest_types import InputEntry, TargetEntry, TensorEntry
from edgebake.bundle.tensors_of import inputs_of, outputs_of
from edgebake.bundle.trust import golden_values
from edgebake.bundle.trust.golden_values import NUMERIC, PNG
from edgebake.terminal.printable import printable

# Types of the numbers of a form, little-endian; png and utf8 are bytes.
FORMS = {"png": "|u1", "pcm16": "<i2", "float32": "<f4", "utf8": "|u1", "int32": "<i4"}
TENSORS = {
    "float32": "<f4",
    "float16": "<f2",
    "int8": "|i1",
    "uint8": "|u1",
    "int16": "<i2",
    "int32": "<i4",
}
PIXELS = "uint8"  # of an input that is an image, as Core ML's
# Largest tolerance of an input whose values are computed from samples, before normalization. Right
# implementations of a log-mel spectrum are within 0.0001, wrong ones off by 0.1 and more.
COMPUTED = 1e-3
LARGEST_BYTE = 255


def find_problems(golden: Mapping[str, Any], target: TargetEntry) -> Iterator[str]:
    """Yield the mistakes in golden vectors; they have examples."""
    yield from _tolerance_problems(golden.get("tolerances"), target)
    for index, example in enumerate(golden["examples"]):
        problem = _example_problem(example, target)
        if problem:
            yield f"examples[{index}]: {problem}"


def _tolerance_problems(tolerances: Any, target: TargetEntry) -> Iterator[str]:
    inputs = {entry["name"]: input_limit(entry) for entry in inputs_of(target)}
    outputs = {
        output["name"]: golden_values.output_tolerance(output) for output in outputs_of(target)
    }
    for end, limits in (("inputs", inputs), ("outputs", outputs)):
        values = _member(tolerances, end)
        for name, limit in limits.items():
            problem = _tolerance_problem(f"{end}.{name}", _member(values, name), limit)
            if problem:
                yield problem


def _tolerance_problem(key: str, tolerance: Any, limit: float) -> str | None:
    if limit > 0:
        return golden_values.tolerance_problem(key, tolerance, limit)
    if golden_values.is_number(tolerance) and tolerance == 0:
        return None
    shown = printable(repr(tolerance), max_length=40)
    return f"tolerances.{key}: {shown}; expected 0, since its values are integers"


def input_limit(entry: InputEntry) -> float:
    """Return the largest tolerance of an input in real units; 0 for integers."""
    tensor = entry["tensor"]
    if _has_integers(tensor):
        return 0.0
    form = entry["raw"]["form"]
    if form == "png":
        return golden_values.pixel_tolerance(entry)
    level = COMPUTED * _largest_scale(entry)
    return golden_values.MARGIN * (level + golden_values.quantization_step(tensor))


def _largest_scale(entry: InputEntry) -> float:
    """Return the largest factor of a normalization; at least 1 for numbers that come as floats."""
    scales = [1.0] if entry["raw"]["form"] == "float32" else []
    for step in entry["preprocessing"]:
        if step["step"] == "normalize":
            scales.append(golden_values.largest(step["scale"]))
    return max(scales, default=1.0)


def _has_integers(tensor: TensorEntry) -> bool:
    """Return whether a tensor has integers that stand for no real numbers, such as ids."""
    return tensor["dtype"].startswith(("int", "uint")) and tensor["scale"] is None


def _member(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _example_problem(example: Any, target: TargetEntry) -> str | None:
    """Return what is wrong with an example: raw data, tensors and outputs, each by name."""
    if not isinstance(example, dict):
        return "expected an object"
    if not isinstance(example.get("name"), str):
        return "name: expected a text"
    for entry in inputs_of(target):
        name = entry["name"]
        problem = _raw_problem(_member(example.get("raw"), name), entry)
        if problem:
            return f"raw.{name}: {problem}"
        problem = _tensor_problem(_member(example.get("tensors"), name), entry)
        if problem:
            return f"tensors.{name}: {problem}"
    for output in outputs_of(target):
        problem = _output_problem(_member(example.get("outputs"), output["name"]), output, target)
        if problem:
            return f"outputs.{output['name']}: {problem}"
    return golden_values.label_problem(example, target)


def _raw_problem(raw: Any, entry: InputEntry) -> str | None:
    form = entry["raw"]["form"]
    if _member(raw, "form") != form:
        shown = printable(repr(_member(raw, "form")), max_length=40)
        return f"form: {shown}; expected {form}"
    data, shape = golden_values.decode(raw.get("data")), raw.get("shape")
    if data is None or not golden_values.is_shape(shape):
        return "expected form, shape, and data in base64"
    dtype = np.dtype(FORMS[form])
    problem = golden_values.size_problem(data, shape, dtype.itemsize)
    if problem:
        return f"data: {problem}"
    if form == "png" and not data.startswith(PNG):
        return "data: expected a PNG"
    if form == "utf8" and not _is_utf8(data):
        return "data: expected a text in UTF-8"
    return _number_problem(data, dtype)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _number_problem(data: bytes, dtype: np.dtype[Any]) -> str | None:
    """Return whether there are floats that are no numbers."""
    if dtype.kind != "f" or np.isfinite(np.frombuffer(data, dtype)).all():
        return None
    return "data: NaN or infinity; expected finite numbers"


def _tensor_problem(tensor: Any, entry: InputEntry) -> str | None:
    spec = entry["tensor"]
    dtype = spec["dtype"] if NUMERIC.fullmatch(spec["dtype"]) else PIXELS
    if dtype not in TENSORS:
        return f"dtype: {dtype}; expected one of {', '.join(TENSORS)}"
    if (_member(tensor, "dtype"), _member(tensor, "shape")) != (dtype, spec["shape"]):
        return "another dtype or shape than the target's input; expected the same"
    data = golden_values.decode(tensor.get("data"))
    if data is None:
        return "data: expected base64"
    stored = np.dtype(TENSORS[dtype])
    problem = golden_values.size_problem(data, spec["shape"], stored.itemsize)
    if problem:
        return f"data: {problem}"
    if _has_integers(spec):
        return _id_problem(np.frombuffer(data, stored), entry)
    return _number_problem(data, stored)


def _id_problem(ids: np.ndarray[Any, Any], entry: InputEntry) -> str | None:
    """Return whether there are ids out of a model's table, which a runtime would read behind."""
    highest = None
    for step in entry["preprocessing"]:
        if step["step"] == "bytes":
            highest = max(LARGEST_BYTE + step["plus"], step["pad"])
    lowest_id, highest_id = int(ids.min()), int(ids.max())
    if lowest_id < 0:
        return f"data: the id {lowest_id:,}; expected none below 0"
    if highest is not None and highest_id > highest:
        return f"data: the id {highest_id:,}; expected none above {highest:,}"
    return None


def _output_problem(output: Any, spec: TensorEntry, target: TargetEntry) -> str | None:
    shape = spec["shape"][1:] if NUMERIC.fullmatch(spec["dtype"]) else [len(target["labels"])]
    values = _member(output, "values")
    if _member(output, "shape") != shape:
        return "another shape than the target's output; expected the same"
    count = int(np.prod(shape, dtype=object))
    if not golden_values.are_numbers(values, count):
        return f"values: expected {count:,} numbers"
    return None
