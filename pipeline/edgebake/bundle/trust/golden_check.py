"""Check the golden vectors and labels of an untrusted bundle against its manifest.

Without golden vectors, or with endless tolerances, an app would accept any model.
"""

import base64
import binascii
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeGuard

from edgebake.bundle import manifest
from edgebake.bundle.manifest_types import Manifest, Step, TargetEntry
from edgebake.bundle.trust import bounded_read
from edgebake.bundle.trust.bounded_read import UnreadableFileError
from edgebake.documents import strict_json
from edgebake.documents.strict_json import StrictJsonError
from edgebake.errors import ProofError
from edgebake.terminal.printable import printable

MAX_BYTES = 64 << 20  # of a file of golden vectors; five images of 1,000 pixels a side take 60 MB
MAX_LABEL_BYTES = 4 << 20
MAX_EXAMPLES = 1_000
PNG = b"\x89PNG\r\n\x1a\n"
# Bounds of tolerances: evaluation/golden.py computes smaller ones.
MAX_PROBABILITY_TOLERANCE = 0.1
STEPS = 4  # of a quantized output
PIXEL_MARGIN = 1.1
IMAGE_TOLERANCE = 1.0  # of an input that is an image: one level
NUMERIC = re.compile(r"(?:u?int|float)(\d+)")


def check_golden_vectors(folder: Path, content: Manifest) -> str:
    """Check the golden vectors and the labels of every target.

    Raises:
        ProofError: there are none, they do not fit the target, or tolerances are too large.
    """
    count = 0
    checked = set()
    for name, target in content["targets"].items():
        _check_labels(folder, name, target)
        golden = _read(folder, target["golden"])
        for problem in _problems(golden, target):
            raise ProofError(f"{target['golden']}: {problem}")
        if target["golden"] not in checked:
            checked.add(target["golden"])
            count += len(golden["examples"])
    return f"{count} examples, labels as in the manifest"


def _check_labels(folder: Path, name: str, target: TargetEntry) -> None:
    """Compare a target's labels with its labels.txt and with the width of its output."""
    labels = target["labels"]
    output = target["output"]
    key = f"{manifest.FILE}: targets.{name}"
    if NUMERIC.fullmatch(output["dtype"]) and output["shape"][-1] != len(labels):
        raise ProofError(
            f"{key}.labels: {len(labels):,} labels for an output of {output['shape'][-1]:,}; "
            "expected one for each class"
        )
    expected = "".join(f"{label}\n" for label in labels).encode()
    for step in target["postprocessing"]:
        if "labels" in step and _read_file(folder, step["labels"], MAX_LABEL_BYTES) != expected:
            raise ProofError(f"{step['labels']}: not the labels of {key}.labels; expected the same")


def _read(folder: Path, path: str) -> Any:
    try:
        return strict_json.parse(_read_file(folder, path, MAX_BYTES), MAX_BYTES)
    except StrictJsonError as error:
        raise ProofError(f"{path}: expected JSON: {error}") from None


def _read_file(folder: Path, path: str, max_bytes: int) -> bytes:
    try:
        return bounded_read.read(folder / path, max_bytes)
    except UnreadableFileError as error:
        raise ProofError(f"{path}: {error}") from None


def _problems(golden: Any, target: TargetEntry) -> Iterator[str]:
    """Yield the mistakes in golden vectors."""
    examples = golden.get("examples") if isinstance(golden, dict) else None
    if not isinstance(examples, list) or not examples:
        yield "examples: none; expected at least one"
        return
    if len(examples) > MAX_EXAMPLES:
        yield f"examples: {len(examples):,}; expected at most {MAX_EXAMPLES:,}"
        return
    yield from _tolerance_problems(golden.get("tolerances"), target)
    for index, example in enumerate(examples):
        problem = _example_problem(example, target)
        if problem:
            yield f"examples[{index}]: {problem}"


def _tolerance_problems(tolerances: Any, target: TargetEntry) -> Iterator[str]:
    limits = {"tensor": _input_limit(target), "output": _output_limit(target)}
    for key, limit in limits.items():
        tolerance = tolerances.get(key) if isinstance(tolerances, dict) else None
        if not _is_number(tolerance) or not 0 < tolerance <= limit:
            shown = printable(repr(tolerance), max_length=40)
            yield f"tolerances.{key}: {shown}; expected a number above 0, at most {limit:.4g}"


def _input_limit(target: TargetEntry) -> float:
    """Return one level of a pixel in the units of the input, and one step of its quantization."""
    steps: dict[str, Step] = {step["step"]: step for step in target["preprocessing"]}
    if "normalize" not in steps:
        return IMAGE_TOLERANCE
    scale = steps["normalize"]["scale"]
    largest = max(scale) if isinstance(scale, list) else scale
    limit: float = PIXEL_MARGIN * (largest + (target["input"]["scale"] or 0.0))
    return limit


def _output_limit(target: TargetEntry) -> float:
    return max(MAX_PROBABILITY_TOLERANCE, STEPS * (target["output"]["scale"] or 0.0))


def _example_problem(example: Any, target: TargetEntry) -> str | None:
    """Return what is wrong with an example: an image, the input for it, and the output."""
    if not isinstance(example, dict):
        return "expected an object"
    if not isinstance(example.get("name", ""), str):
        return "name: expected a text"
    image = _decode(example.get("image"))
    if image is None or not image.startswith(PNG):
        return "image: expected a PNG in base64"
    tensor_problem = _tensor_problem(example.get("tensor"), target)
    if tensor_problem:
        return tensor_problem
    return _output_problem(example, target)


def _output_problem(example: Mapping[str, Any], target: TargetEntry) -> str | None:
    output = example.get("output")
    classes = len(target["labels"])
    if not isinstance(output, list) or len(output) != classes or not _are_numbers(output):
        return f"output: expected {classes:,} numbers, one for each label"
    if example.get("label") not in target["labels"]:
        return "label: expected one of the target's labels"
    if not _is_answer(example.get("answer"), target["labels"]):
        return "answer: expected a list of labels and probabilities"
    return None


def _tensor_problem(tensor: Any, target: TargetEntry) -> str | None:
    if not isinstance(tensor, dict):
        return "tensor: expected an object"
    data = _decode(tensor.get("data"))
    shape = tensor.get("shape")
    dtype = NUMERIC.fullmatch(str(tensor.get("dtype")))
    if data is None or dtype is None or not isinstance(shape, list):
        return "tensor: expected dtype, shape, and data in base64"
    spec = target["input"]
    if NUMERIC.fullmatch(spec["dtype"]) and (tensor["dtype"], shape) != (
        spec["dtype"],
        spec["shape"],
    ):
        return "tensor: another dtype or shape than the target's input; expected the same"
    if not all(isinstance(size, int) for size in shape):
        return "tensor: shape: expected integers"
    expected = math.prod(shape) * int(dtype[1]) // 8
    if len(data) != expected:
        return f"tensor: data: {len(data):,} bytes; expected {expected:,}"
    return None


def _is_answer(answer: Any, labels: Sequence[str]) -> bool:
    if not isinstance(answer, list):
        return False
    return all(
        isinstance(entry, Mapping)
        and entry.get("label") in labels
        and _is_number(entry.get("probability"))
        for entry in answer
    )


def _decode(text: Any) -> bytes | None:
    if not isinstance(text, str):
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _are_numbers(values: Sequence[Any]) -> bool:
    return all(_is_number(value) for value in values)


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
