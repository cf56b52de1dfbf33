"""Options of the dataset: source, splits and preprocessing of the input."""

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from edgebake.recipe.missing import MISSING


class Color(Enum):
    """Color channels of the model's input, in their order."""

    # One channel, the luminance.
    grayscale = "grayscale"
    # Red, green, blue.
    rgb = "rgb"
    # Blue, green, red, as models converted from Caffe expect.
    bgr = "bgr"


class Crop(Enum):
    """Region of an image that the model sees."""

    # The whole image; its sides are stretched to the model's resolution.
    none = "none"
    # The largest centered region with the aspect ratio of the model's input; with
    # `short_side`, the centered region of the model's resolution after resizing.
    center = "center"


class Resize(Enum):
    """Interpolation filter for resizing an image to the model's resolution."""

    nearest = "nearest"
    bilinear = "bilinear"
    bicubic = "bicubic"


class SplitBy(Enum):
    """Rule that assigns an example to a split."""

    # Draw all examples at random from `data.seed`, each class by the same shares; the shares of
    # the four splits add up to 1.
    seed = "seed"
    # Draw groups of examples, for example of a person: the values of `column`. All examples of a
    # group are in one split; shares as for `seed`, as close as the groups allow.
    group = "group"
    # Use the splits of the data source; a share is taken from its train split, for splits it lacks.
    source = "source"


class OnCorrupt(Enum):
    """Handling of an example that cannot be read."""

    # Stop the build with an error.
    stop = "stop"
    # Leave the example out of every split; data.json counts and lists it.
    skip = "skip"


class OnLeak(Enum):
    """Handling of an example that occurs in more than one split."""

    # Stop the build with an error.
    stop = "stop"
    # Keep the example in one split only, in the order test, validation, calibration, train.
    skip = "skip"


@dataclass
class Splits:
    """Options of the splits: how examples are assigned, and the share of each split."""

    # Rule that assigns examples to splits: `seed`, `group` or `source`.
    by: SplitBy = MISSING
    # Share of the train split, 0 to 1; null: defined by the data source.
    train: float | None = None
    # Share of the calibration split, 0 to 1; null: defined by the data source.
    calibration: float | None = None
    # Share of the validation split, 0 to 1; null: defined by the data source.
    validation: float | None = None
    # Share of the test split, 0 to 1; null: defined by the data source.
    test: float | None = None
    # Column of the data source whose values are groups that no two splits may share; required for
    # `group`, null for `seed`. With `source`, shares are drawn by group too.
    column: str | None = None


@dataclass
class Table:
    """Options of a CSV file that describes the files of `image_folder` or `sound_folder`.

    Columns that are not named here are slices: `validate.budget.slice_accuracy` can refer to them.
    """

    # Path of the CSV file, relative to `data.path`.
    file: str = MISSING
    # Column with the path of the image or sound, relative to `data.path`.
    image: str = MISSING
    # Column with the label; null: the name of the file's folder is its label.
    label: str | None = MISSING
    # Column with the split; null: split by folder or by seed, as `data.splits.by` says.
    split: str | None = MISSING


class Encoding(Enum):
    """Encoding of an image in a TFRecord file."""

    # The bytes of a JPEG, PNG, BMP or WebP file.
    encoded = "encoded"
    # Uncompressed uint8 pixels.
    raw = "raw"


@dataclass
class Features:
    """Options of the source `tfrecord`: features of tf.train.Example that hold image and label."""

    # Feature with the image.
    image: str = MISSING
    # Feature with the index of the class.
    label: str = MISSING
    # Encoding of the image: `encoded` or `raw`.
    encoding: Encoding = MISSING
    # Shape of raw pixels, [h, w] or [h, w, 3]; null for encoded images.
    shape: list[int] | None = MISSING
    # Feature with the name of the class; null: the index is also the name.
    names: str | None = MISSING


@dataclass
class Attribution:
    """Attribution of a dataset or of pretrained weights: name, author, license and source."""

    # Name of the work.
    name: str = MISSING
    # Person or organization that made it.
    author: str = MISSING
    # License as an SPDX expression, for example CC-BY-4.0.
    license: str = MISSING
    # URL or other reference to where it was obtained.
    source: str = MISSING


@dataclass
class ImportedComponent(Attribution):
    """Attribution of a dataset or of pretrained weights that a target is built from."""

    # Kind of component: data or weights.
    kind: str = MISSING


