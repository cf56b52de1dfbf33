"""Golden vectors of a bundle: examples whose output and prediction an app must reproduce.

evaluation/golden.py selects the examples; this module adds the prediction that the app shows.
"""

import json

import numpy as np

from edgebake.bundle.manifest_types import JsonObject, Step
from edgebake.errors import GateError
from edgebake.tasks import postprocess


def render(golden: JsonObject, steps: list[Step], labels: list[str]) -> bytes:
    """Return the text of golden/<variant>.json.

    It leaves out examples whose prediction may differ between devices.

    Args:
        golden: the content of golden.json, written by validate.
        steps: `postprocessing` of the target.
        labels: one for each class.

    Raises:
        GateError: no example is left, so an app could not test the model on its device.
    """
    tolerance = golden["tolerances"]["output"]
    examples = []
    for example in golden["examples"]:
        output = example["output"]
        if _is_near_threshold(output, steps, tolerance):
            continue
        prediction = _prediction(output, steps, labels)
        examples.append({**example, "answer": prediction})
    if not examples:
        raise GateError(
            f"golden.json of the model {golden['sha256'][:12]}: examples: "
            "no test example with a clear prediction; expected at least one "
            "whose highest probability differs from the second, and from the threshold, "
            f"by more than the tolerance of kernels: {tolerance:g}"
        )
    content = {**golden, "examples": examples}
    text = json.dumps(content, indent=2) + "\n"
    return text.encode()


def _is_near_threshold(output: list[float], steps: list[Step], tolerance: float) -> bool:
    """Return whether the likeliest class may pass the threshold on some devices only."""
    highest = max(output)
    for step in steps:
        if step["step"] == "top_k":
            distance = abs(highest - step["threshold"])
            if distance <= tolerance:
                return True
    return False


def _prediction(output: list[float], steps: list[Step], labels: list[str]) -> object:
    """Return the prediction that an app shows for an output [classes], already dequantized."""
    remaining = [step for step in steps if step["step"] != "dequantize"]
    batch = np.array([output])
    prediction: object = postprocess.run(remaining, batch, labels)
    return prediction
