"""How far the files of one model agree across runtimes, on the test split; a file per platform.

Reads params.yaml and validate's output of every variant. Writes artifacts/parity/<platform>.json: for each variant the
file of another runtime that agrees with it least, or none.
"""

import csv
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import artifacts, plugins
from pipeline.sections import read_plan

FOLDER = artifacts.ROOT / "parity"
KEPT = 10  # differing examples, the first ones
FLOAT = "float"

Plan = dict[str, dict[str, Any]]


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
    found: dict[str, dict[str, Any]] = {section["platform"]: {} for section in variants.values()}
    count = 0
    for name, section in variants.items():
        others = [other for other in variants if _ought_to_agree(plan, name, other)]
        compared = [_compare(plan, name, other) for other in others]
        count += len(compared)
        least = min(compared, key=lambda one: (one.same / one.n, -one.largest_difference), default=None)
        found[section["platform"]][name] = asdict(least) if least else None
    for platform, content in found.items():
        artifacts.write(FOLDER / f"{platform}.json", (json.dumps(content, indent=2) + "\n").encode())
    return f"{count // 2} pairs of files compared"


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
    scheme = plugins.load("quantize.scheme", section["scheme"])
    is_float = scheme.WEIGHTS.startswith("float") and scheme.ACTIVATIONS.startswith("float")
    return section["prune"], FLOAT if is_float else quantize


def _compare(plan: Plan, name: str, other: str) -> Comparison:
    (answers, rows), (others, _) = _answers(plan, name), _answers(plan, other)
    gaps = np.abs(answers - others)
    differing = np.flatnonzero(answers.argmax(axis=1) != others.argmax(axis=1))
    classes = _classes(plan, name)
    return Comparison(
        other=other,
        runtime=plan["validate"][other]["runtime"],
        same=len(rows) - len(differing),
        n=len(rows),
        largest_difference=round(float(gaps.max()), 6),
        mean_difference=round(float(gaps.mean()), 6),
        first_differing=[
            {
                "example": int(i),
                "label": rows[i]["label"],
                **_answer(classes, answers[i]),
                **_answer(classes, others[i], "other_"),
            }
            for i in differing[:KEPT]
        ],
    )


def _answer(classes: list[str], probabilities: NDArray[np.float32], prefix: str = "") -> dict[str, Any]:
    best = int(probabilities.argmax())
    return {f"{prefix}answer": classes[best], f"{prefix}probability": round(float(probabilities[best]), 6)}


def _answers(plan: Plan, name: str) -> tuple[NDArray[np.float32], list[dict[str, str]]]:
    folder = _folder(plan, name)
    with (folder / "examples.csv").open(newline="") as file:
        return np.load(folder / "answers.npy"), list(csv.DictReader(file))


def _classes(plan: Plan, name: str) -> list[str]:
    labels: list[str] = json.loads((_folder(plan, name) / "contract.json").read_text())["labels"]
    return labels


def _folder(plan: Plan, name: str) -> Path:
    return artifacts.opened(artifacts.folder("validate", name, plan["validate"][name]["platform"]))
