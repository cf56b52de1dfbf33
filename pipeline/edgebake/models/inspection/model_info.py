"""What was read from a model file, whatever its format."""

from collections.abc import Mapping
from dataclasses import dataclass, field

IMAGE_CHANNELS = (1, 3)  # channels that an image can have
LOGITS = "linear"
PROBABILITIES = ("softmax", "sigmoid")


@dataclass(frozen=True)
class TensorInfo:
    """One tensor that goes in or comes out; a size that is left open is None."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True)
class PixelScaling:
    """Which pixels a model takes, as the recipe says it: (pixel - mean) * scale."""

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    reason: str


@dataclass(frozen=True)
class ModelInfo:
    """All that a report or a recipe says of a model."""

    format: str  # keras, onnx or tflite
    container: str
    producer: str
    file_size: int  # bytes
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    final_activation: str | None  # the activation at its end; None: cannot be told
    parameters: int
    operator_counts: Mapping[str, int]  # layers or operators
    precision: str = "float32"  # what it computes in
    preprocessing: tuple[str, ...] = ()  # preprocessing that it does itself
    code_risk: str | None = None  # why reading it runs code, if it does
    unsupported: str | None = None  # why it cannot be brought, if it cannot
    pixel_scaling: PixelScaling | None = None  # None: cannot be told
    color: str | None = None  # None: cannot be told
    labels: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)  # what its metadata say besides

    @property
    def layout(self) -> str | None:
        """Return NHWC or NCHW; None where it takes no image, or either is possible."""
        shape = self.inputs[0].shape if len(self.inputs) == 1 else ()
        last, first = (
            len(shape) == 4 and shape[3] in IMAGE_CHANNELS,
            len(shape) == 4 and shape[1] in IMAGE_CHANNELS,
        )
        return None if last == first else "NHWC" if last else "NCHW"

    @property
    def image(self) -> tuple[int | None, int | None, int | None]:
        """Return height, width and channels; all None where it takes no image."""
        if self.layout is None:
            return None, None, None
        shape = self.inputs[0].shape
        return (
            (shape[1], shape[2], shape[3])
            if self.layout == "NHWC"
            else (shape[2], shape[3], shape[1])
        )

    @property
    def classes(self) -> int | None:
        """Return how many classes it answers for; one number is for two."""
        shape = self.outputs[0].shape if len(self.outputs) == 1 else ()
        sizes = [size for size in shape[1:] if size != 1] if shape else [None]
        return 2 if shape and not sizes else sizes[0] if len(sizes) == 1 else None

    @property
    def output(self) -> str | None:
        """Return the recipe's word for what it answers; None where that cannot be told."""
        if self.final_activation in PROBABILITIES:
            return "probabilities"
        return "logits" if self.final_activation == LOGITS else None
