"""Golden vectors as a bundle ships them: to what evaluation/golden.py made, the answers that an app has to show."""

import json
from typing import Any

import numpy as np

from edgebake.errors import GateError
from edgebake.tasks import postprocess


def render(golden: dict[str, Any], steps: list[dict[str, Any]], labels: list[str]) -> bytes:
    """Return the text of golden/<variant>.json: examples whose answer does not hang on a hair, each with its answer.

    Args:
        golden: what golden.json of validate holds.
        steps: `postprocessing` of the target.
        labels: one for each class.

    Raises:
        GateError: there is no such example, so that an app could not tell whether the model works on its device.
    """
    tolerance = golden["tolerances"]["output"]
    examples = [
        one for one in golden["examples"] if not _is_near_threshold(one["output"], steps, tolerance)
    ]
    if not examples:
        raise GateError(
            f"golden.json of the model {golden['sha256'][:12]}: examples: none whose answer is clear; expected one or "
            "more of the test split whose likeliest class is further from the second, and from the threshold, than "
            f"what other kernels change: {tolerance:g}"
        )
    answered = [{**one, "answer": _answer(one["output"], steps, labels)} for one in examples]
    return (json.dumps({**golden, "examples": answered}, indent=2) + "\n").encode()


def _is_near_threshold(output: list[float], steps: list[dict[str, Any]], tolerance: float) -> bool:
    """Return whether the likeliest answer is shown on one device and held back on another."""
    thresholds = [step["threshold"] for step in steps if step["step"] == "top_k"]
    return any(abs(max(output) - threshold) <= tolerance for threshold in thresholds)


def _answer(output: list[float], steps: list[dict[str, Any]], labels: list[str]) -> Any:
    """Return what an app shows; `output` holds real numbers already."""
    left = [step for step in steps if step["step"] != "dequantize"]
    return postprocess.run(left, np.array([output]), labels)
