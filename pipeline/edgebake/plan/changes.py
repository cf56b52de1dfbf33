"""Compare two plans: which variants and values differ, and whether DVC has to read the new plan."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from edgebake.documents import json_shape, strict_yaml
from edgebake.documents.yaml_text import StrictYamlError
from edgebake.errors import PlanError
from edgebake.plan import scheme_search
from edgebake.plan.variants import STAGES
from edgebake.recipe.stage_params import Plan


class DvcYaml(TypedDict):
    """The content of dvc.yaml, as far as edgebake reads it."""

    stages: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Change:
    """A difference between two plans: a new variant, a removed one, or a value that changed."""

    key: str  # <stage>.<variant>, followed by the key of a value
    before: object
    after: object

    def __str__(self) -> str:
        if self.before is None:
            return f"+ {self.key}"
        if self.after is None:
            return f"- {self.key}"
        return f"  {self.key}: {self.before} -> {self.after}"


def compare(before: Plan, after: Plan) -> list[Change]:
    """Return the differences between two plans, stage by stage."""
    changes: list[Change] = []
    for stage in STAGES:
        old = before.get(stage) or {}
        new = after.get(stage) or {}
        changes += _compare_stage(stage, old, new)
    changes += _compare_scheme_searches(before, after)
    return changes


def dvc_graph(plan: Plan) -> dict[str, Any]:
    """Return the part of a plan that DVC reads before the first stage runs.

    These are the variants of each stage, and the values that dvc.yaml uses in commands and paths.
    """
    graph: dict[str, Any] = {}
    keys = _keys_in_dvc_yaml()
    for stage in STAGES:
        variants: dict[str, Any] = plan.get(stage) or {}
        keys_of_stage = keys.get(stage, [])
        values: dict[str, list[object]] = {}
        for name, params in variants.items():
            values[name] = [_value(params, key) for key in keys_of_stage]
        graph[stage] = values
    return graph


def _compare_stage(stage: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    for name, params in new.items():
        if name not in old:
            key = f"{stage}.{name}"
            yield Change(key, before=None, after=params)
    for name, params in old.items():
        if name not in new:
            key = f"{stage}.{name}"
            yield Change(key, before=params, after=None)
    for name, params in new.items():
        if name in old:
            key = f"{stage}.{name}"
            yield from compare_values(key, old[name], params)


def compare_values(key: str, before: object, after: object) -> Iterator[Change]:
    """Yield each value that differs below a dotted key, in nested mappings."""
    if isinstance(before, dict) and isinstance(after, dict):
        names = dict.fromkeys([*before, *after])
        for name in names:
            old = before.get(name)
            new = after.get(name)
            yield from compare_values(f"{key}.{name}", old, new)
    elif before != after:
        yield Change(key, before, after)


def _compare_scheme_searches(before: Plan, after: Plan) -> Iterator[Change]:
    """Yield a change for each target whose search for a scheme has other candidates."""
    old = _candidates_by_target(before)
    new = _candidates_by_target(after)
    target_names = dict.fromkeys([*old, *new])
    for target_name in target_names:
        old_candidates = _parse_candidates(target_name, old)
        new_candidates = _parse_candidates(target_name, new)
        if old_candidates != new_candidates:
            yield Change(
                key=f"{scheme_search.PLAN_KEY}.{target_name}",
                before=_options(old_candidates),
                after=_options(new_candidates),
            )


def _candidates_by_target(plan: Plan) -> dict[str, Any]:
    candidates = plan.get(scheme_search.PLAN_KEY)
    if not isinstance(candidates, dict):
        return {}
    return candidates


def _parse_candidates(
    target_name: str, candidates: dict[str, Any]
) -> list[scheme_search.Candidate]:
    """Return the candidates of a target; none if there is no entry, or if it is damaged."""
    if target_name not in candidates:
        return []
    plan = {scheme_search.PLAN_KEY: {target_name: candidates[target_name]}}
    parsed = scheme_search.from_plan(plan)
    return parsed.get(target_name, [])


def _options(candidates: list[scheme_search.Candidate]) -> str:
    return " > ".join(candidate.option for candidate in candidates)


def _keys_in_dvc_yaml() -> dict[str, list[str]]:
    """Return the keys of parameters that dvc.yaml uses in commands and paths, by stage."""
    pipeline = _read_dvc_yaml(Path("dvc.yaml"))
    keys: dict[str, list[str]] = {}
    for stage, definition in pipeline["stages"].items():
        text = json.dumps(definition)
        names = re.findall(r"\$\{item\.([\w.]+)\}", text)
        keys[stage] = sorted(set(names))
    return keys


def _read_dvc_yaml(file: Path) -> DvcYaml:
    try:
        content = strict_yaml.read(file)
    except StrictYamlError as error:
        raise PlanError(f"{file}: {error}") from None
    problem = json_shape.problem(content, DvcYaml)
    if problem is not None:
        raise PlanError(f"{file}: {problem}; expected the pipeline of edgebake")
    pipeline: DvcYaml = content
    return pipeline


def _value(params: object, dotted_key: str) -> object:
    value: Any = params
    for key in dotted_key.split("."):
        value = (value or {}).get(key)
    return value
