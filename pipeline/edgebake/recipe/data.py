"""What is learned from, and how its pixels reach the model."""

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from omegaconf import MISSING


class Colour(Enum):
    """Which channels the model sees, in which order: one, or three; images are read as red, green, blue."""

    grey = "grey"
    rgb = "rgb"
    bgr = "bgr"  # as models see them that come from Caffe


class Crop(Enum):
    """What of an image is taken before it is resized."""

    none = "none"  # all of it: its sides are stretched to the model's
    center = "center"  # the largest part in the middle that has the model's shape


class Resize(Enum):
    """How an image is brought to the model's resolution (the filters of Pillow)."""

    nearest = "nearest"
    bilinear = "bilinear"
    bicubic = "bicubic"


class By(Enum):
    """What decides in which split an example lies."""

    seed = "seed"  # drawn from all; the shares together are 1
    source = "source"  # what the data say; a share is of what they call train, for a split that they do not have


class OnCorrupt(Enum):
    """What becomes of an image that cannot be read."""

    stop = "stop"
    skip = "skip"  # left out of every split, counted and named


class OnLeak(Enum):
    """What becomes of an image that lies in two splits."""

    stop = "stop"
    skip = "skip"  # the test split keeps it, then validation, then calibration; the others lose it


@dataclass
class Splits:
    """Share of the examples in each split; null where the data say it."""

    by: By = MISSING
    train: float | None = None
    calibration: float | None = None
    validation: float | None = None
    test: float | None = None


@dataclass
class Table:
    """A CSV that says more of each image; a column that is none of these is a slice that gates can ask about."""

    file: str = MISSING  # below data.path
    image: str = MISSING  # the column that names the image by its path below data.path
    label: str | None = MISSING  # null: the image's folder is its label
    split: str | None = MISSING  # null: the folders, or the seed, say it


class Encoding(Enum):
    """How a TFRecord holds an image."""

    encoded = "encoded"  # as a file: JPEG, PNG, BMP or WebP
    raw = "raw"  # its pixels, uint8


@dataclass
class Features:
    """Which features of a tf.train.Example say what."""

    image: str = MISSING
    label: str = MISSING
    encoding: Encoding = MISSING
    shape: list[int] | None = MISSING  # of raw pixels, [h, w] or [h, w, 3]; null for encoded ones
    names: str | None = (
        MISSING  # the feature that holds the class's name; null: its number is its name
    )


@dataclass
class Attribution:
    """What somebody else made and a bundle is made from."""

    name: str = MISSING
    author: str = MISSING
    license: str = MISSING  # SPDX expression
    source: str = MISSING  # where it was taken from


@dataclass
class Data:
    """What is learned from, and how its pixels reach the model."""

    source: str = MISSING  # pipeline/edgebake/data/sources/<source>.py
    path: str | None = (
        MISSING  # what DVC watches; null where the source reads a file inside an installed package
    )
    colour: Colour = MISSING
    crop: Crop = MISSING
    resize: Resize = MISSING
    mean: list[float] = (
        MISSING  # in pixel values, 0 to 255; one, or one for each channel in the model's order
    )
    scale: list[float] = MISSING  # likewise; the model sees (pixel - mean) * scale
    seed: int = MISSING
    splits: Splits = field(default_factory=Splits)
    on_corrupt: OnCorrupt = MISSING
    on_leak: OnLeak = OnLeak.stop
    labels: str | None = (
        None  # a text file, a class per line in the order of answers; null: as the data say
    )
    table: Table | None = None  # of image_folder
    features: Features | None = None  # of tfrecord
    name: str | None = None  # of keras

    @property
    def location(self) -> Path:
        """Return `path` of a source that reads files; the checks of recipes refuse one without it."""
        if self.path is None:
            raise ValueError(f"{self.source} has no path")
        return Path(self.path)

    @property
    def title(self) -> str:
        """Return what messages call the data: their path, or the source that needs none."""
        return self.path or f"data source {self.source}"


@dataclass
class SourcedData(Data):
    """The same, and who made it, which changes nothing that is learned; recipes/data/."""

    origin: Attribution = field(default_factory=Attribution)
