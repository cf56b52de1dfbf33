"""Options of pruning: method, amount and fine-tuning."""

from dataclasses import dataclass
from enum import Enum

from edgebake.recipe.missing import MISSING
from edgebake.recipe.train import FineTune


class ImportanceScore(Enum):
    """Importance score of a channel in structured pruning."""

    # Sum of the magnitudes of the channel's weights.
    l1 = "l1"
    # Euclidean norm of the channel's weights.
    l2 = "l2"
    # Magnitude of the channel's scale in batch normalization.
    batch_norm = "batch_norm"
    # First-order estimate of the change of the training loss if the channel is removed.
    taylor = "taylor"


@dataclass
class PruningTarget:
    """Size of the pruned model relative to the original model; set exactly one field."""

    # Multiply-accumulates of one image, as a share of the original model's, 0 to 1.
    macs: float | None = None
    # Number of parameters, as a share of the original model's, 0 to 1.
    parameters: float | None = None
    # Latency of the float model in LiteRT on the build machine (one thread), as a share, 0 to 1.
    latency: float | None = None


@dataclass
class SparsityPattern:
    """N:M sparsity: the number of nonzero weights among adjacent input channels."""

    # Number of weights that are kept in each group (N).
    kept: int = MISSING
    # Number of adjacent input channels in a group (M).
    of: int = MISSING


@dataclass
class Prune:
    """Options of pruning: method, amount and fine-tuning."""

    # Pruning method: a module of edgebake/compression/pruning/methods/ or plugins/pruning_methods/.
    method: str = MISSING
    # Importance score, lowest pruned first: `l1`, `l2`, `batch_norm` or `taylor`; `channels` only.
    score: ImportanceScore | None = None
    # Share of its channels that each layer keeps, 0 to 1; `channels` only.
    keep: float | None = None
    # Size of the pruned model, instead of `keep`; `channels` only.
    target: PruningTarget | None = None
    # Least share of its channels that each layer keeps, 0 to 1; `channels` only.
    floor: float | None = None
    # Each layer keeps a multiple of this number of channels, for vector units; `channels` only.
    multiple: int | None = None
    # Number of iterations of pruning and fine-tuning; `channels` only.
    steps: int | None = None
    # Share of weights that are set to zero, 0 to 1; `magnitude` only.
    sparsity: float | None = None
    # N:M sparsity pattern, instead of `sparsity`; `magnitude` only.
    pattern: SparsityPattern | None = None
    # Share of fine-tuning during which the sparsity increases, 0 to 1; `magnitude` only.
    ramp: float | None = None
    # Number of bits b: each layer has at most 2^b distinct weights; `cluster` only.
    bits: int | None = None
    # Whether each output channel has its own 2^bits distinct weights; `cluster` only.
    per_channel: bool | None = None
    # Options of fine-tuning after pruning; null for the method `none` only.
    fine_tune: FineTune | None = None


@dataclass
class ComparedPrune(Prune):
    """Options of pruning, and whether it is compared with baselines; recipes/prune/.

    Options that the method does not use are null.
    """

    # Whether baselines are trained as well and reported for comparison.
    baselines: bool | None = None
