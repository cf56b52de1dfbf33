"""Write what the scheme search of `quantize: auto` reads: why a scheme was rejected for a target.

Written to artifacts/verdicts/<target>.json, by `package` after the gates and by `convert` if the
scheme does not suit the model.
"""

from collections.abc import Sequence
from typing import Any

from edgebake import artifacts
from edgebake.recipe.lineage import recipe_digest, trace
from edgebake.recipe.stage_params import Plan, read_plan


def write(plan: Plan, target_name: str, target: dict[str, Any], missed: Sequence[str]) -> None:
    """Write the verdict on a target.

    Args:
        plan: params.yaml as it is now: an experiment may have changed it since it was planned, and
            then the verdict does not apply to the recipe.
        target_name: also the name of the file.
        target: its section of `package`.
        missed: what rejects the target, a sentence each; empty: nothing.
    """
    lineage = trace(plan, target["validate"])
    verdict = {"recipe_sha256": recipe_digest(lineage, target), "missed": list(missed)}
    artifacts.write_json(artifacts.VERDICTS / f"{target_name}.json", verdict)


def reject_converted(variant: str, reason: str) -> None:
    """Reject every target that would ship the file of a variant of `convert`.

    Args:
        variant: of `convert`.
        reason: the message of its error.
    """
    missed = [reason.removeprefix(f"convert {variant}: ")]
    plan = read_plan()
    for bundle in plan["package"].values():
        for name, target in bundle["targets"].items():
            validated = plan["validate"][target["validate"]]
            if validated["convert"] == variant:
                write(plan, name, target, missed)
