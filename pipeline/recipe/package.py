"""What an app does with the model's output."""

from dataclasses import dataclass

from omegaconf import MISSING


@dataclass
class Package:
    """What an app does with the model's output; recipes/package/."""

    top_k: int = MISSING
    threshold: float = MISSING  # probability
