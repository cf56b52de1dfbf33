"""State the needs of a task: memory, and whether it has to be alone on the machine."""

import sys
from collections.abc import Mapping
from typing import Any

from edgebake.execution import resources, warm_server
from edgebake.execution.dvc_repo import Node
from edgebake.execution.task import Task
from edgebake.machine import cores
from edgebake.recipe import StageMemory

# The stages that read dvc.lock, the git history or a key, which only the build's machine has, or
# write what the planner reads there.
LOCAL_STAGES = frozenset({"plan", "revision", "package", "proof"})
# Values of `validate.where` that time nothing on this machine.
ELSEWHERE = ("adb", "ssh", "recorded")
# Peak memory in 10^9 bytes, of the process and its children. Measured in the default release: data
# 0.06, train 0.85, prune 0.93, quantize 0.75, convert 0.86, validate 0.23, package 0.11, parity
# 0.05. The classes leave room for larger models, and recipes/release.yaml may state others. They
# are no part of the stages, so that a new number runs none of them again.
SMALL_GB = 0.5
MEDIUM_GB = 1.0
LARGE_GB = 2.0
MEMORY_GB = {
    "data": MEDIUM_GB,
    "train": LARGE_GB,
    "prune": LARGE_GB,
    "baseline": LARGE_GB,
    "quantize": LARGE_GB,
    "convert": LARGE_GB,
    "validate": MEDIUM_GB,
    "parity": SMALL_GB,
    "package": SMALL_GB,
    "proof": SMALL_GB,
    "plan": SMALL_GB,
    "revision": SMALL_GB,
}


def task_of(node: Node, plan: Mapping[str, Any], stated: StageMemory) -> Task:
    """Return the task of a stage in DVC's graph.

    Args:
        node: the stage.
        plan: the content of params.yaml.
        stated: the memory of stages that the release states.
    """
    stage, variant = node.name, ""
    if "@" in node.name:
        stage, variant = node.name.split("@", maxsplit=1)
    params = (plan.get(stage) or {}).get(variant) or {}
    return Task(
        name=node.name,
        stage=stage,
        variant=variant,
        command=node.arguments,
        shell=node.command,
        inputs=node.inputs,
        outputs=node.outputs,
        memory_gb=memory_gb(stage, stated),
        quiet=times_this_machine(stage, params),
        is_light=stage in warm_server.LIGHT_STAGES,
        is_local=stage in LOCAL_STAGES or not node.arguments,
        resources=resources.of_variant(stage, variant, plan),
    )


def memory_gb(stage: str, stated: StageMemory) -> float:
    """Return the peak memory of a stage in 10^9 bytes; of a stage of the project, the largest."""
    memory: float | None = getattr(stated, stage, None)
    if memory is None:
        memory = MEMORY_GB.get(stage, LARGE_GB)
    return memory


def times_this_machine(stage: str, params: Mapping[str, Any]) -> bool:
    """Return whether a stage times a file on all of this machine, so that nothing may run beside.

    Args:
        stage: a stage of dvc.yaml.
        params: the parameters of its variant.
    """
    if stage == "prune":
        target = params.get("target") or {}
        return target.get("latency") is not None
    if stage != "validate" or cores.own_core() is not None:
        return False
    is_mac = sys.platform == "darwin"
    if params.get("runtime") == "coreml" and not is_mac:
        return False  # the executor of ML Programs is not timed
    where = params.get("where")
    device = (params.get("mac") or {}).get("device")
    if where == "mac":
        return is_mac and device is None
    return where not in ELSEWHERE  # a place of the project may time files here too
