"""A bundle of edgebake.manifest/2: a sound, measurements and a text into one model, by hand.

The kinds of inputs are a project's own: their modules lie in its folder plugins/inputs/.
"""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgebake.recipe.stage_params import Plan
from edgebake.runtimes.session import Inspection, Operator, Tensor
from edgebake.tasks.contract import Contract
from edgebake.tasks.tensors import ContractInput, Step, TensorSpec
from tests import signed
from tests.contracts import probabilities
from tests.signed import Signed

# A kind of input as far as package asks it; its other members are those of texts.
KIND = """
from pathlib import Path

from edgebake.tasks.inputs import text


class Kind(type(text.INPUT)):
    raw_form = "FORM"
    steps = {}
    augments_pixels = False

    def published(self, spec, convert):
        return list(spec.steps)

    def takes_raw(self, dtype):
        return False

    def app_code(self):
        return {"steps.py": Path(__file__).with_name("steps.py").read_bytes()}


INPUT = Kind()
"""
STEPS = '''"""No steps: nothing runs them here."""

STEPS = {}
'''
FORMS = {"tone": "pcm16", "motion": "float32", "words": "utf8"}
MEL = np.arange(65 * 4, dtype=np.float32).reshape(65, 4) / np.float32(512)
SHA256 = "ab" * 32
TONE: list[Step] = [
    {"step": "sound", "rate": 8000, "channels": 1, "format": "pcm16"},
    {"step": "clip", "samples": 800, "hop": 400, "short": "zeros_behind"},
    {"step": "scale", "by": 1 / 32768},
    {"step": "frames", "length": 100, "hop": 100, "centred": False},
    {"step": "window", "shape": "hann", "periodic": True},
    {"step": "power_spectrum", "fft": 128},
    {"step": "matrix", "file": "mel", "rows": 65, "columns": 4},
    {"step": "log", "base": "e", "plus": 1e-6},
    {"step": "normalize", "mean": -3.25, "scale": 0.25},
]
MOTION: list[Step] = [
    {
        "step": "signal",
        "rate_hz": 50,
        "channels": ["ax", "ay"],
        "units": ["m/s2", "m/s2"],
        "uneven": "linear",
    },
    {"step": "motion.smoothed", "over": 3},
    {"step": "normalize", "mean": [0.0, 9.5], "scale": [0.5, 0.25]},
]
WORDS: list[Step] = [
    {"step": "utf8", "normal_form": "none"},
    {"step": "bytes", "plus": 1, "length": 8, "keep": "first", "pad": 0},
]
LABELS = [str(digit) for digit in range(10)]
INPUTS = (
    ContractInput(
        "sound", "tone", TensorSpec("sound", (8, 4, 1), "float32"), tuple(TONE), {"mel": MEL}
    ),
    ContractInput("moved", "motion", TensorSpec("moved", (16, 2), "float32"), tuple(MOTION)),
    ContractInput("text", "words", TensorSpec("text", (8,), "int32", highest=256), tuple(WORDS)),
)
INSPECTION = Inspection(
    [
        Tensor("sound", [1, 8, 4, 1], "int8", "values", 0.05, 3),
        Tensor("moved", [1, 16, 2], "float32", "values"),
        Tensor("text", [1, 8], "int32", "values"),
    ],
    [Tensor("probabilities", [1, 10], "int8", "NC", 1 / 256, -128)],
    [Operator("Conv", ("int8",))],
    {"int8": 3},
)


def contract() -> Contract:
    """Return the contract."""
    return Contract("classification", INPUTS, (probabilities(LABELS),), LABELS)


def golden() -> dict[str, Any]:
    """Return golden.json: two examples, whose tensors no steps have computed."""
    examples = []
    for digit in range(2):
        text = f"digit {digit}".encode()
        raw = {
            "sound": {"form": "pcm16", "shape": [800], "data": _data(np.zeros(800, "<i2"))},
            "moved": {"form": "float32", "shape": [16, 2], "data": _data(np.ones((16, 2), "<f4"))},
            "text": {"form": "utf8", "shape": [7], "data": base64.b64encode(text).decode()},
        }
        tensors = {
            "sound": _tensor(np.zeros((1, 8, 4, 1), "<i1")),
            "moved": _tensor(np.ones((1, 16, 2), "<f4")),
            "text": _tensor(np.array([[*(byte + 1 for byte in text), 0]], "<i4")),
        }
        values = [0.0] * 10
        values[digit] = 0.996094
        examples.append(
            {
                "name": f"row {digit}",
                "raw": raw,
                "tensors": tensors,
                "outputs": {"probabilities": {"shape": [10], "values": values}},
                "label": str(digit),
            }
        )
    tolerances = {
        "inputs": {"sound": 0.05, "moved": 0.001, "text": 0},
        "outputs": {"probabilities": 0.04},
    }
    return {
        "format": "edgebake.golden/2",
        "sha256": SHA256,
        "tolerances": tolerances,
        "examples": examples,
    }


def make(root: Path, planned: Plan, *, is_signed: bool = False) -> Signed:
    """Return the bundle, in an empty folder that becomes the project."""
    write_kinds(root)
    return signed.make(root, planned, signed=is_signed, files=files())


def write_kinds(root: Path = Path()) -> None:
    """Write the kinds of inputs into a project."""
    for name, form in FORMS.items():
        package = root / "plugins/inputs" / name
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(KIND.replace("FORM", form))
        (package / "steps.py").write_text(STEPS)


def files() -> dict[str, bytes]:
    """Return what validate leaves of the model."""
    return {
        "contract.json": contract().to_json().encode(),
        "inspection.json": json.dumps(INSPECTION.to_dict()).encode(),
        "golden.json": json.dumps(golden()).encode(),
    }


def _tensor(values: NDArray[Any]) -> dict[str, Any]:
    return {"dtype": values.dtype.name, "shape": list(values.shape), "data": _data(values)}


def _data(values: NDArray[Any]) -> str:
    return base64.b64encode(values.tobytes()).decode()
