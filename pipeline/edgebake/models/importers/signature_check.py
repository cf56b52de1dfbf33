"""What a brought model takes and answers, compared with what the recipe says."""

from dataclasses import dataclass

from edgebake.errors import ModelError
from edgebake.tasks.contract import Contract

COLORS = {1: "grayscale", 3: "rgb or bgr"}


@dataclass(frozen=True)
class ModelSignature:
    """The two ends of a model: one image in, one number per class out."""

    height: int | None  # pixels; None: any
    width: int | None  # pixels; None: any
    channels: int
    classes: int


def check_signature(ends: ModelSignature, agreed: Contract, file: str) -> None:
    """Compare the ends of the model in `file` with the contract.

    Raises:
        ModelError: they differ; every difference is named, and the recipe words that decide it.
    """
    found = [*_size(ends, agreed), *_color(ends, agreed), *_classes(ends, agreed)]
    if found:
        raise ModelError(f"{file}: the model does not fit its recipe: {'; '.join(found)}")


def _size(ends: ModelSignature, agreed: Contract) -> list[str]:
    height, width = ends.height or agreed.height, ends.width or agreed.width
    if (height, width) == (agreed.height, agreed.width):
        return []
    words = f"model.resolution: {height}" + (
        f" and model.imported.image_width: {width}" if width != height else ""
    )
    return [
        f"it takes images of {height} x {width} pixels, not {agreed.height} x {agreed.width}; expected {words}"
    ]


def _color(ends: ModelSignature, agreed: Contract) -> list[str]:
    if ends.channels == agreed.channels:
        return []
    mend = (
        f"expected data.color: {COLORS[ends.channels]}"
        if ends.channels in COLORS
        else "expected 1 or 3"
    )
    return [
        f"it takes {ends.channels} channels, and data.color {agreed.color} has {agreed.channels}; {mend}"
    ]


def _classes(ends: ModelSignature, agreed: Contract) -> list[str]:
    if ends.classes == len(agreed.labels):
        return []
    mend = f"expected a file of {ends.classes} lines in data.labels, or model.imported.head: new to train another head"
    return [
        f"it answers for {ends.classes} classes, and the data have {len(agreed.labels)}; {mend}"
    ]
