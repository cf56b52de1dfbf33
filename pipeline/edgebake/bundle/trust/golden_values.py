"""Values in golden vectors of strangers: numbers, tensors in base64, answers."""

import base64
import binascii
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from edgebake.bundle.manifest_types import InputEntry, Step, TargetEntry, TensorEntry
from edgebake.terminal.printable import printable

LABELS_STEP = "top_k"  # last step of a target whose answer is labels
PNG = b"\x89PNG\r\n\x1a\n"
NUMERIC = re.compile(r"(?:u?int|float)(\d+)")
# Bounds of tolerances: evaluation/golden.py computes smaller ones.
MAX_OUTPUT_TOLERANCE = 0.1
OUTPUT_STEPS = 4  # of a quantized output
MARGIN = 1.1
PIXEL_LEVEL = 1.0  # of an input that is an image


def pixel_tolerance(entry: InputEntry) -> float:
    """Return one level of a pixel in the units of the input, and one step of its quantization."""
    steps: dict[str, Step] = {step["step"]: step for step in entry["preprocessing"]}
    if "normalize" not in steps:
        return PIXEL_LEVEL
    level = largest(steps["normalize"]["scale"])
    return MARGIN * (level + quantization_step(entry["tensor"]))


def output_tolerance(output: TensorEntry) -> float:
    """Return the largest tolerance of an output."""
    return max(MAX_OUTPUT_TOLERANCE, OUTPUT_STEPS * quantization_step(output))


def quantization_step(tensor: TensorEntry) -> float:
    """Return the distance of two stored values in real units; 0 for floats."""
    return tensor["scale"] or 0.0


def largest(values: float | Sequence[float]) -> float:
    """Return the largest of a step's numbers, or its only one."""
    if isinstance(values, Sequence):
        return float(max(values))
    return float(values)


def tolerance_problem(key: str, tolerance: Any, limit: float) -> str | None:
    """Return why a tolerance accepts too much, or nothing at all."""
    if is_number(tolerance) and 0 < tolerance <= limit:
        return None
    shown = printable(repr(tolerance), max_length=40)
    return f"tolerances.{key}: {shown}; expected a number above 0, at most {limit:.4g}"


def label_problem(example: Mapping[str, Any], target: TargetEntry) -> str | None:
    """Return what is wrong with the truth of an example, or with the answer for it.

    Another answer than labels is one of the task's own, which its apps alone know.
    """
    steps = target["postprocessing"]
    if not steps or steps[-1]["step"] != LABELS_STEP:
        is_text = isinstance(example.get("label"), str)
        return None if is_text and "answer" in example else "expected a label and an answer"
    if example.get("label") not in target["labels"]:
        return "label: expected one of the target's labels"
    if not _is_answer(example.get("answer"), target["labels"]):
        return "answer: expected a list of labels and probabilities"
    return None


def _is_answer(answer: Any, labels: Sequence[str]) -> bool:
    if not isinstance(answer, list):
        return False
    return all(
        isinstance(entry, Mapping)
        and entry.get("label") in labels
        and is_number(entry.get("probability"))
        for entry in answer
    )


def decode(text: Any) -> bytes | None:
    """Return the bytes of a text in base64; None if it is none."""
    if not isinstance(text, str):
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def size_problem(data: bytes, shape: Sequence[int], item_bytes: int) -> str | None:
    """Return why data are not those of an array of a shape; None if they are."""
    expected = math.prod(shape) * item_bytes
    if len(data) == expected:
        return None
    return f"{len(data):,} bytes; expected {expected:,}"


def is_shape(value: Any) -> TypeGuard[list[int]]:
    """Return whether a value is a list of sizes."""
    return isinstance(value, list) and all(type(size) is int and size >= 0 for size in value)


def are_numbers(values: Any, count: int) -> bool:
    """Return whether a value is a list of as many numbers."""
    return isinstance(values, list) and len(values) == count and all(map(is_number, values))


def is_number(value: Any) -> TypeGuard[float]:
    """Return whether a value is a number; True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)
