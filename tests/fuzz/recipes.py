"""Parsers of recipes, plans and states of DVC."""

from contextlib import chdir
from pathlib import Path

import yaml

from edgebake.bundle.trust import dvc_lock
from edgebake.documents import strict_yaml, yaml_text
from edgebake.execution import dvc_state
from edgebake.recipe import stage_params
from edgebake.stages import proof
from tests import signed
from tests.fuzz import mutations
from tests.fuzz.target import Target

ROOT = Path(__file__).parents[2]


def _recipes() -> list[bytes]:
    files = sorted((ROOT / "recipes").rglob("*.yaml"))
    return [file.read_bytes() for file in files]


def _plan() -> list[bytes]:
    """The plan of the project with one variant of each stage, so that it is read quickly."""
    plan = yaml.safe_load((ROOT / "params.yaml").read_text())
    platform, bundle = next(iter(plan["package"].items()))
    target, target_params = next(iter(bundle["targets"].items()))
    small = {
        "plan": plan["plan"],
        "package": {platform: {**bundle, "targets": {target: target_params}}},
    }
    references = {"validate": target_params["validate"]}
    while references:
        stage, variant = references.popitem()
        params = plan[stage][variant]
        small.setdefault(stage, {})[variant] = params
        for name in stage_params.STAGE_PARAMS.keys() & params.keys():
            if isinstance(params[name], str):
                references[name] = params[name]
    examples = next(iter(small["train"].values()))["examples"]
    small["data"] = {examples: plan["data"][examples]}
    for stage in stage_params.STAGE_PARAMS:
        small.setdefault(stage, {})  # nothing refers to a baseline
    return [yaml.safe_dump(small, sort_keys=False).encode()]


def _lock() -> list[bytes]:
    return [yaml.safe_dump(signed.LOCK, sort_keys=False).encode()]


def _read_lock(data: bytes, folder: Path) -> None:
    """Read dvc.lock as a build does: what DVC refuses is set aside, the rest is signed."""
    file = folder / "dvc.lock"
    file.write_bytes(data)
    if not dvc_state._fault_of_lock(file):
        with chdir(folder):
            lock = proof._read_lock()
            dvc_lock.lock_digest(lock, signed.MODELS)


def _read_plan(data: bytes, folder: Path) -> None:
    (folder / stage_params.PARAMS).write_bytes(data)
    with chdir(folder):
        plan = stage_params.read_plan()
        for variant in list(plan.get("data", {}))[:1]:
            stage_params.read("data", variant)


TARGETS = [
    Target(
        "recipe yaml",
        _recipes,
        lambda data, _: strict_yaml.parse(data, strict_yaml.MAX_BYTES),
        refusals=(yaml_text.StrictYamlError,),
        mutate=mutations.change_text,
    ),
    Target("dvc lock", _lock, _read_lock, mutate=mutations.change_text),
    Target("plan", _plan, _read_plan, mutate=mutations.change_text),
]