@dataclass
class DataInput:
    """Options of the input: its kind, and how its tensor is made."""

    # Kind of input: a package of edgebake/tasks/inputs/ or of the project's plugins/inputs/.
    kind: str = "image"
    # Options of the kind, as it names them; those of images stand in `data` itself.
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class Data:
    """Options of the dataset: source, splits and preprocessing of the input."""

    # Data source: a module of edgebake/data/sources/ or of the project's plugins/sources/.
    source: str = MISSING
    # File or folder of the dataset, tracked by DVC; null: the source needs no file of the project.
    path: str | None = MISSING
    # Color channels of the model's input: `grayscale`, `rgb` or `bgr`; required for images, as
    # are `crop`, `resize`, `mean` and `scale`.
    color: Color | None = None
    # Region of the image that the model sees: `none` (all of it, stretched) or `center`.
    crop: Crop | None = None
    # Interpolation filter: `nearest`, `bilinear` or `bicubic`.
    resize: Resize | None = None
    # Widen `bilinear` and `bicubic` when they shrink an image, as Pillow and torchvision; false:
    # always interpolate between the nearest pixels, as the default of TensorFlow and Keras.
    antialias: bool = True
    # Pixels to which the shorter side is resized, before `crop: center` cuts out the model's
    # resolution, as torchvision's Resize(256) and CenterCrop(224); null: resize to the resolution.
    short_side: int | None = None
    # Mean that is subtracted from pixel values (0 to 255): one number, or one for each channel.
    mean: list[float] | None = None
    # Factor of the input, (pixel - mean) * scale: one number, or one for each channel.
    scale: list[float] | None = None
    # Seed for drawing random splits.
    seed: int = MISSING
    # Assignment of the examples to train, calibration, validation and test split.
    splits: Splits = field(default_factory=Splits)
    # Handling of examples that cannot be read: `stop` or `skip`.
    on_corrupt: OnCorrupt = MISSING
    # Handling of examples that occur in more than one split: `stop` or `skip`.
    on_leak: OnLeak = OnLeak.stop
    # Largest image, in 10^6 pixels; larger ones cannot be read.
    max_megapixels: float = 64
    # Most memory that compressed arrays of a .npz may take, in 10^9 bytes.
    max_gigabytes: float = 2
    # Text file with one class name per line, in the order of the model's outputs; null: the
    # source defines the classes.
    labels: str | None = None
    # CSV file with labels, splits and slices; `image_folder` and `sound_folder` only.
    table: Table | None = None
    # Further columns of each example, which `data.splits.column` and `slice_accuracy` can refer to:
    # for `npz` the name of an array, for `tfrecord` of a feature, and for `image_folder` and
    # `sound_folder` a regular expression with one group, which is searched in the path of the
    # file below `data.path`. Tables name theirs in `data.source_options.columns`.
    columns: dict[str, str] | None = None
    # Classes that may lack test examples; `*`: all that have none. Other classes have to be in
    # train and in test.
    untested_classes: list[str] = field(default_factory=list)
    # Features of the records; `tfrecord` only.
    features: Features | None = None
    # Name of the dataset in keras.datasets; `keras` only.
    name: str | None = None
    # Input of the model: an image, or another kind with options of its own.
    input: DataInput = field(default_factory=DataInput)
    # Options of the data source, as it names them.
    source_options: dict[str, Any] = field(default_factory=dict)

    @property
    def image_color(self) -> Color:
        """Return `color`; the checks refuse images without it."""
        if self.color is None:
            raise ValueError(f"{self.title} has no color")
        return self.color

    @property
    def location(self) -> Path:
        """Return `path` of a source that reads files; the checks refuse one without it."""
        if self.path is None:
            raise ValueError(f"{self.source} has no path")
        return Path(self.path)

    @property
    def title(self) -> str:
        """Return the name of the dataset in messages: its path, or else its source."""
        return self.path or f"data source {self.source}"


@dataclass
class SourcedData(Data):
    """Options of the dataset, and its attribution; the options of recipes/data/."""

    # Attribution of the dataset; it has no influence on training.
    origin: Attribution = field(default_factory=Attribution)


@dataclass
class DataParams(Data):
    """Parameters of the stage `data`."""

    # Path of the dataset, or NO_FILE.
    data_file: str = MISSING
    # Path of the file with the class names; `data_file` if the dataset defines the classes.
    classes: str = MISSING
    # Versions of the tools, by distribution.
    tools: dict[str, str] = MISSING
