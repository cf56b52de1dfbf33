"""What is learned from, and how its pixels reach the model."""

from dataclasses import dataclass, field
from enum import Enum

from omegaconf import MISSING


class Colour(Enum):
    """Which channels the model sees: one, or red, green, blue in this order."""

    grey = "grey"
    rgb = "rgb"


class Resize(Enum):
    """How an image is brought to the model's resolution (the filters of Pillow)."""

    nearest = "nearest"
    bilinear = "bilinear"
    bicubic = "bicubic"


@dataclass
class Splits:
    """Share of the examples in each split; together 1."""

    train: float = MISSING
    calibration: float = MISSING
    validation: float = MISSING
    test: float = MISSING


@dataclass
class Data:
    """What is learned from, and how its pixels reach the model; recipes/data/."""

    source: str = MISSING  # pipeline/data/<source>.py
    path: str = MISSING  # what DVC watches
    colour: Colour = MISSING
    resize: Resize = MISSING
    mean: float = MISSING  # in pixel values, 0 to 255
    scale: float = MISSING  # the model sees (pixel - mean) * scale
    seed: int = MISSING
    splits: Splits = field(default_factory=Splits)
