"""What learns."""

from dataclasses import dataclass

from omegaconf import MISSING

from pipeline.recipe.data import Ingredient


@dataclass
class Model:
    """What learns."""

    architecture: str = MISSING  # pipeline/models/<architecture>.py
    width: float = MISSING  # multiplies the channels of every layer
    resolution: int = MISSING  # pixels a side


@dataclass
class SourcedModel(Model):
    """The same, and who made what its weights start from; recipes/model/."""

    pretrained: Ingredient | None = None  # null: from nothing
