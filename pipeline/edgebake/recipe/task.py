"""Options of the task: what the model's outputs mean."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Task:
    """Options of the task: what the model's outputs mean."""

    # Task: a module of edgebake/tasks/outputs/ or of the project's plugins/tasks/.
    output: str = "classification"
    # Options of the task, as its module names them.
    options: dict[str, Any] = field(default_factory=dict)
