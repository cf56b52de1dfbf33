"""What a stage is asked to do."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console


@dataclass(frozen=True)
class Job:
    """One stage for one variant."""

    variant: str
    section: Any  # the stage's own dataclass of pipeline/edgebake/recipe/stage_params.py
    out: Path  # an empty folder; what is in it at the end is the stage's output
    console: Console
