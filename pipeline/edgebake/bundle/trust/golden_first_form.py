"""Mistakes in golden vectors of strangers, edgebake.golden/1: an image and its class."""

from collections.abc import Iterator, Mapping
from typing import Any

from edgebake.bundle.manifest_types import InputEntry, TargetEntry, TensorEntry
from edgebake.bundle.tensors_of import inputs_of, outputs_of
from edgebake.bundle.trust import golden_values
from edgebake.bundle.trust.golden_values import NUMERIC, PNG

IMAGE = "png"


def find_problems(golden: Mapping[str, Any], target: TargetEntry) -> Iterator[str]:
    """Yield the mistakes in golden vectors; they have examples."""
    inputs, outputs = inputs_of(target), outputs_of(target)
    if [entry["raw"]["form"] for entry in inputs] != [IMAGE] or len(outputs) != 1:
        yield "format: edgebake.golden/1; expected edgebake.golden/2 for other than one image"
        return
    yield from _tolerance_problems(golden.get("tolerances"), inputs[0], outputs[0])
    for index, example in enumerate(golden["examples"]):
        problem = _example_problem(example, inputs[0]["tensor"], target)
        if problem:
            yield f"examples[{index}]: {problem}"


def _tolerance_problems(tolerances: Any, entry: InputEntry, output: TensorEntry) -> Iterator[str]:
    limits = {
        "tensor": golden_values.pixel_tolerance(entry),
        "output": golden_values.output_tolerance(output),
    }
    for key, limit in limits.items():
        tolerance = tolerances.get(key) if isinstance(tolerances, dict) else None
        problem = golden_values.tolerance_problem(key, tolerance, limit)
        if problem:
            yield problem


def _example_problem(example: Any, spec: TensorEntry, target: TargetEntry) -> str | None:
    """Return what is wrong with an example: an image, the input for it, and the output."""
    if not isinstance(example, dict):
        return "expected an object"
    if not isinstance(example.get("name", ""), str):
        return "name: expected a text"
    image = golden_values.decode(example.get("image"))
    if image is None or not image.startswith(PNG):
        return "image: expected a PNG in base64"
    tensor_problem = _tensor_problem(example.get("tensor"), spec)
    if tensor_problem:
        return f"tensor: {tensor_problem}"
    output = example.get("output")
    classes = len(target["labels"])
    if not golden_values.are_numbers(output, classes):
        return f"output: expected {classes:,} numbers, one for each label"
    return golden_values.label_problem(example, target)


def _tensor_problem(tensor: Any, spec: TensorEntry) -> str | None:
    if not isinstance(tensor, dict):
        return "expected an object"
    data = golden_values.decode(tensor.get("data"))
    shape = tensor.get("shape")
    dtype = NUMERIC.fullmatch(str(tensor.get("dtype")))
    if data is None or dtype is None or not isinstance(shape, list):
        return "expected dtype, shape, and data in base64"
    if NUMERIC.fullmatch(spec["dtype"]) and (tensor["dtype"], shape) != (
        spec["dtype"],
        spec["shape"],
    ):
        return "another dtype or shape than the target's input; expected the same"
    if not golden_values.is_shape(shape):
        return "shape: expected integers"
    problem = golden_values.size_problem(data, shape, int(dtype[1]) // 8)
    return f"data: {problem}" if problem else None
