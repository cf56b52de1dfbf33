"""The recipe language: every word that a YAML file under recipes/ may use, with its type and unit.

Values live in the YAML files, never here. What must hold between words is in pipeline/rules.py.
"""

from dataclasses import dataclass, field
from enum import Enum

from omegaconf import MISSING


class Platform(Enum):
    """Where an app runs: one bundle for each."""

    android = "android"
    ios = "ios"
    linux = "linux"


class Colour(Enum):
    """Which channels the model sees: one, or red, green, blue in this order."""

    grey = "grey"
    rgb = "rgb"


class Resize(Enum):
    """How an image is brought to the model's resolution (the filters of Pillow)."""

    nearest = "nearest"
    bilinear = "bilinear"
    bicubic = "bicubic"


class DType(Enum):
    """Numbers: what a device computes in, what a file takes and gives, what a layer is kept in."""

    float32 = "float32"
    float16 = "float16"
    int16 = "int16"
    int8 = "int8"
    uint8 = "uint8"


class Accelerator(Enum):
    """What a device has to run a model on."""

    cpu = "cpu"
    gpu = "gpu"
    npu = "npu"
    neural_engine = "neural_engine"


@dataclass
class Release:
    """recipes/release.yaml."""

    name: str = MISSING
    version: str = MISSING  # semantic version
    author: str = MISSING
    license: str = MISSING  # SPDX identifier
    description: str = MISSING
    targets: list[str] = MISSING


@dataclass
class Device:
    """Facts of a class of devices; recipes/device/."""

    name: str = MISSING
    platform: Platform = MISSING
    minimum_os: str = MISSING  # Android: API level; iOS: version; Linux: distribution and version
    soc: list[str] = MISSING  # empty: any
    memory_mb: int | None = MISSING  # at least; null: any
    runtimes: list[str] = MISSING
    dtypes: list[DType] = MISSING
    accelerators: list[Accelerator] = MISSING  # in order of preference


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


@dataclass
class Model:
    """What learns; recipes/model/."""

    architecture: str = MISSING  # pipeline/models/<architecture>.py
    width: float = MISSING  # multiplies the channels of every layer
    resolution: int = MISSING  # pixels a side


@dataclass
class Train:
    """How it learns; recipes/train/."""

    epochs: int = MISSING
    batch_size: int = MISSING
    learning_rate: float = MISSING
    seed: int = MISSING
    threads: int = MISSING


@dataclass
class Prune:
    """What is cut; recipes/prune/."""

    method: str = MISSING  # pipeline/pruners/<method>.py


@dataclass
class Calibration:
    """Examples of the calibration split that show a quantizer the ranges of activations."""

    method: str = MISSING  # pipeline/calibrators/<method>.py
    examples: int = MISSING
    seed: int = MISSING
    percentile: float | None = None  # of values that the range holds, for the method of that name: 99.99 for one


class Granularity(Enum):
    """What shares a scale among the weights of a layer that computes in integers."""

    per_channel = "per_channel"
    per_tensor = "per_tensor"


class TrainedRanges(Enum):
    """How training finds the ranges of activations."""

    moving = "moving"  # an average over batches
    learned = "learned"  # by gradient, as weights are


@dataclass
class Training:
    """Fine-tuning of a model that feels the rounding (quantization-aware training)."""

    epochs: int = MISSING
    batch_size: int = MISSING
    learning_rate: float = MISSING
    ranges: TrainedRanges = MISSING
    freeze_after: int = MISSING  # epochs; then statistics of batch norm, and moving ranges, stand still
    seed: int = MISSING
    threads: int = MISSING


@dataclass
class Palette:
    """Lookup tables: each weight is an index into a few values."""

    bits: int = MISSING  # of an index: 1, 2, 3, 4, 6 or 8
    group_size: int | None = MISSING  # output channels that share a table; null: all of a layer
    per_channel_scale: bool = MISSING  # each output channel is scaled to 1 before tables are made


@dataclass
class Compression:
    """How weights are stored, for the schemes that say so; null for all others."""

    palette: Palette | None = None
    block_size: int | None = None  # input channels that share a scale
    sparsity: float | None = None  # share of weights that become zero, the smallest first


@dataclass
class Quantize:
    """In which numbers it computes; recipes/quantize/."""

    scheme: str = MISSING  # pipeline/quantizers/<scheme>.py
    calibration: Calibration | None = None  # null for schemes that look at no examples
    granularity: Granularity | None = None  # null for schemes whose activations stay in float
    training: Training | None = None  # null: post-training quantization
    keep: DType | None = None  # of the layers that `mixed` keeps out of int8; null for all other schemes
    ladder: list[str] | None = None  # options of this group, cheapest first; null for all schemes but `auto`
    compression: Compression = field(default_factory=Compression)


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

    runtime: str = MISSING  # pipeline/runtimes/<runtime>/
    coreml: CoreML | None = MISSING
    input: DType | None = None  # null: as the runtime takes it best
    output: DType | None = None  # null: as the runtime gives it best
    ort_format: bool = False  # ONNX Runtime alone: also model.ort, and the list of operators that a small build needs


@dataclass
class Floor:
    """Passed at this value and above."""

    at_least: float = MISSING
    required: bool = MISSING  # false: `not measured` is accepted; a measured miss never is


@dataclass
class Ceiling:
    """Passed at this value and below."""

    at_most: float = MISSING
    required: bool = MISSING  # false: `not measured` is accepted; a measured miss never is


@dataclass
class Budget:
    """One gate for each word that is not null."""

    accuracy: Floor | None = MISSING  # top-1, 0 to 1
    loss: Ceiling | None = MISSING  # of accuracy against the float model, 0 to 1
    latency_p95_ms: Ceiling | None = MISSING
    frames_per_second: Floor | None = MISSING
    size_mb: Ceiling | None = MISSING  # 1 MB = 1,000,000 bytes
    peak_memory_mb: Ceiling | None = MISSING


@dataclass
class Validate:
    """What is measured, where, and what must hold; recipes/validate/."""

    where: str = MISSING  # pipeline/devices/<where>.py
    warmup: int = MISSING  # runs before the clock starts
    runs: int = MISSING  # timed runs
    budget: Budget = field(default_factory=Budget)


@dataclass
class Package:
    """What an app does with the model's output; recipes/package/."""

    top_k: int = MISSING
    threshold: float = MISSING  # probability


@dataclass
class Recipe:
    """One target: everything that turns examples into one file on one class of devices."""

    device: Device = field(default_factory=Device)
    data: Data = field(default_factory=Data)
    model: Model = field(default_factory=Model)
    train: Train = field(default_factory=Train)
    prune: Prune = field(default_factory=Prune)
    quantize: Quantize = field(default_factory=Quantize)
    convert: Convert = field(default_factory=Convert)
    validate: Validate = field(default_factory=Validate)
    package: Package = field(default_factory=Package)
