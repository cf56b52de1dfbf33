"""What learns."""

from dataclasses import dataclass

from omegaconf import MISSING


@dataclass
class Model:
    """What learns; recipes/model/."""

    architecture: str = MISSING  # pipeline/models/<architecture>.py
    width: float = MISSING  # multiplies the channels of every layer
    resolution: int = MISSING  # pixels a side
