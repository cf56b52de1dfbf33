"""Read what the table says of pruned variants: the summary of `prune` and the baselines.

Imports the planner and the report in functions, as the verbs do.
"""

from typing import TYPE_CHECKING, Any

from edgebake import artifacts

if TYPE_CHECKING:
    from edgebake.recipe.stage_params import Plan
    from edgebake.report.pruning import PrunedVariant


def read(plan: "Plan") -> "dict[str, PrunedVariant]":
    """Return the pruned variants of a plan that are built, with those baselines that are."""
    from edgebake.report import pruning

    pruned = {}
    for variant in plan["prune"]:
        file = artifacts.folder("prune", variant) / "pruned.json"
        if not file.exists():
            continue
        content = artifacts.read_json(file, dict[str, Any])
        if "accuracy" in content:
            summary = artifacts.read_json(file, pruning.PruningSummary)
            accuracies = _baseline_accuracies(plan, variant)
            pruned[variant] = pruning.PrunedVariant(summary, accuracies)
    return pruned


def _baseline_accuracies(plan: "Plan", variant: str) -> dict[str, float | None]:
    """Return the accuracy of each baseline of a pruned variant that is built, by its kind."""
    from edgebake.plan import baselines
    from edgebake.report import pruning

    accuracies = {}
    for kind, baseline in baselines.of_pruned(plan, variant).items():
        file = artifacts.folder("baseline", baseline) / "baseline.json"
        if file.exists():
            result = artifacts.read_json(file, pruning.BaselineResult)
            accuracies[kind.value] = result["accuracy"]
    return accuracies
