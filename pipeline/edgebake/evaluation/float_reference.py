"""The float reference: what the accuracy of every converted file is compared with.

Reads reference.json in the folder float/ of train's output, which says what the reference is and
what shows that it answers as the source model does. `reference_choice` writes the folder.
"""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgebake import artifacts

FOLDER = "float"
SUMMARY = "reference.json"
# Of one probability. Two libraries sum up floats in another order: a trained MobileNetV3-Small and
# a ViT differ by 0.000004 on 200 images.
TOLERANCE = 1e-3
# Runtimes whose float file may be the reference, by the format of the model, best first.
RUNTIMES = {"keras": ("litert", "onnxruntime"), "onnx": ("onnxruntime",), "tflite": ("litert",)}
# A bundle tells of the reference of a model whose file it does not hold, so it loads no runtime.
LIBRARIES = {"litert": "LiteRT", "onnxruntime": "ONNX Runtime"}


@dataclass(frozen=True)
class FloatReference:
    """The content of reference.json: what the float reference is, and what shows it."""

    source: str  # library of the model that it was compared with
    runtime: str  # that runs its file; empty for written predictions
    file: str  # in the folder
    tools: dict[str, str]  # versions of what ran it, by distribution
    split: str = "validation"
    examples: int = 0  # compared
    same_answers: int = 0
    largest_difference: float = 0.0  # of one probability
    tolerance: float = TOLERANCE
    refused: dict[str, str] = field(default_factory=dict)  # runtime -> why its file is not used

    def describe(self) -> str:
        """Return what the reference is and what shows it, as a sentence for people."""
        if not self.runtime:
            text = f"the predictions that {self.source} made of the test images, written down"
        else:
            name = LIBRARIES[self.runtime]
            text = (
                f"a float file in {name}, which answers as {self.source} does for "
                f"{self.same_answers:,} of {self.examples:,} {self.split} examples, with "
                f"probabilities that differ by at most {self.largest_difference:.2g}"
            )
        for runtime, reason in self.refused.items():
            text += f"; not in {LIBRARIES[runtime]}: {reason}"
        return text


def power_of_ten_above(difference: float) -> float:
    """Return the smallest power of ten, from float32's own 1e-07 on, that is not exceeded.

    Unlike the difference itself, it seldom depends on the processor.
    """
    exponent = math.ceil(math.log10(max(difference, 1e-7)))
    return float(f"1e{exponent}")


def read(train: Path) -> FloatReference:
    """Read reference.json in the output folder of train."""
    return from_dict(artifacts.read_json(train / FOLDER / SUMMARY, FloatReference))


def from_dict(fields: Any) -> FloatReference:
    """Return the reference whose fields JSON holds."""
    return FloatReference(**fields)
