"""The job of a stage: one variant, with its parameters and its output folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

Params = TypeVar("Params")  # the stage's dataclass of edgebake/recipe/stage_params.py


@dataclass(frozen=True)
class Job(Generic[Params]):
    """One stage for one variant."""

    variant: str
    params: Params
    out: Path  # an empty folder; its content at the end is the stage's output

    def write_json(self, name: str, content: object, *, ensure_ascii: bool = True) -> None:
        """Write an indented JSON file into the output folder."""
        text = json.dumps(content, indent=2, ensure_ascii=ensure_ascii)
        self.write_text(name, text + "\n")

    def write_text(self, name: str, text: str) -> None:
        """Write a text file into the output folder."""
        file = self.out / name
        file.write_text(text)
