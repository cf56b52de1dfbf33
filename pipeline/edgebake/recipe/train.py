"""How it learns, from random weights or from those that it has."""

from dataclasses import dataclass, field
from enum import Enum

from omegaconf import MISSING


class Schedule(Enum):
    """How the learning rate goes on from where it starts."""

    cosine = "cosine"  # falls to zero along half a cosine
    linear = "linear"  # falls to zero along a line
    constant = "constant"


class Flip(Enum):
    """Over which axes an image is mirrored, each with a chance of one half."""

    horizontal = "horizontal"
    vertical = "vertical"
    both = "both"


class Monitor(Enum):
    """What early stopping looks at, on the validation split."""

    accuracy = "accuracy"
    loss = "loss"


class ClassWeights(Enum):
    """What an example of each class counts."""

    equal = "equal"
    balanced = "balanced"  # the less, the more examples its class has: all classes count the same


@dataclass
class EarlyStopping:
    """Training ends when it no longer helps; the best epoch's weights are kept."""

    monitor: Monitor = MISSING
    patience: int = MISSING  # epochs without a better one


@dataclass
class Augment:
    """How images of the train split are changed at random, anew in each epoch; null: not in this way."""

    flip: Flip | None = None
    crop: float | None = (
        None  # the least share of each side that is kept, 0.8 for one; then back to the whole size
    )
    rotation: float | None = None  # degrees, at most, either way
    brightness: float | None = None  # share of the whole range, at most, either way
    contrast: float | None = None  # 0.2: between 0.8 and 1.2 times as much
    saturation: float | None = None  # as contrast; of colour images
    hue: float | None = None  # share of the colour circle, at most, either way; of colour images
    mixup: float | None = None  # alpha of Zhang et al., https://arxiv.org/abs/1710.09412
    cutout: float | None = (
        None  # share of the image that is blanked, https://arxiv.org/abs/1708.04552
    )


@dataclass
class Train:
    """How it learns; recipes/train/."""

    epochs: int = MISSING  # 0: a brought model stays as it is
    batch_size: int = MISSING
    learning_rate: float = MISSING  # at the start, or after warming up
    seed: int = MISSING
    threads: int = MISSING
    schedule: Schedule = Schedule.cosine
    warmup_epochs: int = 0  # in which the rate rises from zero
    layers: list[str] = field(
        default_factory=lambda: ["*"]
    )  # that learn, by patterns of names; others are frozen
    early_stopping: EarlyStopping | None = None
    class_weights: ClassWeights = ClassWeights.equal
    augment: Augment | None = None
    mixed_precision: bool = False  # float16 where a GPU is found, which changes the weights


@dataclass
class Distill:
    """A teacher whose answers count beside the labels (knowledge distillation)."""

    temperature: float = MISSING  # above 1, what a teacher thinks of wrong answers weighs more
    alpha: float = (
        MISSING  # share of the loss that is the labels', 0 to 1; the rest is the teacher's
    )
    teacher: str | None = MISSING  # a variant of train; null: the unpruned model


@dataclass
class FineTune(Train):
    """How a model learns on after something was cut; recipes/train/ too."""

    distill: Distill | None = None  # null: from labels alone
