"""What is cut."""

from dataclasses import dataclass
from enum import Enum

from omegaconf import MISSING

from edgebake.recipe.train import FineTune


class Score(Enum):
    """How much a channel matters."""

    l1 = "l1"  # sum of the magnitudes of its weights
    l2 = "l2"  # root of the sum of their squares
    batch_norm = "batch_norm"  # magnitude of its scale in batch normalization
    taylor = "taylor"  # how much the loss on training data would change without it, to first order


@dataclass
class Goal:
    """What is left of the parent, 0 to 1; one of them, the others null."""

    macs: float | None = None  # multiply-accumulates of one image
    parameters: float | None = None
    latency: float | None = (
        None  # of the float file in LiteRT, on the machine that prunes, one thread
    )


@dataclass
class Pattern:
    """N:M sparsity: of so many neighbouring input channels, so many stay."""

    kept: int = MISSING
    of: int = MISSING


@dataclass
class Prune:
    """What is cut; recipes/prune/. Words that a method has no use for are null."""

    method: str = MISSING  # pipeline/edgebake/compression/pruning/methods/<method>.py
    score: Score | None = None  # channels: the lowest go first
    keep: float | None = None  # channels: share of its channels that each layer keeps
    target: Goal | None = None  # channels: instead of keep, what is to be left
    floor: float | None = None  # channels: share of its channels that each layer keeps at least
    multiple: int | None = (
        None  # channels: each layer keeps a multiple of this, as vector units like it
    )
    steps: int | None = None  # channels: cut and trained in so many steps, each a part of the way
    sparsity: float | None = None  # magnitude: share of weights that become zero
    pattern: Pattern | None = None  # magnitude: instead of sparsity
    ramp: float | None = None  # magnitude: share of fine-tuning in which zeros become more
    bits: int | None = None  # cluster: a layer has 2^bits distinct weights
    per_channel: bool | None = None  # cluster: each output channel has 2^bits of its own
    fine_tune: FineTune | None = None  # null for `none` alone
    baselines: bool | None = None  # also train what pruning has to beat, and report it
