"""Options of the conversion to the file format of a runtime."""

from dataclasses import dataclass
from enum import Enum

from edgebake.recipe.device import DType
from edgebake.recipe.missing import MISSING


class Precision(Enum):
    """Floating-point type in which an ML Program computes."""

    float16 = "float16"
    float32 = "float32"


@dataclass
class ResolutionRange:
    """Range of square input resolutions of a Core ML model."""

    # Smallest resolution, in pixels per side.
    smallest: int = MISSING
    # Largest resolution, in pixels per side.
    largest: int = MISSING


@dataclass
class CoreML:
    """Options of Core ML: deployment target, compute precision and input resolutions."""

    # Oldest iOS version that can load the model: iOS15 to iOS26.
    minimum_deployment_target: str = MISSING
    # Floating-point type of the computation: `float16` or `float32`.
    compute_precision: Precision = MISSING
    # Further input resolutions, in pixels per side; empty: only the resolution of the model.
    resolutions: list[int] = MISSING
    # Continuous range of input resolutions, instead of `resolutions`; null: none.
    resolution_range: ResolutionRange | None = MISSING


@dataclass
class Convert:
    """Options of the conversion: runtime and data types of input and output; recipes/convert/."""

    # Runtime: a folder of edgebake/runtimes/ or a module of the project's plugins/runtimes/.
    runtime: str = MISSING
    # Options of Core ML; null for other runtimes.
    coreml: CoreML | None = None
    # Data type of the model's input; null: the type that suits the runtime best.
    input: DType | None = None
    # Data type of the model's output; null: the type that suits the runtime best.
    output: DType | None = None
    # Also write model.ort and the list of operators for a reduced build; ONNX Runtime only.
    ort_format: bool = False
