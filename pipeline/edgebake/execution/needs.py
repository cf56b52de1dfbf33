"""What a task needs of a machine: memory, and whether it has to be alone."""

from collections.abc import Mapping
from typing import Any

from edgebake.execution import resources
from edgebake.execution.dvc_repo import Node
from edgebake.execution.task import Task

# The stages that read dvc.lock, the git history or a key, which only the build's machine has, or
# write what the planner reads there.
LOCAL_STAGES = frozenset({"plan", "revision", "package", "proof"})


def task_of(node: Node, plan: Mapping[str, Any]) -> Task:
    """Return the task of a stage in DVC's graph.

    Args:
        node: the stage.
        plan: the content of params.yaml.
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
        quiet=stage == "validate" and params.get("where") == "host",
        is_local=stage in LOCAL_STAGES or not node.arguments,
        resources=resources.of_variant(stage, variant, plan),
    )
