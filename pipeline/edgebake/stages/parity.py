"""Compare the predictions of one model's files across runtimes, on the test split.

Reads params.yaml and validate's output of every variant. Writes artifacts/parity/<platform>.json:
for each variant the comparison with the file of another runtime that agrees least, or null.
"""

import csv
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgebake import artifacts
from edgebake.data.formula_cells import from_cell
from edgebake.recipe.stage_params import Plan, read_plan

FOLDER = artifacts.ROOT / "parity"
MAX_DIFFERING = 10  # examples in the file, the first ones
FLOAT = "float"


@dataclass(frozen=True)
class FilePredictions:
    """The predictions of one variant's file on the test split."""

    variant: str
    runtime: str
    probabilities: NDArray[np.float32]  # [n, classes]
    labels: list[str]  # [n]
    classes: list[str]

    @property
    def predicted(self) -> NDArray[np.int64]:
        """Return the number of the predicted class of each example [n]."""
        predicted: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return predicted

    def prediction(self, example: int) -> dict[str, object]:
        """Return the predicted class of an example and its probability."""
        number = int(self.predicted[example])
        probability = float(self.probabilities[example, number])
        return {"answer": self.classes[number], "probability": round(probability, 6)}


@dataclass(frozen=True)
class Comparison:
    """The agreement of a file with one of another runtime."""

    other: str  # variant of validate
    runtime: str
    same: int  # examples with the same predicted class
    n: int
    largest_difference: float  # of one probability
    mean_difference: float
    first_differing: list[dict[str, object]]

    def agreement(self) -> tuple[float, float]:
        """Return a sort key that is smallest where the files agree least."""
        return self.same / self.n, -self.largest_difference


def write() -> str:
    """Compare the files of each model, and return a line with the number of pairs."""
    plan = read_plan()
    variants = plan["validate"]
    twins = {}
    predictions = {}
    for name, params in variants.items():
        twins[name] = _twins(plan, name)
        if twins[name]:
            predictions[name] = _read(name, params)
    platforms: dict[str, dict[str, object]] = {}
    for name, params in variants.items():
        comparisons = []
        for twin in twins[name]:
            comparison = _compare(predictions[name], predictions[twin])
            comparisons.append(comparison)
        platform = platforms.setdefault(params["platform"], {})
        platform[name] = _least_agreement(comparisons)
    for platform_name, content in platforms.items():
        artifacts.write_json(FOLDER / f"{platform_name}.json", content)
    pairs = sum(len(names) for names in twins.values()) // 2
    return f"{pairs} pairs of files compared"


def _least_agreement(comparisons: list[Comparison]) -> dict[str, object] | None:
    if not comparisons:
        return None
    least = min(comparisons, key=Comparison.agreement)
    return asdict(least)


def _twins(plan: Plan, name: str) -> list[str]:
    """Return the variants with the same model in the same numbers, for other runtimes."""
    variants = plan["validate"]
    twins = []
    runtime = variants[name]["runtime"]
    model = _model(plan, name)
    for twin, params in variants.items():
        has_other_runtime = params["runtime"] != runtime
        if has_other_runtime and _model(plan, twin) == model:
            twins.append(twin)
    return twins


def _model(plan: Plan, name: str) -> tuple[str, str]:
    """Return the pruned model that a file holds, and its numbers: FLOAT, or a quantization."""
    convert = plan["validate"][name]["convert"]
    quantize = plan["convert"][convert]["quantize"]
    params = plan["quantize"][quantize]
    float_weights = params["weights"].startswith(FLOAT)
    float_activations = params["activations"].startswith(FLOAT)
    numbers = quantize
    if float_weights and float_activations:
        numbers = FLOAT
    return params["prune"], numbers


def _compare(candidate: FilePredictions, twin: FilePredictions) -> Comparison:
    differences = np.abs(candidate.probabilities - twin.probabilities)
    differing = np.flatnonzero(candidate.predicted != twin.predicted)
    n = len(candidate.labels)
    largest_difference = float(differences.max())
    mean_difference = float(differences.mean())
    first_differing = []
    for example in differing[:MAX_DIFFERING]:
        first_differing.append(_difference(candidate, twin, int(example)))
    return Comparison(
        other=twin.variant,
        runtime=twin.runtime,
        same=n - len(differing),
        n=n,
        largest_difference=round(largest_difference, 6),
        mean_difference=round(mean_difference, 6),
        first_differing=first_differing,
    )


def _difference(
    candidate: FilePredictions, twin: FilePredictions, example: int
) -> dict[str, object]:
    """Return both predictions of an example."""
    difference: dict[str, object] = {
        "example": example,
        "label": candidate.labels[example],
        **candidate.prediction(example),
    }
    for key, value in twin.prediction(example).items():
        difference[f"other_{key}"] = value
    return difference


def _read(name: str, params: dict[str, Any]) -> FilePredictions:
    folder = artifacts.folder("validate", name, params["platform"])
    artifacts.verify(folder)
    table = folder / "examples.csv"
    with table.open(newline="") as file:
        labels = [from_cell(row["label"]) for row in csv.DictReader(file)]
    contract = artifacts.read_json(folder / "contract.json")
    return FilePredictions(
        variant=name,
        runtime=params["runtime"],
        probabilities=np.load(folder / "answers.npy"),
        labels=labels,
        classes=contract["labels"],
    )
