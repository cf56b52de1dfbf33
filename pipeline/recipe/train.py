"""How it learns, from random weights or from those that it has."""

from dataclasses import dataclass

from omegaconf import MISSING


@dataclass
class Train:
    """How it learns; recipes/train/."""

    epochs: int = MISSING
    batch_size: int = MISSING
    learning_rate: float = MISSING  # at the start; it falls to zero along a cosine
    seed: int = MISSING
    threads: int = MISSING


@dataclass
class Distill:
    """A teacher whose answers count beside the labels (knowledge distillation)."""

    temperature: float = MISSING  # above 1, what a teacher thinks of wrong answers weighs more
    alpha: float = MISSING  # share of the loss that is the labels', 0 to 1; the rest is the teacher's
    teacher: str | None = MISSING  # a variant of train; null: the unpruned model


@dataclass
class FineTune(Train):
    """How a model learns on after something was cut; recipes/train/ too."""

    distill: Distill | None = None  # null: from labels alone
