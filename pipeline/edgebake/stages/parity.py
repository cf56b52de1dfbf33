"""Compare the predictions of one model's files across runtimes, on the test split.

Reads params.yaml and validate's output of every variant. Writes artifacts/parity/<platform>.json:
for each variant the comparisons with the files of other runtimes, the one that agrees least first.
"""

import csv
from dataclasses import asdict
from typing import Any

import numpy as np

from edgebake import artifacts
from edgebake.data.formula_cells import from_cell
from edgebake.evaluation.parity import Comparison, FilePredictions, compare
from edgebake.recipe import parity_twins
from edgebake.recipe.stage_params import read_plan

FOLDER = artifacts.ROOT / "parity"


def write() -> str:
    """Compare the files of each model, and return a line with the number of pairs."""
    plan = read_plan()
    variants = plan["validate"]
    twins = {}
    predictions = {}
    for name, params in variants.items():
        twins[name] = parity_twins.of(plan, name)
        if twins[name]:
            predictions[name] = _read(name, params)
    platforms: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for name, params in variants.items():
        comparisons = []
        for twin in twins[name]:
            comparison = compare(predictions[name], predictions[twin])
            comparisons.append(comparison)
        comparisons.sort(key=Comparison.agreement)
        platform = platforms.setdefault(params["platform"], {})
        platform[name] = [asdict(comparison) for comparison in comparisons]
    for platform_name, content in platforms.items():
        artifacts.write_json(FOLDER / f"{platform_name}.json", content)
    pairs = sum(len(names) for names in twins.values()) // 2
    return f"{pairs} pairs of files compared"


def _read(name: str, params: dict[str, Any]) -> FilePredictions:
    folder = artifacts.folder("validate", name, params["platform"])
    artifacts.verify(folder)
    table = folder / "examples.csv"
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    answers = folder / "answers.npy"
    output = np.load(answers, allow_pickle=False)
    if not np.isfinite(output).all():
        raise artifacts.damaged(answers, "predictions that are not finite")
    return FilePredictions(
        variant=name,
        runtime=params["runtime"],
        output=output,
        labels=np.array([from_cell(row["label"]) for row in rows]),
        answers=np.array([from_cell(row["answer"]) for row in rows]),
        confidences=[float(row["confidence"]) for row in rows],
        float_answers=np.array([from_cell(row["float_answer"]) for row in rows]),
        example_names=[from_cell(row["name"]) for row in rows],
    )
