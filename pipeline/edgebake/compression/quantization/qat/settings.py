"""Settings of quantization-aware training."""

from dataclasses import dataclass

from edgebake.recipe import Train


@dataclass(frozen=True)
class QatSettings:
    """How to train, and for which grid."""

    epochs: int
    batch_size: int
    learning_rate: float  # at the start; it falls to zero along a cosine
    seed: int
    freeze_after: (
        int  # epochs, until statistics of batch normalization and moving ranges stay as they are
    )
    ranges: str  # moving or learned
    weight_bits: int  # 8 or 4
    per_tensor: bool  # one scale for a tensor, not one for each output channel
    activations: bool  # rounded too, to 8 bits

    def words(self) -> Train:
        """Return how long and how fast; the threads have started."""
        return Train(self.epochs, self.batch_size, self.learning_rate, self.seed, threads=0)
