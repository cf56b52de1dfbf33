"""Baselines of pruning: models that a pruned one is compared with, and how they are trained."""

from dataclasses import dataclass, field
from enum import Enum

from edgebake.recipe.data import Data
from edgebake.recipe.missing import MISSING
from edgebake.recipe.task import Task
from edgebake.recipe.train import FineTune


class BaselineKind(Enum):
    """A model that a pruned one is compared with."""

    # The architecture of the pruned model, trained from random weights.
    from_scratch = "from_scratch"
    # The original model, trained for as many more epochs as the pruned one was fine-tuned.
    parent_trained_on = "parent_trained_on"


@dataclass
class BaselineParams:
    """Parameters of the stage `baseline`.

    They name no variant of `prune` where the baseline is the same for several.
    """

    # Which baseline it is: `from_scratch` or `parent_trained_on`.
    kind: BaselineKind = MISSING
    # Options of fine-tuning the pruned model, without a teacher.
    fine_tune: FineTune = MISSING
    # Number of steps that share the epochs of fine-tuning; null for `from_scratch`.
    steps: int | None = None
    # Variant of `train` that was pruned.
    train: str = MISSING
    # Variant of `prune` whose architecture is trained; null for `parent_trained_on`.
    prune: str | None = None
    # Folder of the model that is trained: of the variant of `prune`, or else of `train`.
    source: str = MISSING
    # Variant of `data`.
    examples: str = MISSING
    # Options of the task.
    task: Task = field(default_factory=Task)
    # Options of the dataset.
    data: Data = field(default_factory=Data)
    # Path of the dataset, or NO_FILE.
    data_file: str = MISSING
    # Versions of the tools, by distribution.
    tools: dict[str, str] = MISSING
