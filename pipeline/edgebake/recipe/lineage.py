"""The stages that led to a target, traced back through params.yaml."""

import json
from typing import Any

from edgebake import artifacts
from edgebake.recipe.stage_params import Plan

Section = dict[str, Any]  # parameters of one variant, as params.yaml holds them

# Each stage, and the key of its section that names the variant it builds on.
PREVIOUS_STAGES = (
    ("validate", "convert"),
    ("convert", "quantize"),
    ("quantize", "prune"),
    ("prune", "train"),
)


def trace(plan: Plan, validate: str) -> dict[str, Section]:
    """Return the sections of all stages that led to a variant of validate, by stage.

    They include validate itself and, as `teacher`, the train section of a distillation teacher.

    Args:
        plan: the content of params.yaml.
        validate: name of the variant.
    """
    sections: dict[str, Section] = {}
    variant = validate
    for stage, previous_stage in PREVIOUS_STAGES:
        section = plan[stage][variant]
        sections[stage] = section
        variant = section[previous_stage]
    trainings = plan["train"]
    sections["train"] = trainings[variant]
    teacher = sections["prune"].get("teacher", variant)
    if teacher != variant:
        sections["teacher"] = trainings.get(teacher, {"tools": {}})
    return sections


def recipe_digest(sections: dict[str, Section], target: Section) -> str:
    """Return the sha256 of a target's whole recipe, hexadecimal.

    Args:
        sections: from `trace`.
        target: the target's section of package; its device, budget, waivers and package count.
    """
    package = {
        "device": target["device"],
        "budget": target["budget"],
        "waivers": target["waivers"],
        "package": target["package"],
    }
    recipe = {**sections, "package": package}
    text = json.dumps(recipe, sort_keys=True)
    return artifacts.sha256(text.encode())


def tool_versions(sections: dict[str, Section]) -> dict[str, str]:
    """Return the version of every tool that the stages of a target use, sorted by name."""
    versions: dict[str, str] = {}
    for section in sections.values():
        versions |= section["tools"]
    return dict(sorted(versions.items()))
