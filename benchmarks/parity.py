"""Measure the error rates of relative parity on simulated pairs of files.

    python -m benchmarks.parity [--pairs 1000]

Each row is a pair of files and a size of the test set. The pair is given by how often each
combination of truth, the float parent's answer and both answers occurs. Many test sets are drawn,
and three methods judge each: the gate, the point estimate of the excess against the margin, and an
absolute floor of 0.97. A pass is false if the true excess is the margin or more; a refusal is false
if it is less.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from edgebake.evaluation.gates.parity import agreement_test, relative_test
from edgebake.evaluation.gates.verdict import Requirement
from edgebake.evaluation.parity import MARGINS, Comparison, Excess, FilePredictions, compare

SIZES = (200, 1_000, 10_000)
FEWER = 5  # times fewer pairs of the largest test set, which take long
MARGIN = Requirement("parity", "at_most", 0.02, 0.95)
FLOOR = Requirement("parity", "at_least", 0.97, 0.95)
CLASSES = ("a", "b", "c", "d")
COLUMNS = ("pair of files", "excess", "n", "wrong is a", "point", "floor", "edgebake", "undecided")

# Answers to one example: truth, float parent, file A, file B.
Answers = tuple[str, str, str, str]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Pair:
    """Two files of one model, given by the share of examples with each combination of answers."""

    name: str
    shares: dict[Answers, float]  # the rest: A and B answer as the float parent does

    @property
    def excess(self) -> float:
        """Return the true excess, as the gate defines it."""
        values = []
        for excesses in _cells(list(self.shares)):
            values.append([excess.more - excess.fewer for excess in excesses])
        shares = np.array(list(self.shares.values()))
        margins = [MARGINS[excess.counted] for excess in excesses]
        return float((shares @ np.array(values) / margins).max())

    def draw(self, random: np.random.Generator, n: int, pairs: int) -> Counts:
        """Draw how often each combination occurs in n examples, [pairs, combinations]."""
        shares = list(self.shares.values())
        return random.multinomial(n, [*shares, 1 - sum(shares)], pairs)[:, :-1]

    def comparison(self, counts: Counts, n: int) -> Comparison:
        """Return the comparison of A with B in a test set with these counts."""
        combinations = list(self.shares)
        cells = _cells(combinations)
        excesses = []
        for number, kind in enumerate(cells[0]):
            more, fewer = 0, 0
            for count, cell in zip(counts, cells, strict=True):
                more += int(count) * cell[number].more
                fewer += int(count) * cell[number].fewer
            excesses.append(Excess(kind.file, kind.counted, more, fewer))
        differing = 0
        for count, (_, _, a, b) in zip(counts, combinations, strict=True):
            differing += int(count) * (a != b)
        return Comparison("b", "b", n - differing, n, 0, 0, 0.0, 0.0, excesses, [])


def _cells(combinations: Sequence[Answers]) -> list[list[Excess]]:
    """Return what one example with each combination of answers counts."""
    return [_compare_one(answers).excesses for answers in combinations]


def _compare_one(answers: Answers) -> Comparison:
    truth, parent, a, b = answers
    return compare(_file("a", truth, parent, a), _file("b", truth, parent, b))


def _file(name: str, truth: str, parent: str, answer: str) -> FilePredictions:
    probabilities = np.zeros((1, len(CLASSES)), np.float32)
    probabilities[0, CLASSES.index(answer)] = 1
    return FilePredictions(
        variant=name,
        runtime=name,
        output=probabilities,
        labels=np.array([truth]),
        answers=np.array([answer]),
        confidences=[1.0],
        float_answers=np.array([parent]),
        example_names=["x"],
    )


def rounding(shared: float, own: float) -> dict[Answers, float]:
    """Return the shares of two files that round well: as many answers get right as get wrong.

    Args:
        shared: share of examples on which both files differ from the float parent alike.
        own: share on which one of them does, of each file.
    """
    # A third of the changes each: right to wrong, wrong to right, wrong to wrong.
    shares: dict[Answers, float] = {}
    for truth, parent, changed in (("a", "a", "b"), ("a", "b", "a"), ("a", "b", "c")):
        shares[truth, parent, changed, changed] = shared / 3
        shares[truth, parent, changed, parent] = own / 3
        shares[truth, parent, parent, changed] = own / 3
    return shares


def broken(shares: dict[Answers, float], wrong: float) -> dict[Answers, float]:
    """Return the shares of the same files, where B alone gets a share more wrong."""
    lost: Answers = ("a", "a", "a", "b")
    return {**shares, lost: shares.get(lost, 0.0) + wrong}


def scrambled(shares: dict[Answers, float], wrong: float) -> dict[Answers, float]:
    """Return the shares of the same files, where B alone errs in another way on a share more."""
    other: Answers = ("a", "b", "b", "c")
    return {**shares, other: shares.get(other, 0.0) + wrong}


FLOAT16 = rounding(shared=0.0, own=0.001)
INT8 = rounding(shared=0.035, own=0.017)  # each agrees with its float parent on 94.8 %
# The excess of these among examples with a right answer, which two in three changes leave.
FLOAT16_EXCESS = 2 / 3 * 0.001
INT8_EXCESS = 2 / 3 * (0.017 - 0.035)
PAIRS = (
    Pair("float16, each 0.1 % off its parent", FLOAT16),
    Pair("int8, each 5.2 % off its parent, 3.4 % apart", INT8),
    Pair("int8, each 5.2 % off its parent, 5.2 % apart", rounding(0.026, 0.026)),
    Pair("int8, B errs otherwise on 2 % more", scrambled(INT8, 0.02)),
    Pair("float16, B is wrong on more, at the margin", broken(FLOAT16, 0.02 - FLOAT16_EXCESS)),
    Pair("int8, B is wrong on more, at the margin", broken(INT8, 0.02 - INT8_EXCESS)),
    Pair("int8, B is wrong on 5 % more", broken(INT8, 0.05)),
    Pair("int8, B is wrong on 10 % more", broken(INT8, 0.10)),
    Pair("int8, B is wrong on 30 % more", broken(INT8, 0.30)),
)


@dataclass
class Rates:
    """The share of test sets with each verdict."""

    point_passes: float = 0.0
    floor_passes: float = 0.0
    passes: float = 0.0
    fails: float = 0.0


def simulate(pair: Pair, n: int, pairs: int) -> Rates:
    """Draw test sets of one pair of files, and return how often each method passes and fails it."""
    random = np.random.default_rng(0)
    drawn = pair.draw(random, n, pairs)
    rates = Rates()
    # Test sets with the same counts get the same verdict, so each combination is judged once.
    combinations, repetitions = np.unique(drawn, axis=0, return_counts=True)
    for counts, repetition in zip(combinations, repetitions, strict=True):
        share = float(repetition) / pairs
        comparison = pair.comparison(counts, n)
        test = relative_test([comparison])
        proves = test.proves(MARGIN)
        rates.passes += share * proves
        rates.fails += share * (not proves and test.disproves(MARGIN))
        rates.point_passes += share * (test.worst.value <= MARGIN.limit)
        rates.floor_passes += share * agreement_test([comparison]).proves(FLOOR)
    return rates


def row(pair: Pair, n: int, pairs: int) -> list[str]:
    """Return the rate of wrong verdicts of each method, and of the undecided ones of the gate."""
    rates = simulate(pair, n, pairs)
    kind = "false pass"
    wrong = (rates.point_passes, rates.floor_passes, rates.passes)
    if pair.excess < MARGIN.limit - 1e-12:
        kind = "false refusal"
        wrong = (1 - rates.point_passes, 1 - rates.floor_passes, rates.fails)
    undecided = 1 - rates.passes - rates.fails
    # Rounding errors of the sums can be negative.
    percentages = [f"{abs(round(share, 4)):.1%}" for share in (*wrong, undecided)]
    return [pair.name, f"{pair.excess:.2%}", f"{n:,}", kind, *percentages]


def main(pairs: int) -> None:
    """Print the table."""
    console = Console(width=150)
    table = Table(*COLUMNS)
    for pair in PAIRS:
        for n in SIZES:
            drawn = pairs // FEWER if n == SIZES[-1] else pairs
            table.add_row(*row(pair, n, drawn))
        table.add_section()
    console.print(table)
    console.print("`undecided` pairs do not pass; the message says how many examples would decide")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=1_000)
    main(parser.parse_args().pairs)
