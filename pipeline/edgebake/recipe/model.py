"""Options of the model: architecture or imported file."""

from dataclasses import dataclass
from enum import Enum

from edgebake.recipe.data import Attribution
from edgebake.recipe.missing import MISSING


class Output(Enum):
    """Kind of values that an imported model outputs."""

    # Probabilities of the classes.
    probabilities = "probabilities"
    # Unnormalized scores; a softmax is appended.
    logits = "logits"


class Head(Enum):
    """Handling of the last dense layer of an imported model."""

    # Keep the layer and its weights.
    keep = "keep"
    # Replace it by an untrained layer for the classes of the dataset.
    new = "new"


@dataclass
class Imported:
    """Options of an imported model: file, output, classification head and trust."""

    # Path of the model: .keras, .h5, .onnx, .tflite, or the folder of a SavedModel.
    file: str = MISSING
    # Kind of values that the model outputs: `probabilities` or `logits`.
    output: Output = MISSING
    # Handling of the last dense layer: `keep` or `new`.
    head: Head = MISSING
    # Whether code in the file (Lambda layers) may run; set it for trusted files only.
    allow_code: bool = MISSING
    # Width of the input in pixels, if it differs from its height; null: square images.
    image_width: int | None = MISSING
    # Largest memory, in GiB, that reading the file may take; macOS does not enforce it.
    memory_limit_gib: float = 16
    # Longest time, in seconds, that reading the file may take.
    time_limit_s: float = 600


@dataclass
class Model:
    """Options of the model: architecture or imported file."""

    # Architecture: a module of edgebake/models/architectures/ or of plugins/architectures/.
    architecture: str = MISSING
    # Width multiplier: factor of the number of channels of every layer.
    width_multiplier: float = MISSING
    # Height (and width, unless an imported model is not square) of the input, in pixels; null for
    # inputs that are no images.
    resolution: int | None = MISSING
    # Options of the imported model; architecture `import` only.
    imported: Imported | None = None


@dataclass
class SourcedModel(Model):
    """Options of the model, and the attribution of its pretrained weights; recipes/model/."""

    # Attribution of the pretrained weights; null: weights are initialized at random.
    pretrained: Attribution | None = None
