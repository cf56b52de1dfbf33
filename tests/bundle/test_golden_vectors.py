"""Golden vectors state the prediction of an app, and leave out examples near the threshold."""

import json
from typing import Any

import pytest

from edgebake.bundle import golden_vectors
from edgebake.errors import GateError

TOP = {"step": "top_k", "k": 2, "threshold": 0.5, "labels": "models/x.labels.txt"}
DEQUANTIZE = {"step": "dequantize", "scale": 1 / 256, "zero_point": -128}
LABELS = ["cat", "dog", "fox"]


def _made(*outputs: list[float]) -> dict[str, Any]:
    examples = [{"image": "", "tensor": {}, "output": output, "label": "cat"} for output in outputs]
    return {
        "format": "edgebake.golden/1",
        "sha256": "ab" * 32,
        "tolerances": {"tensor": 1.0, "output": 0.02},
        "examples": examples,
    }


def _examples(*outputs: list[float], steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rendered = golden_vectors.render(_made(*outputs), steps, LABELS)
    examples: list[dict[str, Any]] = json.loads(rendered)["examples"]
    return examples


def test_each_example_gets_the_answer_of_the_steps() -> None:
    (one,) = _examples([0.25, 0.75, 0.0], steps=[TOP])
    assert one["answer"] == [{"label": "dog", "probability": 0.75}]
    assert one["output"] == [0.25, 0.75, 0.0]


def test_an_output_of_integers_is_real_already() -> None:
    (one,) = _examples([0.25, 0.75, 0.0], steps=[DEQUANTIZE, TOP])
    assert one["answer"] == [{"label": "dog", "probability": 0.75}]


def test_an_example_below_the_threshold_has_no_answer_and_stays() -> None:
    (one,) = _examples([0.4, 0.3, 0.3], steps=[TOP])
    assert one["answer"] == []


def test_an_example_at_the_threshold_is_left_out() -> None:
    found = _examples([0.51, 0.3, 0.19], [0.49, 0.31, 0.2], [0.53, 0.3, 0.17], steps=[TOP])
    assert [one["output"][0] for one in found] == [0.53]


def test_all_else_stays_as_it_was_made() -> None:
    made = _made([0.25, 0.75, 0.0])
    content = json.loads(golden_vectors.render(made, [TOP], LABELS))
    assert {**content, "examples": []} == {**made, "examples": []}


def test_no_clear_example_refuses_the_bundle() -> None:
    with pytest.raises(GateError) as refused:
        golden_vectors.render(_made([0.51, 0.3, 0.19]), [TOP], LABELS)
    assert str(refused.value) == (
        "golden.json of the model abababababab: examples: no test example with a "
        "clear prediction; expected at least one whose highest probability differs from the "
        "second, and from the threshold, by more than the tolerance of kernels: 0.02"
    )
