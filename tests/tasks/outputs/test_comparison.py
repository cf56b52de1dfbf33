"""Predictions are compared class by class and number by number."""

import numpy as np

from edgebake.tasks.outputs.classification import TASK
from edgebake.tasks.task import AnswerComparison
from edgebake.tasks.tensors import Outputs


def _outputs(*classes: int, scale: float = 1) -> Outputs:
    return {"probabilities": np.eye(3, dtype=np.float32)[list(classes)] * np.float32(scale)}


def test_counts_of_four_examples() -> None:
    source = _outputs(0, 0, 1, 2)
    file = _outputs(0, 1, 1, 1, scale=0.75)
    # By chance: 2 * 1 of class 0, 1 * 3 of class 1, none of class 2, of 4.
    assert TASK.compare(file, source) == AnswerComparison(
        n=4, same=2, largest_difference=1.0, same_by_chance=1.25
    )


def test_a_file_of_one_answer_agrees_as_often_as_by_chance() -> None:
    comparison = TASK.compare(_outputs(0, 0, 0), _outputs(0, 1, 2))
    assert comparison.same == comparison.same_by_chance == 1
