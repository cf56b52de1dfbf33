"""Counts of relative parity, from predictions of six examples."""

from dataclasses import asdict

import numpy as np

from edgebake.evaluation.parity import (
    ALL,
    ONE_RIGHT,
    Comparison,
    Excess,
    FilePredictions,
    compare,
    from_record,
)

CLASSES = ("cat", "dog", "owl")
TRUTH = ["cat", "cat", "dog", "dog", "owl", "owl"]
FLOAT = ["cat", "cat", "dog", "cat", "owl", "dog"]
#  A and B: equal; B alone is wrong; both changed alike; both wrong and differ; equal; A alone is
#  changed, from wrong to right.
A = ["cat", "cat", "owl", "cat", "owl", "owl"]
B = ["cat", "dog", "owl", "owl", "owl", "dog"]


def _file(name: str, answers: list[str]) -> FilePredictions:
    numbers = [CLASSES.index(answer) for answer in answers]
    return FilePredictions(
        variant=name,
        runtime=f"runtime of {name}",
        output=np.eye(3, dtype=np.float32)[numbers],
        labels=np.array(TRUTH),
        answers=np.array(answers),
        confidences=[1.0] * 6,
        float_answers=np.array(FLOAT),
        example_names=[f"{number}.png" for number in range(6)],
    )


def _compared() -> Comparison:
    return compare(_file("a", A), _file("b", B))


def test_only_examples_in_one_of_the_two_shares_count() -> None:
    # They differ on 1, 3 and 5. A is off its parent on 2 and 5, B on 1, 2 and 3.
    assert _compared().excesses == [
        Excess("a", ONE_RIGHT, more=1, fewer=1),  # 1; 2
        Excess("a", ALL, more=2, fewer=1),  # 1 and 3; 2
        Excess("b", ONE_RIGHT, more=1, fewer=1),  # 5; 2
        Excess("b", ALL, more=1, fewer=1),  # 5; 2
    ]


def test_the_files_are_compared_with_each_other_and_with_their_parent() -> None:
    compared = _compared()
    assert (compared.other, compared.runtime) == ("b", "runtime of b")
    assert (compared.same, compared.n) == (3, 6)
    assert (compared.off_float, compared.other_off_float) == (2, 3)


def test_examples_with_a_right_answer_are_shown_first() -> None:
    differing = _compared().first_differing
    assert [one.name for one in differing] == ["1.png", "5.png", "3.png"]
    assert (differing[0].answer, differing[0].other_answer, differing[0].label) == (
        "cat",
        "dog",
        "cat",
    )


def test_a_comparison_is_read_as_it_was_written() -> None:
    assert from_record(asdict(_compared())) == _compared()
