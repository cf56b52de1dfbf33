"""Options of quantization: scheme, calibration, quantization-aware training and compression."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from edgebake.recipe.device import DType
from edgebake.recipe.missing import MISSING

# A word or a list of words; OmegaConf has no type for both.
WordOrWords = Any


@dataclass
class Calibration:
    """Options of calibration: how activation ranges are determined from samples of the data."""

    # Calibration method: a module of edgebake/compression/quantization/calibrators/ or of the
    # project's plugins/calibrators/.
    method: str = MISSING
    # Number of samples from the calibration split.
    samples: int = MISSING
    # Seed for drawing the samples.
    seed: int = MISSING
    # Percentage of the values inside the range, for example 99.99; `percentile` only.
    percentile: float | None = None


class Granularity(Enum):
    """Granularity of the scales of integer weights."""

    # One scale for each output channel.
    per_channel = "per_channel"
    # One scale for the whole tensor.
    per_tensor = "per_tensor"


class TrainedRanges(Enum):
    """Estimation of activation ranges during quantization-aware training."""

    # Moving average over batches.
    moving = "moving"
    # Trained by gradient descent, as weights are.
    learned = "learned"


@dataclass
class Qat:
    """Options of quantization-aware training: fine-tuning with simulated rounding."""

    # Number of epochs.
    epochs: int = MISSING
    # Number of examples in a batch.
    batch_size: int = MISSING
    # Initial learning rate.
    learning_rate: float = MISSING
    # Estimation of activation ranges: `moving` or `learned`.
    ranges: TrainedRanges = MISSING
    # Epoch after which batch normalization statistics and moving ranges are frozen.
    freeze_after: int = MISSING
    # Seed of the training.
    seed: int = MISSING
    # Number of threads; it influences the trained weights.
    threads: int = MISSING


@dataclass
class Palette:
    """Options of palettization: each weight is an index into a lookup table."""

    # Number of bits of an index: 1, 2, 3, 4, 6 or 8.
    bits: int = MISSING
    # Number of output channels that share a table; null: all channels of a layer.
    group_size: int | None = MISSING
    # Whether each output channel is scaled to a maximum of 1 before tables are computed.
    per_channel_scale: bool = MISSING


@dataclass
class Compression:
    """Options of weight compression; null where the scheme does not use them."""

    # Options of palettization.
    palette: Palette | None = None
    # Number of input channels that share a scale.
    block_size: int | None = None
    # Share of weights that are set to zero, smallest magnitude first, 0 to 1.
    sparsity: float | None = None


@dataclass
class Quantize:
    """Options of quantization: scheme, calibration and compression; recipes/quantize/."""

    # Scheme: a row of edgebake/compression/quantization/schemes.py, or `auto`.
    scheme: str = MISSING
    # Options of calibration; null for schemes without calibration.
    calibration: Calibration | None = None
    # Granularity of weights: `per_channel` or `per_tensor`; null for float activations.
    granularity: Granularity | None = None
    # Options of quantization-aware training; null: post-training quantization.
    qat: Qat | None = None
    # Data type of the layers that are not quantized to int8; `mixed` only.
    fallback_dtype: DType | None = None
    # Operators that compute in float between casts while all others compute in integers: kinds in
    # the runtime's words, for example [PRELU, TILE], layers as `layer:NAME`, or `auto` for all that
    # have no integer kernel; null: such operators are refused. Those of
    # normalizations compute in float in any case.
    fallback: WordOrWords = None
    # Largest share of the multiply-accumulates that `fallback` may leave in float, 0 to 1.
    fallback_limit: float = 0.1
    # Candidates, cheapest first: names of files in recipes/quantize/; `auto` only.
    candidates: list[str] | None = None
    # Options of weight compression.
    compression: Compression = field(default_factory=Compression)
