"""What pruning cost and won, as pruned.json and the terminal have it; accuracies are those on the validation split."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from edgebake.compression.pruning import baselines, layer_costs
from edgebake.compression.pruning.layer_costs import LayerCost
from edgebake.training import loop

if TYPE_CHECKING:
    from edgebake.compression.pruning.original_model import OriginalModel, PrunedModel
    from edgebake.recipe import Prune

WORDS = ("channels", "macs", "parameters")


def summarize(parent: OriginalModel, pruned: PrunedModel, words: Prune) -> dict[str, Any]:
    """Return the account of a model beside its parent, and beside what was trained with the same budget."""
    full = parent.load()
    before, after = layer_costs.count(full), layer_costs.count(pruned.model)
    told = {row["layer"]: row for row in pruned.report.get("layers", [])}
    accuracy = {
        "before": loop.accuracy(full, parent.splits),
        "cut": pruned.accuracy_cut,
        "fine_tuned": pruned.accuracy,
    }
    return {
        "validation_images": len(parent.splits.validation_labels),
        "accuracy": accuracy,
        **{
            word: {
                "before": layer_costs.total(before, word),
                "after": layer_costs.total(after, word),
            }
            for word in WORDS[1:]
        },
        "baselines": _baselines(parent, pruned, words) if words.baselines else {},
        **{word: value for word, value in pruned.report.items() if word != "layers"},
        "layers": [
            _layer(name, cost, after.get(name)) | told.get(name, {})
            for name, cost in before.items()
        ],
    }


def line(report: dict[str, Any]) -> str:
    """Return an account in one line."""
    if "accuracy" not in report:
        return "kept whole"
    shares = ", ".join(
        f"{report[word]['after'] / report[word]['before']:.0%} of {word}" for word in WORDS[1:]
    )
    accuracy = report["accuracy"]
    steps = f"{accuracy['before']:.4f}, cut {accuracy['cut']:.4f}, fine-tuned {accuracy['fine_tuned']:.4f}"
    others = "".join(
        f", {name.replace('_', ' ')} {found:.4f}" for name, found in report["baselines"].items()
    )
    return f"{shares}{_packed(report)}{_elsewhere(report)}; validation accuracy {steps}{others}"


def _packed(report: dict[str, Any]) -> str:
    """Return what a method that cuts no channels wins."""
    found = report.get("deflated_bytes")
    return f", {found['after'] / found['before']:.0%} of the bytes once compressed" if found else ""


def _elsewhere(report: dict[str, Any]) -> str:
    """Return what a goal of latency came to, in words that make the same model on any machine."""
    if "timed" not in report:
        return ""
    share = math.ceil(report["macs"]["after"] / report["macs"]["before"] * 1e4) / 1e4
    chosen = min(report["timed"], key=lambda tried: abs(tried["macs"] - share))
    found = f"latency {chosen['latency']:.2f} of the parent's on this machine"
    return f", {found} (anywhere: prune.target.macs: {share:g})"


def _baselines(parent: OriginalModel, pruned: PrunedModel, words: Prune) -> dict[str, float]:
    found = {"parent_trained_on": baselines.fine_tuned_original(parent, words)}
    if layer_costs.total(layer_costs.count(pruned.model), "macs") < layer_costs.total(
        layer_costs.count(parent.load()), "macs"
    ):
        found["from_scratch"] = baselines.from_scratch(pruned.model, parent, words)
    return {name: loop.accuracy(model, parent.splits) for name, model in found.items()}


def _layer(name: str, before: LayerCost, after: LayerCost | None) -> dict[str, Any]:
    """Return a row; a layer that pruning folded away has nothing after."""
    pairs = {
        word: {"before": getattr(before, word), "after": getattr(after, word, None)}
        for word in WORDS
    }
    return {"layer": name, "kind": before.kind, **pairs}
