"""Options of the bundle: postprocessing of predictions and protection of the model."""

from dataclasses import dataclass
from enum import Enum

from edgebake.recipe.missing import MISSING


class Protect(Enum):
    """Protection of a model against being read; see docs/explanation/protection.md."""

    # No protection.
    none = "none"
    # Remove names, texts and metadata from the graph.
    strip = "strip"
    # Remove them, and encrypt the file with AES-256-GCM.
    encrypt = "encrypt"


@dataclass
class Smooth:
    """Options of an app that listens to a stream: one answer from several clips."""

    # Number of clips whose probabilities are averaged: the newest and those before it.
    over: int = MISSING
    # Number of clips in a row in which a class is the most probable until it counts as heard.
    hold: int = MISSING


@dataclass
class Package:
    """Options of the bundle: postprocessing and protection of the model; recipes/package/."""

    # Number of classes that an app shows, most probable first.
    top_k: int = MISSING
    # Lowest probability of a class that an app shows, 0 to 1.
    threshold: float = MISSING
    # Protection of the model: `none`, `strip` or `encrypt`.
    protect: Protect = MISSING
    # Smoothing of a stream of sounds or of a sensor; null: every clip is answered for itself.
    smooth: Smooth | None = None
