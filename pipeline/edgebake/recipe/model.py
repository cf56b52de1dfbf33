"""What learns."""

from dataclasses import dataclass
from enum import Enum

from omegaconf import MISSING

from edgebake.recipe.data import Attribution


class Output(Enum):
    """What a brought model answers with."""

    probabilities = "probabilities"
    logits = "logits"  # a softmax is put behind them


class Head(Enum):
    """What becomes of a brought model's last dense layer."""

    keep = "keep"
    new = "new"  # another one for the data's classes, which has to be trained


@dataclass
class Imported:
    """A model that somebody trained."""

    file: str = MISSING  # .keras, .h5, .onnx, .tflite, or the folder of a SavedModel
    output: Output = MISSING
    head: Head = MISSING
    allow_code: bool = MISSING  # whether code that the file brings (Lambda layers) may run
    image_width: int | None = MISSING  # pixels from left to right, where its images are not square


@dataclass
class Model:
    """What learns."""

    architecture: str = MISSING  # pipeline/edgebake/models/architectures/<architecture>.py
    width_multiplier: float = MISSING  # multiplies the channels of every layer
    resolution: int = MISSING  # pixels a side
    imported: Imported | None = None  # of the architecture `import`


@dataclass
class SourcedModel(Model):
    """The same, and who made what its weights start from; recipes/model/."""

    pretrained: Attribution | None = None  # null: from nothing
