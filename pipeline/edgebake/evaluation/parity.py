"""Compare the predictions of one model's files for two runtimes, and of each with its float parent.

Two quantized files of one model round differently, so they may differ where each of them differs
from its float parent as well. What counts is the excess: the share of examples on which the two
files differ, minus the share on which one of them differs from its float parent. Both shares are of
the same examples, so only those that are in one of them alone carry information.

An example on which both of the compared answers are wrong counts half. So the excess over all
examples may be twice the margin, and the excess over those with a right answer once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_DIFFERING = 10  # examples of a comparison that are kept, the first ones
ALL = "all"
ONE_RIGHT = "one right"
# How many margins the excess may be, by the differences that it counts.
MARGINS = {ONE_RIGHT: 1, ALL: 2}

Names = NDArray[np.str_]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class FilePredictions:
    """The predictions of one variant's file on the test split."""

    variant: str
    runtime: str
    output: NDArray[np.float32]  # [n, ...]
    labels: Names  # right answers, [n]
    answers: Names  # as an app shows them, [n]
    confidences: Sequence[float]  # of the answers, [n]
    float_answers: Names  # of the float parent, [n]
    example_names: Sequence[str]  # [n]


@dataclass(frozen=True)
class Excess:
    """On how many examples two files differ where one of them does not differ from its parent."""

    file: str  # variant whose differences from its float parent are subtracted
    counted: str  # a key of MARGINS
    more: int  # examples on which the files differ, and this file answers as its parent does
    fewer: int  # examples on which this file differs from its parent, and the files agree


@dataclass(frozen=True)
class DifferingExample:
    """The predictions of two files on an example on which they differ."""

    example: int  # position in the test split
    name: str
    label: str
    answer: str
    probability: float
    other_answer: str
    other_probability: float


@dataclass(frozen=True)
class Comparison:
    """The agreement of a file with one of another runtime."""

    other: str  # variant of validate
    runtime: str
    same: int  # examples with the same predicted class
    n: int
    off_float: int  # examples on which the file differs from its float parent
    other_off_float: int  # examples on which the other file differs from its float parent
    largest_difference: float  # of one probability
    mean_difference: float
    excesses: list[Excess]
    first_differing: list[DifferingExample]  # those with a right answer first

    def agreement(self) -> tuple[float, float]:
        """Return a sort key that is smallest where the files agree least."""
        return self.same / self.n, -self.largest_difference


def from_record(record: Mapping[str, Any]) -> Comparison:
    """Return a comparison as `dataclasses.asdict` wrote it."""
    nested = {
        "excesses": [Excess(**excess) for excess in record["excesses"]],
        "first_differing": [DifferingExample(**example) for example in record["first_differing"]],
    }
    return Comparison(**{**record, **nested})


def compare(candidate: FilePredictions, twin: FilePredictions) -> Comparison:
    """Compare a file with that of another runtime, on the same examples."""
    differences = np.abs(candidate.output - twin.output)
    largest_difference = float(differences.max())
    mean_difference = float(differences.mean())
    is_differing = candidate.answers != twin.answers
    n = len(candidate.labels)
    return Comparison(
        other=twin.variant,
        runtime=twin.runtime,
        same=n - int(is_differing.sum()),
        n=n,
        off_float=_count_off_float(candidate),
        other_off_float=_count_off_float(twin),
        largest_difference=round(largest_difference, 6),
        mean_difference=round(mean_difference, 6),
        excesses=[*_excesses(candidate, twin, candidate), *_excesses(candidate, twin, twin)],
        first_differing=_first_differing(candidate, twin),
    )


def _count_off_float(file: FilePredictions) -> int:
    is_off_float = file.answers != file.float_answers
    return int(is_off_float.sum())


def _excesses(
    candidate: FilePredictions, twin: FilePredictions, subtracted: FilePredictions
) -> list[Excess]:
    """Return the excess of two files' differences over those of one of them from its parent."""
    labels = candidate.labels
    is_differing = candidate.answers != twin.answers
    is_off_float = subtracted.answers != subtracted.float_answers
    counted = {
        ONE_RIGHT: (
            is_differing & _has_right(labels, candidate.answers, twin.answers),
            is_off_float & _has_right(labels, subtracted.answers, subtracted.float_answers),
        ),
        ALL: (is_differing, is_off_float),
    }
    excesses = []
    for name, (between_files, from_parent) in counted.items():
        more = between_files & ~from_parent
        fewer = from_parent & ~between_files
        excesses.append(Excess(subtracted.variant, name, int(more.sum()), int(fewer.sum())))
    return excesses


def _has_right(labels: Names, answers: Names, other_answers: Names) -> Flags:
    """Return of each example whether one of two answers is right, [n]."""
    has_right: Flags = (answers == labels) | (other_answers == labels)
    return has_right


def _first_differing(candidate: FilePredictions, twin: FilePredictions) -> list[DifferingExample]:
    """Return the first examples that differ, those with a right answer before the others."""
    is_differing = candidate.answers != twin.answers
    has_right = _has_right(candidate.labels, candidate.answers, twin.answers)
    with_right = np.flatnonzero(is_differing & has_right)
    both_wrong = np.flatnonzero(is_differing & ~has_right)
    numbers = [*with_right, *both_wrong][:MAX_DIFFERING]
    return [_difference(candidate, twin, int(number)) for number in numbers]


def _difference(
    candidate: FilePredictions, twin: FilePredictions, example: int
) -> DifferingExample:
    return DifferingExample(
        example=example,
        name=candidate.example_names[example],
        label=str(candidate.labels[example]),
        answer=str(candidate.answers[example]),
        probability=candidate.confidences[example],
        other_answer=str(twin.answers[example]),
        other_probability=twin.confidences[example],
    )
