"""Both forms of a target are read alike."""

from typing import Any

from edgebake.bundle.tensors_of import (
    files_of,
    inputs_of,
    outputs_of,
    outputs_with_labels,
    steps_of,
)
from tests.bundle import made

BOXES = {
    "name": "boxes",
    "shape": [1, 10, 4],
    "dtype": "float32",
    "layout": "values",
    "scale": None,
    "zero_point": None,
}
TOP: dict[str, Any] = {"step": "top_k", "k": 1, "threshold": 0.5, "labels": "models/a.labels.txt"}


def _first_form() -> Any:
    return made.target("litert", made.LITERT, {})


def _second_form(*after: dict[str, Any]) -> Any:
    target = _first_form()
    image = {
        "name": "image",
        "kind": "image",
        "tensor": target.pop("input"),
        "raw": {"form": "png"},
        "preprocessing": target.pop("preprocessing"),
    }
    return {
        **target,
        "inputs": [image],
        "outputs": [target.pop("output"), BOXES],
        "postprocessing": list(after),
    }


def test_an_image_of_the_first_form_is_an_input() -> None:
    target = _first_form()
    assert inputs_of(target) == [
        {
            "name": "image",
            "kind": "image",
            "tensor": target["input"],
            "raw": {"form": "png"},
            "preprocessing": target["preprocessing"],
        }
    ]
    assert outputs_of(target) == [target["output"]]
    assert steps_of(target) == target["preprocessing"] + target["postprocessing"]
    assert files_of(target) == ["golden/digits.json", "models/digits-litert.labels.txt"]


def test_labels_belong_to_the_output_that_their_step_begins_with() -> None:
    dequantize = {"step": "dequantize", "output": "boxes"}
    assert outputs_with_labels(_second_form(dequantize, TOP)) == [BOXES]
    first = _second_form(TOP)
    assert outputs_with_labels(first) == [first["outputs"][0]]
    assert outputs_with_labels(_second_form({"step": "softmax"})) == []
