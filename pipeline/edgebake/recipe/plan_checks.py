"""Check the content of params.yaml, which people and experiments edit."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from edgebake.documents.strict_yaml import shown
from edgebake.errors import RecipeError, nearest
from edgebake.recipe import field_types
from edgebake.terminal.printable import printable

PARAMS = Path("params.yaml")
HINT = "run `edgebake plan`"

Plan = dict[str, dict[str, Any]]  # by stage, then by variant


def check_sections(plan: object, stage_params: Mapping[str, type]) -> None:
    """Check that a plan is a mapping from stage to variants.

    Raises:
        RecipeError: it is none.
    """
    if not isinstance(plan, dict):
        expected = "expected a mapping from stage to variants"
        raise RecipeError(f"{PARAMS}: not a plan; {expected}: {HINT}")
    if not plan:
        return
    for stage in stage_params:
        if not _is_mapping_of_mappings(plan.get(stage)):
            expected = "expected a mapping from variant to parameters"
            raise RecipeError(f"{PARAMS}: {stage}: not a plan; {expected}: {HINT}")
    record = plan.get("plan", {})
    if not isinstance(record, dict):
        raise RecipeError(f"{PARAMS}: plan: {shown(record)}; expected a mapping: {HINT}")
    release = record.get("release", "")
    if not isinstance(release, str):
        expected = "expected the name of a file of recipes/"
        raise RecipeError(f"{PARAMS}: plan.release: {shown(release)}; {expected}: {HINT}")


def check_values(plan: Plan, stage_params: Mapping[str, type]) -> None:
    """Check the values of every variant, and the variants that they refer to.

    Args:
        plan: sections of the right form.
        stage_params: the dataclass of each stage.

    Raises:
        RecipeError: names stage, variant and key.
    """
    for stage, params_type in stage_params.items():
        for variant, params in plan.get(stage, {}).items():
            _check_params(stage, variant, params, params_type)
    for stage, variant, name, reference in _references(plan, stage_params):
        if reference not in plan[name]:
            known = f"expected a variant of {name}{nearest(str(reference), plan[name])}"
            location = f"{PARAMS}: {stage}.{variant}"
            raise RecipeError(f"{location}: {name}: {shown(reference)}; {known}: {HINT}")


def _check_params(stage: str, variant: str, params: dict[str, Any], params_type: type) -> None:
    """Check the parameters of a variant against the dataclass of its stage."""
    location = f"{PARAMS}: {stage}.{printable(variant)}"
    for key, problem in field_types.problems(params, params_type, ""):
        raise RecipeError(f"{location}: {key}: {problem}")
    for key in field_types.missing(params, params_type, ""):
        raise RecipeError(f"{location}: {key}: no value; expected one: {HINT}")


def _references(
    plan: Plan, stage_params: Mapping[str, type]
) -> Iterator[tuple[str, str, str, object]]:
    """Yield stage and variant, and the stage and variant that it refers to."""
    for stage in stage_params:
        for variant, params in plan[stage].items():
            for name in stage_params:
                if name in params and isinstance(params[name], str):
                    yield stage, variant, name, params[name]
    for platform, params in plan["package"].items():
        for target, target_params in params["targets"].items():
            yield "package", f"{platform}.targets.{target}", "validate", target_params["validate"]


def _is_mapping_of_mappings(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    return all(isinstance(entry, dict) for entry in value.values())
