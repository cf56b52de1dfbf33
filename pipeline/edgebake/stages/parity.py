"""How far the files of one model agree across runtimes, on the test split; a file per platform.

Reads params.yaml and validate's output of every variant. Writes artifacts/parity/<platform>.json: for each variant the
file of another runtime that agrees with it least, or none.
"""

import csv
import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgebake import artifacts
from edgebake.recipe.stage_params import read_plan

FOLDER = artifacts.ROOT / "parity"
KEPT = 10  # differing examples, the first ones
FLOAT = "float"

Plan = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Answers:
    """What one file answers to the test split."""

    variant: str
    runtime: str
    probabilities: NDArray[np.float32]  # [n, classes]
    labels: list[str]  # [n]
    classes: list[str]

    @property
    def picked(self) -> NDArray[np.int64]:
        """Return the number of the class that each example is given [n]."""
        picked: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return picked

    def of(self, example: int, prefix: str = "") -> dict[str, Any]:
        """Return the answer to an example, and how sure the file is."""
        best = int(self.picked[example])
        sure = round(float(self.probabilities[example, best]), 6)
        return {f"{prefix}answer": self.classes[best], f"{prefix}probability": sure}


@dataclass(frozen=True)
class Comparison:
    """Two files of one model beside each other."""

    other: str  # variant of validate
    runtime: str
    same: int  # examples with the same answer
    n: int
    largest_difference: float  # of one probability
    mean_difference: float
    first_differing: list[dict[str, Any]]


def write() -> str:
    """Compare every pair of files that ought to agree, and return how many there are."""
    plan = read_plan()
    variants = plan["validate"]
    others = {
        name: [other for other in variants if _ought_to_agree(plan, name, other)]
        for name in variants
    }
    answers = {name: _read(name, variants[name]) for name, twins in others.items() if twins}
    found: dict[str, dict[str, Any]] = {section["platform"]: {} for section in variants.values()}
    for name, section in variants.items():
        compared = [_compare(answers[name], answers[other]) for other in others[name]]
        least = min(
            compared, key=lambda one: (one.same / one.n, -one.largest_difference), default=None
        )
        found[section["platform"]][name] = asdict(least) if least else None
    for platform, content in found.items():
        artifacts.write(
            FOLDER / f"{platform}.json", (json.dumps(content, indent=2) + "\n").encode()
        )
    return f"{sum(map(len, others.values())) // 2} pairs of files compared"


def _ought_to_agree(plan: Plan, name: str, other: str) -> bool:
    """Return whether two variants are the same model in the same numbers, for two runtimes."""
    sections = plan["validate"]
    if sections[name]["runtime"] == sections[other]["runtime"]:
        return False
    return _model(plan, name) == _model(plan, other)


def _model(plan: Plan, name: str) -> tuple[str, str]:
    """Return the pruned model that a file holds, and its numbers: `float`, or how it was quantized."""
    quantize = plan["convert"][plan["validate"][name]["convert"]]["quantize"]
    section = plan["quantize"][quantize]
    is_float = section["weights"].startswith("float") and section["activations"].startswith("float")
    return section["prune"], FLOAT if is_float else quantize


def _compare(one: Answers, other: Answers) -> Comparison:
    gaps = np.abs(one.probabilities - other.probabilities)
    differing = [int(example) for example in np.flatnonzero(one.picked != other.picked)]
    return Comparison(
        other=other.variant,
        runtime=other.runtime,
        same=len(one.labels) - len(differing),
        n=len(one.labels),
        largest_difference=round(float(gaps.max()), 6),
        mean_difference=round(float(gaps.mean()), 6),
        first_differing=[
            {
                "example": example,
                "label": one.labels[example],
                **one.of(example),
                **other.of(example, "other_"),
            }
            for example in differing[:KEPT]
        ],
    )


def _read(name: str, section: dict[str, Any]) -> Answers:
    folder = artifacts.opened(artifacts.folder("validate", name, section["platform"]))
    with (folder / "examples.csv").open(newline="") as file:
        labels = [row["label"] for row in csv.DictReader(file)]
    classes = json.loads((folder / "contract.json").read_text())["labels"]
    return Answers(name, section["runtime"], np.load(folder / "answers.npy"), labels, classes)
