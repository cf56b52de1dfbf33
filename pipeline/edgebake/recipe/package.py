"""What an app gets, and what it does with the model's output."""

from dataclasses import dataclass
from enum import Enum

from omegaconf import MISSING


class Protect(Enum):
    """How hard a model is to read; each adds to the one before. What it stops and what not: docs/protection.md."""

    none = "none"
    strip = "strip"  # no names, texts and metadata in the graph
    encrypt = "encrypt"  # AES-256-GCM


@dataclass
class Package:
    """What an app gets, and what it does with the model's output; recipes/package/."""

    top_k: int = MISSING
    threshold: float = MISSING  # probability
    protect: Protect = MISSING
