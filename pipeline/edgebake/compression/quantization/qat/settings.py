"""Settings of quantization-aware training."""

from dataclasses import dataclass

from edgebake.recipe import Train


@dataclass(frozen=True)
class QatSettings:
    """Schedule of the training, and the format that it prepares a model for."""

    epochs: int
    batch_size: int
    learning_rate: float  # initial value; it falls to zero along a cosine
    seed: int
    freeze_after: int  # epochs; then batch normalization statistics and moving ranges are frozen
    ranges: str  # of activations: moving or learned
    weight_bits: int  # 8 or 4
    per_tensor: bool  # one scale per tensor instead of one per output channel
    quantize_activations: bool  # to 8 bits, too

    def train_options(self) -> Train:
        """Return the options of the training loop. Threads are 0, as Keras has started already."""
        return Train(
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            seed=self.seed,
            threads=0,
        )
