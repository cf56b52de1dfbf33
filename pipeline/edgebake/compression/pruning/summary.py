"""Summary of pruning for pruned.json and the terminal: costs and accuracy.

Accuracies are of the validation split.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from edgebake.compression.pruning import layer_costs
from edgebake.training import loop

if TYPE_CHECKING:
    from edgebake.compression.pruning.layer_costs import LayerCost, Metric
    from edgebake.compression.pruning.original_model import OriginalModel, PrunedModel, Report

METRICS: tuple[Metric, ...] = ("macs", "parameters")


def summarize(original: OriginalModel, pruned: PrunedModel) -> Report:
    """Compare a pruned model with the original one."""
    model = original.load()
    before = layer_costs.count(model)
    after = layer_costs.count(pruned.model)
    report: Report = {
        "validation_examples": len(original.splits.validation_labels),
        "accuracy": {
            "before": loop.score(model, original.splits),
            "cut": pruned.accuracy_before_fine_tuning,
            "fine_tuned": pruned.accuracy,
        },
    }
    for metric in METRICS:
        report[metric] = {
            "before": layer_costs.total(before, metric),
            "after": layer_costs.total(after, metric),
        }
    of_method = dict(pruned.report)
    method_rows = {row["layer"]: row for row in of_method.pop("layers", [])}
    report |= of_method
    rows = []
    for name, cost in before.items():
        rows.append(_row(name, cost, after.get(name)) | method_rows.get(name, {}))
    report["layers"] = rows
    return report


def line(report: Report) -> str:
    """Return a summary in one line."""
    if "accuracy" not in report:
        return "not pruned"
    costs = [f"{_remaining_share(report[metric]):.0%} of {metric}" for metric in METRICS]
    accuracy = report["accuracy"]
    accuracies = (
        f"{accuracy['before']:.4f}, "
        f"cut {accuracy['cut']:.4f}, "
        f"fine-tuned {accuracy['fine_tuned']:.4f}"
    )
    details = _compressed_size(report) + _latency(report)
    return f"{', '.join(costs)}{details}; validation accuracy {accuracies}"


def _remaining_share(sizes: dict[str, float]) -> float:
    return sizes["after"] / sizes["before"]


def _compressed_size(report: Report) -> str:
    """Return the reduction of the download by a method that prunes no channels."""
    if "deflated_bytes" not in report:
        return ""
    share = _remaining_share(report["deflated_bytes"])
    return f", {share:.0%} of the compressed bytes"


def _latency(report: Report) -> str:
    """Return the measured latency, and a target that gives the same model on any machine."""
    if "timed" not in report:
        return ""
    # Rounded up, so that the target allows the model.
    macs = math.ceil(_remaining_share(report["macs"]) * 1e4) / 1e4

    def distance(trial: dict[str, float]) -> float:
        return abs(trial["macs"] - macs)

    nearest = min(report["timed"], key=distance)
    neighbor = "" if nearest["is_alone"] else ", next to another stage,"
    return (
        f", latency {nearest['latency']:.2f} of the original model's on this machine{neighbor} "
        f"(on any machine: prune.target.macs: {macs:g})"
    )


def _row(name: str, before: LayerCost, after: LayerCost | None) -> Report:
    """Return the entry of a layer; it has no values after if pruning folded it away."""
    row: Report = {"layer": name, "kind": before.kind}
    for metric in ("channels", *METRICS):
        row[metric] = {"before": getattr(before, metric), "after": getattr(after, metric, None)}
    return row
