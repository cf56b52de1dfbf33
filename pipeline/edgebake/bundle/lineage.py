"""Which sections of the plan led to a target.

Reads and writes nothing.
"""

import hashlib
import json
from typing import Any


def trace(plan: dict[str, dict[str, Any]], validate: str) -> dict[str, Any]:
    """Return by stage the sections that led to a variant of validate, itself included; a teacher's train too."""
    found: dict[str, Any] = {}
    name = validate
    for stage, before in (
        ("validate", "convert"),
        ("convert", "quantize"),
        ("quantize", "prune"),
        ("prune", "train"),
    ):
        found[stage] = plan[stage][name]
        name = found[stage][before]
    found["train"] = plan["train"][name]
    teacher = found["prune"].get("teacher", name)
    return (
        found
        if teacher == name
        else {**found, "teacher": plan["train"].get(teacher, {"tools": {}})}
    )


def recipe_digest(chained: dict[str, Any], target: dict[str, Any]) -> str:
    """Return the sha256 of a target's whole recipe: what led to it, its device, budget, waivers and answers."""
    recipe = {
        **chained,
        "package": {word: target[word] for word in ("device", "budget", "waivers", "package")},
    }
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()


def tool_versions(chained: dict[str, Any]) -> dict[str, str]:
    """Return every tool that a target's stages use, and its version."""
    found = {
        name: version for section in chained.values() for name, version in section["tools"].items()
    }
    return dict(sorted(found.items()))
