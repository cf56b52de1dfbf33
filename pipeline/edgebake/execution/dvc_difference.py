"""Compare a stage with DVC's record of its last run; nothing runs, nothing is written.

Uses methods of DVC's own objects, as `dvc_repo` does.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from edgebake.execution.dvc_repo import Project

PARAMS = "params.yaml"


@dataclass(frozen=True)
class Difference:
    """What differs between the last run of a stage and the project of now."""

    is_recorded: bool  # whether it has run
    is_command_changed: bool
    inputs: Mapping[str, str]  # `modified`, `deleted` or another word of DVC, by path
    outputs: Mapping[str, str]
    params: Mapping[str, Any]  # values of its last run by key, for example `train.digits-ds_cnn`
    digests: Mapping[str, str]  # MD5 of the inputs of its last run, by path


def compare(project: Project, name: str) -> Difference:
    """Return what differs between a stage's last run and now."""
    stage = project.stage(name)
    recorded = project.recorded(name)
    files = [dep for dep in stage.deps if str(dep) != PARAMS]
    digests: dict[str, str] = {}
    for entry in recorded.get("deps", []):
        path = entry["path"]
        digests[path] = entry.get("md5", "")
    return Difference(
        is_recorded=bool(recorded),
        is_command_changed=bool(recorded) and bool(stage.cmd_changed),
        inputs=_statuses(files),
        outputs=_statuses(stage.outs),
        params=recorded.get("params", {}).get(PARAMS, {}),
        digests=digests,
    )


def is_in_run_cache(project: Project, name: str) -> bool:
    """Return whether DVC would restore a stage, all of whose inputs are there."""
    stage = project.stage(name)
    if any(not dep.exists for dep in stage.deps):
        return False
    stage.save_deps()  # into the object, not into dvc.lock
    cache = project.repo.stage_cache
    entry = cache._load(stage)
    if not entry:
        return False
    restored = cache._create_stage(entry, wdir=stage.wdir)
    cached = [out for out in restored.outs if out.use_cache]
    return not any(out.changed_cache() for out in cached)


def _statuses(entries: Iterable[Any]) -> dict[str, str]:
    statuses: dict[str, str] = {}
    for entry in entries:
        statuses |= entry.status()
    return statuses
