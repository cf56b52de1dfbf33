"""Interface of a task: the meaning of a model's outputs, from the loss to what an app shows.

Stages, gates and reports know a task by this interface alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgebake import plugins, recipe
from edgebake.tasks import plugin_members
from edgebake.tasks.metric import Metric
from edgebake.tasks.tensors import ContractOutput, Outputs, Step

Truths = NDArray[np.int64]  # of a classifier: the number of the class of each example, [n]
Flags = NDArray[np.bool_]  # [n]


@dataclass(frozen=True)
class Fitting:
    """How Keras trains a model of the task."""

    loss: str | Callable[..., Any]
    metric: str | Callable[..., Any]
    goals: Callable[[Truths], NDArray[np.generic]]  # what the loss compares outputs with, [n, ...]


@dataclass(frozen=True)
class AnswerComparison:
    """How far the outputs of a file are from those of its source model."""

    n: int  # examples
    same: int  # with the same answer
    largest_difference: float  # of one number of an output
    same_by_chance: float  # expected of a file that gives each answer as often, at random


class Task(Protocol):
    """A module of tasks/outputs/, or of the project's plugins/tasks/; it ends with TASK.

    All outputs are of the contract's names, finite and float32.
    """

    @property
    def METRICS(self) -> tuple[Metric, ...]:  # noqa: N802 - a constant of the module
        """Return the metrics; the first is the score, of which every gate of accuracy is."""

    def outputs(self, labels: Sequence[str]) -> tuple[ContractOutput, ...]:
        """Return the outputs of a model with these labels."""

    def fitting(self, shape: tuple[int, ...], *, is_mixed: bool) -> Fitting:
        """Return how a model is trained.

        Args:
            shape: of the only output, without the batch.
            is_mixed: whether goals are sums of those of two examples.
        """

    def training_metrics(self, outputs: Outputs, truths: Truths) -> dict[str, float]:
        """Return the metrics of the validation split, by key of train's metrics.json."""

    def same(self, outputs: Outputs, other: Outputs) -> Flags:
        """Return for which examples two models give the same answer, [n]."""

    def right(self, outputs: Outputs, truths: Truths) -> Flags:
        """Return for which examples the answer is right, [n]."""

    def tied(self, outputs: Outputs) -> Flags:
        """Return for which examples equal outputs leave the answer to their order, [n]."""

    def margins(self, outputs: Outputs) -> Mapping[str, NDArray[np.float32]]:
        """Return how far apart the values are that would have to meet to turn an answer.

        By name of the output, [n] each; an output is left out that turns none.
        """

    def turns(self, outputs: Outputs) -> NDArray[np.int64]:
        """Return a number for each kind of answer, [n]; golden vectors take them in turns."""

    def columns(self, outputs: Outputs, truths: Truths, labels: Sequence[str]) -> Columns:
        """Return what examples.csv tells of a file's answers."""

    def calibration_error(self, outputs: Outputs, truths: Truths) -> CalibrationError | None:
        """Return the statistic of confidence and its columns; None: the task has no confidence."""

    def after(
        self, tensors: Sequence[Mapping[str, Any]], package: recipe.Package, labels_path: str
    ) -> list[Step]:
        """Return the steps from the outputs of a file to the answer that an app shows.

        Args:
            tensors: the file's outputs, as the manifest has them.
            package: options of the recipe.
            labels_path: of the file in the bundle with a label in each line.
        """

    def compare(self, file: Outputs, source: Outputs) -> AnswerComparison:
        """Compare the outputs of a file with those of its source model."""


@dataclass(frozen=True)
class Columns:
    """Texts of examples.csv, each [n]; an answer is right where it is the label.

    Gates on classes and slices, and parity, count by them.
    """

    label: Sequence[str]
    answer: Sequence[str]
    confidence: Sequence[str]


@dataclass(frozen=True)
class CalibrationError:
    """A statistic of resampled columns."""

    statistic: Callable[..., float]
    columns: tuple[NDArray[np.float64], Flags]  # confidence 0 to 1, and whether right, [n] each


def load_task(name: str) -> Task:
    """Return the task that a recipe names.

    Raises:
        RecipeError: there is none, or it lacks a member.
    """
    task: Task = plugins.load("task.output", name).TASK
    plugin_members.refuse_missing("task.output", name, task, Task)
    return task


def default_task() -> Task:
    """Return the task of a recipe that names none."""
    return load_task(recipe.Task().output)


def score(task: Task, outputs: Outputs, truths: Truths) -> float:
    """Return the first metric of the task."""
    metric = task.METRICS[0]
    return metric.value(metric.rows(outputs, truths), None)
