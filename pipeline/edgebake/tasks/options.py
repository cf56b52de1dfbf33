"""Options of a recipe that a contract follows from."""

from dataclasses import dataclass

from edgebake.recipe import Data, Model, Task


@dataclass(frozen=True)
class ContractOptions:
    """Options of a recipe that a contract follows from."""

    data: Data
    model: Model
    task: Task
