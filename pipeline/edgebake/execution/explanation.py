"""Say which stages the next build runs, and why: which value, source file, data or tool changed.

DVC compares: a stage is explained by what differs from its last run in dvc.lock. What comes of a
stage is not known before it runs: those that wait for one that runs count as running, too.
"""

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgebake.execution import dvc_difference
from edgebake.execution.dvc_difference import Difference
from edgebake.execution.dvc_repo import Node, Project
from edgebake.execution.needs import task_of
from edgebake.execution.retries import FOLDER as ATTEMPTS
from edgebake.execution.task import Task
from edgebake.plan import code_digest, code_history
from edgebake.plan.changes import Change, compare_values
from edgebake.recipe import StageMemory
from edgebake.recipe.stage_params import Plan

# Stages of a second, which every build runs.
ALWAYS_RUN = frozenset({"plan", "revision"})
REVISIONS = Path("artifacts/revision")
# Keys of a stage's parameters: versions of tools, and the digest of a target's whole recipe.
TOOLS = "tools"
RECIPE_DIGEST = "recipe_sha256"


class Fate(enum.Enum):
    """What a build does with a stage that is not unchanged."""

    RUNS = enum.auto()
    RESTORED = enum.auto()  # from the run cache
    FOLLOWS = enum.auto()  # a stage that is restored: it runs if DVC has no result for its inputs


@dataclass(frozen=True)
class Explanation:
    """Why a stage is not unchanged."""

    task: Task
    fate: Fate
    reasons: tuple[str, ...]
    after: tuple[str, ...]  # names of the stages before it whose outputs may become others
    # Whether its outputs may become others; not if they are missing and only restored.
    is_changed: bool = True


def explain(project: Project, plan: Plan, memory: StageMemory) -> list[Explanation]:
    """Return an explanation of every stage that is not unchanged, each after those it waits for.

    Args:
        project: whose plan and digests of code are written.
        plan: the content of params.yaml.
        memory: of stages, as the release states it.
    """
    explained: dict[str, Explanation] = {}
    for name, node in project.nodes.items():
        if name in ALWAYS_RUN or not node.command:
            continue
        difference = dvc_difference.compare(project, name)
        upstream = [explained[before] for before in node.upstream if before in explained]
        reasons = _Reasons(node, difference, plan).all(upstream)
        after = tuple(before.task.name for before in upstream if before.is_changed)
        if reasons or after:
            changed = [explained[before] for before in after]
            fate = _fate(project, name, reasons, changed)
            task = task_of(node, plan, memory)
            is_changed = fate is not Fate.RESTORED or reasons != _Reasons.of_outputs(difference)
            explained[name] = Explanation(task, fate, tuple(reasons), after, is_changed)
    return list(explained.values())


def _fate(
    project: Project, name: str, reasons: Sequence[str], upstream: Sequence[Explanation]
) -> Fate:
    if any(before.fate is Fate.RUNS for before in upstream):
        return Fate.RUNS
    if not upstream and dvc_difference.is_in_run_cache(project, name):
        return Fate.RESTORED
    if reasons:
        return Fate.RUNS
    return Fate.FOLLOWS


@dataclass(frozen=True)
class _Reasons:
    """What a stage itself gives as reasons to run."""

    node: Node
    difference: Difference
    plan: Plan

    def all(self, upstream: Sequence[Explanation]) -> list[str]:
        """Return each reason in words; what the stages before it will write is none."""
        if not self.difference.is_recorded:
            return ["it has not run yet"]
        return [*self._of_inputs(upstream), *self.of_outputs(self.difference)]

    @staticmethod
    def of_outputs(difference: Difference) -> list[str]:
        """Return which outputs are missing or are not what the stage wrote."""
        return [f"its output {path}: {status}" for path, status in difference.outputs.items()]

    def _of_inputs(self, upstream: Sequence[Explanation]) -> Iterator[str]:
        difference = self.difference
        if difference.is_command_changed:
            yield "its command in dvc.yaml"
        yield from self._of_params()
        to_come: list[Path] = []
        for before in upstream:
            to_come += before.task.outputs
        for path, status in difference.inputs.items():
            if not _is_written_by(Path(path), to_come):
                yield self._of_input(Path(path), status)

    def _of_params(self) -> Iterator[str]:
        for key, before in self.difference.params.items():
            for change in compare_values(key, before, _planned(self.plan, key)):
                yield _value_text(change)

    def _of_input(self, path: Path, status: str) -> str:
        if path.is_relative_to(code_digest.FOLDER):
            return self._of_code(path)
        if path.is_relative_to(ATTEMPTS):
            return "its device was not reached the last time"
        if path.is_relative_to(REVISIONS):
            return "the commit, or what differs from it"
        return f"{path}: {status}"

    def _of_code(self, path: Path) -> str:
        recorded = self.difference.digests.get(path.as_posix(), "")
        files: list[str] = []
        if path.is_file():
            files = code_history.changed_files(recorded, path.read_bytes())
        if not files:
            return "its code"
        return f"code of {code_digest.listed_files(files)}"


def _value_text(change: Change) -> str:
    """Return a changed value in words; tools and recipes by their names, digests without value."""
    parent, _, name = change.key.rpartition(".")
    if parent.rpartition(".")[2] == TOOLS:
        before = change.before or "not used"
        after = change.after or "not used"
        return f"tool {name}: {before} -> {after}"
    if name == RECIPE_DIGEST:
        return f"the recipe of {parent.rpartition('.')[2]}"
    return str(change).strip()


def _planned(plan: Mapping[str, Any], key: str) -> Any:
    """Return the value of a key of params.yaml: a section, or a variant of it."""
    section, _, variant = key.partition(".")
    if not variant:
        return plan.get(section)
    return (plan.get(section) or {}).get(variant)


def _is_written_by(path: Path, outputs: Sequence[Path]) -> bool:
    """Return whether a path is one of the outputs, contains one or lies in one."""
    for output in outputs:
        if path.is_relative_to(output):
            return True
        if output.is_relative_to(path):
            return True
    return False
