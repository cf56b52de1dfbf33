"""Tell outputs of the present plan from those of an earlier build, by DVC's record of each stage.

Reads dvc.lock, params.yaml, and small files of artifacts/; no model and no data is read again. A
change of data counts from the stage on that has read them: if it fails, its outputs are gone.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgebake import artifacts
from edgebake.documents import strict_yaml
from edgebake.documents.yaml_text import StrictYamlError
from edgebake.recipe.stage_params import PARAMS, Plan

LOCK = Path("dvc.lock")
MAX_BYTES = 1 << 20  # of a dependency that is hashed: digests, revisions, contracts

Digests = dict[str, str]  # md5 by path


@dataclass(frozen=True)
class StageRecord:
    """What DVC ran a stage with, and what came of it."""

    params: dict[str, Any]  # by key of params.yaml, for example `train.digits-ds_cnn`
    dependencies: Digests
    outputs: Digests


class BuildRecord:
    """The last run of every stage, compared with the present plan."""

    def __init__(self, stages: dict[str, StageRecord], plan: Plan) -> None:
        """Take the stages by DVC's name, for example `train@digits-ds_cnn`."""
        self._stages = stages
        self._plan = plan
        self._changes: dict[str, str] = {}

    def change(self, stage: str) -> str:
        """Return what differs between a stage's last run and the plan, or an empty text.

        The stages that it depends on count: the first difference, from the data on, is returned.
        """
        if stage not in self._changes:
            self._changes[stage] = ""  # while it is compared; dependencies have no circles
            self._changes[stage] = next(self._compare(stage), "")
        return self._changes[stage]

    def _compare(self, stage: str) -> Iterator[str]:
        record = self._stages.get(stage)
        if record is None:
            yield f"{stage} has not run"
            return
        for producer in self._producers(record):
            change = self.change(producer)
            if change:
                yield change
        for key, value in record.params.items():
            if value != self._planned(key):
                yield f"the parameters of {stage} have changed"
        for path, digest in record.dependencies.items():
            if self._is_other(path, digest):
                yield f"{path}, which {stage} reads, has changed"
        for path in record.outputs:
            if not Path(path).exists():
                yield f"{path}, which {stage} writes, is missing"

    def _producers(self, record: StageRecord) -> Iterator[str]:
        """Yield the stages that write a dependency, a part of it, or what contains it."""
        for name, stage in self._stages.items():
            if self._is_planned(name) and _overlap(stage.outputs, record.dependencies):
                yield name

    def _is_planned(self, stage: str) -> bool:
        """Return whether a stage is part of the plan; DVC keeps records of others."""
        name, _, variant = stage.partition("@")
        if not variant:
            return name == "parity"
        return variant in self._plan.get(name, {})

    def _planned(self, key: str) -> Any:
        stage, _, variant = key.partition(".")
        section = self._plan.get(stage)
        if not variant or not isinstance(section, dict):
            return section
        return section.get(variant)

    def _is_other(self, path: str, digest: str) -> bool:
        """Return whether a dependency below artifacts/ is not what the stage has read."""
        for name, stage in self._stages.items():
            if self._is_planned(name) and stage.outputs.get(path, digest) != digest:
                return True
        file = Path(path)
        if not file.is_relative_to(artifacts.ROOT) or not file.is_file():
            return False
        if file.stat().st_size > MAX_BYTES:
            return False
        return hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest() != digest


def read(plan: Plan) -> BuildRecord | None:
    """Read dvc.lock; None if it is missing or damaged."""
    try:
        content = strict_yaml.read(LOCK, strict_yaml.MAX_BYTES_OF_PLAN)
        stages = {name: _record(entry) for name, entry in content["stages"].items()}
    except (OSError, StrictYamlError, KeyError, TypeError, ValueError, AttributeError):
        return None
    return BuildRecord(stages, plan)


def _record(entry: dict[str, Any]) -> StageRecord:
    params = entry.get("params", {})
    return StageRecord(
        params=dict(params.get(str(PARAMS), {})),
        dependencies=_digests(entry.get("deps", [])),
        outputs=_digests(entry.get("outs", [])),
    )


def _digests(entries: list[dict[str, Any]]) -> Digests:
    return {entry["path"]: str(entry["md5"]) for entry in entries if "md5" in entry}


def _overlap(outputs: Digests, dependencies: Digests) -> bool:
    """Return whether some output is a dependency, lies in it or contains it."""
    for output in outputs:
        for path in dependencies:
            if f"{path}/".startswith(f"{output}/") or output.startswith(f"{path}/"):
                return True
    return False
