"""What is learned from, and how its pixels reach the model."""

from dataclasses import dataclass, field
from enum import Enum

from omegaconf import MISSING


class Colour(Enum):
    """Which channels the model sees: one, or red, green, blue in this order."""

    grey = "grey"
    rgb = "rgb"


class Crop(Enum):
    """What of an image is taken before it is resized."""

    none = "none"  # all of it: its sides are stretched to the model's
    center = "center"  # the largest part in the middle that has the model's shape


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
class Ingredient:
    """What somebody else made and a bundle is made from."""

    name: str = MISSING
    author: str = MISSING
    license: str = MISSING  # SPDX expression
    source: str = MISSING  # where it was taken from


@dataclass
class Data:
    """What is learned from, and how its pixels reach the model."""

    source: str = MISSING  # pipeline/data/<source>.py
    path: str = MISSING  # what DVC watches
    colour: Colour = MISSING
    crop: Crop = MISSING
    resize: Resize = MISSING
    mean: float = MISSING  # in pixel values, 0 to 255
    scale: float = MISSING  # the model sees (pixel - mean) * scale
    seed: int = MISSING
    splits: Splits = field(default_factory=Splits)


@dataclass
class SourcedData(Data):
    """The same, and who made it, which changes nothing that is learned; recipes/data/."""

    origin: Ingredient = field(default_factory=Ingredient)
