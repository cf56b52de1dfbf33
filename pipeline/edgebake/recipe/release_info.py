"""Who made a model and what it is: what goes into the file's own metadata."""

from dataclasses import dataclass

from omegaconf import MISSING


@dataclass
class ReleaseInfo:
    """The words of recipes/release.yaml that a model file carries."""

    name: str = MISSING
    version: str = MISSING
    author: str = MISSING
    license: str = MISSING
    description: str = MISSING
