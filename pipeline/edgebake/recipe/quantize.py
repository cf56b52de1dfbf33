"""In which numbers it computes."""

from dataclasses import dataclass, field
from enum import Enum

from omegaconf import MISSING

from edgebake.recipe.device import DType


@dataclass
class Calibration:
    """Examples of the calibration split that show a quantizer the ranges of activations."""

    method: str = MISSING  # pipeline/edgebake/compression/quantization/calibrators/<method>.py
    samples: int = MISSING
    seed: int = MISSING
    percentile: float | None = (
        None  # of values that the range holds, for the method of that name: 99.99 for one
    )


class Granularity(Enum):
    """What shares a scale among the weights of a layer that computes in integers."""

    per_channel = "per_channel"
    per_tensor = "per_tensor"


class TrainedRanges(Enum):
    """How training finds the ranges of activations."""

    moving = "moving"  # an average over batches
    learned = "learned"  # by gradient, as weights are


@dataclass
class Qat:
    """Fine-tuning of a model that feels the rounding (quantization-aware training)."""

    epochs: int = MISSING
    batch_size: int = MISSING
    learning_rate: float = MISSING
    ranges: TrainedRanges = MISSING
    freeze_after: int = (
        MISSING  # epochs; then statistics of batch norm, and moving ranges, stand still
    )
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

    scheme: str = MISSING  # a row of compression/quantization/schemes.py, or auto
    calibration: Calibration | None = None  # null for schemes that look at no examples
    granularity: Granularity | None = None  # null for schemes whose activations stay in float
    qat: Qat | None = None  # null: post-training quantization
    fallback_dtype: DType | None = (
        None  # of the layers that `mixed` keeps out of int8; null for all other schemes
    )
    candidates: list[str] | None = (
        None  # options of this group, cheapest first; null for all schemes but `auto`
    )
    compression: Compression = field(default_factory=Compression)
