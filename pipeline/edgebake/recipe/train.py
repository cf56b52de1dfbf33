"""Options of training: optimization, augmentation and knowledge distillation."""

from dataclasses import dataclass, field
from enum import Enum

from edgebake.recipe.missing import MISSING


class Schedule(Enum):
    """Schedule of the learning rate after the warm-up."""

    # Decay to zero along half a cosine.
    cosine = "cosine"
    # Decay to zero linearly.
    linear = "linear"
    # No decay.
    constant = "constant"


class Flip(Enum):
    """Direction in which images are mirrored, each with a probability of one half."""

    horizontal = "horizontal"
    vertical = "vertical"
    both = "both"


class Monitor(Enum):
    """Metric of early stopping, computed on the validation split."""

    accuracy = "accuracy"
    loss = "loss"


class ClassWeights(Enum):
    """Weights of the classes in the training loss."""

    # Every example counts the same.
    equal = "equal"
    # Every class counts the same: examples of rare classes have larger weights.
    balanced = "balanced"


@dataclass
class EarlyStopping:
    """Options of early stopping; the weights of the best epoch are restored."""

    # Metric on the validation split: `accuracy` or `loss`.
    monitor: Monitor = MISSING
    # Number of epochs without improvement after which training stops.
    patience: int = MISSING


@dataclass
class Augment:
    """Options of data augmentation: random changes of training images in each epoch; null: off."""

    # Mirror images: `horizontal`, `vertical` or `both`.
    flip: Flip | None = None
    # Least share of each side that a random crop keeps, for example 0.8; it is resized afterwards.
    crop: float | None = None
    # Largest rotation in degrees, in either direction.
    rotation: float | None = None
    # Largest change of brightness in either direction, as a share of the full range.
    brightness: float | None = None
    # Largest change of contrast; 0.2 means a factor between 0.8 and 1.2.
    contrast: float | None = None
    # Largest change of saturation; 0.2 means a factor between 0.8 and 1.2. Color images only.
    saturation: float | None = None
    # Largest change of hue in either direction, as a share of the color circle. Color images only.
    hue: float | None = None
    # Parameter alpha of mixup (Zhang et al., https://arxiv.org/abs/1710.09412).
    mixup: float | None = None
    # Share of the image that cutout blanks (DeVries and Taylor, https://arxiv.org/abs/1708.04552).
    cutout: float | None = None


@dataclass
class Train:
    """Options of training: epochs, learning rate, augmentation and precision; recipes/train/."""

    # Number of epochs; 0 leaves an imported model as it is.
    epochs: int = MISSING
    # Number of examples in a batch.
    batch_size: int = MISSING
    # Learning rate of Adam at the start, or after the warm-up.
    learning_rate: float = MISSING
    # Seed of initial weights, order of examples and augmentation.
    seed: int = MISSING
    # Number of threads; it influences the trained weights.
    threads: int = MISSING
    # Schedule of the learning rate: `cosine`, `linear` or `constant`.
    schedule: Schedule = Schedule.cosine
    # Number of epochs in which the learning rate increases from zero.
    warmup_epochs: int = 0
    # Layers that are trained, as glob patterns of their names; all others are frozen.
    layers: list[str] = field(default_factory=lambda: ["*"])
    # Options of early stopping; null: train for all epochs.
    early_stopping: EarlyStopping | None = None
    # Weights of the classes in the loss: `equal` or `balanced`.
    class_weights: ClassWeights = ClassWeights.equal
    # Options of data augmentation; null: none.
    augment: Augment | None = None
    # Whether to compute in float16 on a GPU; it influences the trained weights.
    mixed_precision: bool = False


@dataclass
class Distill:
    """Options of knowledge distillation: a teacher's predictions are part of the loss."""

    # Temperature of the softmax; above 1, predictions of improbable classes have more weight.
    temperature: float = MISSING
    # Share of the loss on the labels, 0 to 1; the rest is the loss on the teacher's predictions.
    alpha: float = MISSING
    # Variant of train that is the teacher; null: the model before pruning.
    teacher: str | None = MISSING


@dataclass
class FineTune(Train):
    """Options of fine-tuning a pruned model; files of recipes/train/ can be used here."""

    # Options of knowledge distillation; null: train on labels only.
    distill: Distill | None = None
