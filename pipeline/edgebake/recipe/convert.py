"""For which runtime."""

from dataclasses import dataclass
from enum import Enum

from omegaconf import MISSING

from edgebake.recipe.device import DType


class Precision(Enum):
    """Floating-point numbers that a program computes with."""

    float16 = "float16"
    float32 = "float32"


@dataclass
class Range:
    """Every size from one to another, in pixels a side."""

    smallest: int = MISSING
    largest: int = MISSING


@dataclass
class CoreML:
    """What only Core ML has a word for."""

    minimum_deployment_target: str = MISSING  # iOS15 to iOS26
    compute_precision: Precision = MISSING
    resolutions: list[int] = (
        MISSING  # further sizes of image that it takes, pixels a side; empty: the model's own alone
    )
    resolution_range: Range | None = MISSING  # the same as a range


@dataclass
class Convert:
    """For which runtime; recipes/convert/."""

    runtime: str = MISSING  # pipeline/edgebake/runtimes/<runtime>/
    coreml: CoreML | None = MISSING
    input: DType | None = None  # null: as the runtime takes it best
    output: DType | None = None  # null: as the runtime gives it best
    ort_format: bool = False  # ONNX Runtime alone: also model.ort, and the list of operators that a small build needs
