"""Golden vectors of a bundle: examples whose output and prediction an app must reproduce.

evaluation/golden.py selects the examples; this module adds the prediction that the app shows.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from edgebake.bundle.manifest_types import JsonObject, Step
from edgebake.errors import GateError
from edgebake.evaluation import golden_forms
from edgebake.tasks import postprocess

ONLY_OUTPUT = ""  # name of the output where golden vectors give none


def render(golden: JsonObject, steps: list[Step], labels: list[str]) -> bytes:
    """Return the text of golden/<variant>.json, in the form of golden.json.

    It leaves out examples whose prediction may differ between devices.

    Args:
        golden: the content of golden.json, written by validate.
        steps: `postprocessing` of the target.
        labels: one for each class.

    Raises:
        GateError: no example is left, so an app could not test the model on its device.
    """
    shown = _on_real_values(steps)
    limits = _output_tolerances(golden)
    examples = []
    for example in golden["examples"]:
        outputs = _outputs(example)
        if _is_near_threshold(outputs, shown, limits):
            continue
        prediction: object = postprocess.run(shown, outputs, labels)
        examples.append({**example, "answer": prediction})
    if not examples:
        raise GateError(
            f"golden.json of the model {golden['sha256'][:12]}: examples: "
            "no test example with a clear prediction; expected at least one "
            "whose highest probability differs from the second, and from the threshold, "
            f"by more than the tolerance of kernels: {max(limits.values()):g}"
        )
    content = {**golden, "examples": examples}
    text = json.dumps(content, indent=2) + "\n"
    return text.encode()


def _output_tolerances(golden: JsonObject) -> dict[str, float]:
    """Return the tolerance of each output by its name, as `_outputs` has it."""
    if golden["format"] == golden_forms.FIRST:
        return {ONLY_OUTPUT: golden["tolerances"]["output"]}
    tolerances: dict[str, float] = golden["tolerances"]["outputs"]
    return tolerances


def _outputs(example: JsonObject) -> dict[str, Any]:
    """Return the outputs of an example by name, in real units, float64 [1, ...]."""
    if "output" in example:
        return {ONLY_OUTPUT: np.array([example["output"]])}
    outputs = {}
    for name, output in example["outputs"].items():
        values = np.array(output["values"])
        outputs[name] = values.reshape(1, *output["shape"])
    return outputs


def _on_real_values(steps: Sequence[Step]) -> list[Step]:
    """Return the steps for outputs that are dequantized already."""
    shown: list[Step] = []
    begins: JsonObject = {}  # the output that a dropped step began with
    for step in steps:
        if step["step"] == "dequantize":
            begins = {"output": step["output"]} if "output" in step else {}
            continue
        shown.append({**begins, **step})
        begins = {}
    return shown


def _is_near_threshold(
    outputs: Mapping[str, Any], steps: Sequence[Step], tolerances: Mapping[str, float]
) -> bool:
    """Return whether the likeliest class may pass the threshold on some devices only."""
    name = next(iter(outputs))
    for step in steps:
        name = step.get("output", name)
        if step["step"] == "top_k":
            distance = abs(float(outputs[name].max()) - step["threshold"])
            if distance <= tolerances[name]:
                return True
    return False
