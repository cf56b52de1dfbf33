"""The stage `plan` of dvc.yaml: plan again, count attempts on devices, write the code digests."""

from edgebake import artifacts
from edgebake.bundle import bundle_files
from edgebake.execution import retries
from edgebake.plan import code_digest, planner
from edgebake.recipe import stage_params


def run() -> str:
    """Plan within a build.

    Returns:
        A line for each change.

    Raises:
        PlanError: the variants changed, which DVC has read already.
    """
    _, lines = write()
    return "".join(f"{line}\n" for line in lines)


def write() -> tuple[int, list[str]]:
    """Write params.yaml if the recipes changed, and what the other stages depend on.

    Returns:
        The number of changes of params.yaml, and a line for each change.

    Raises:
        PlanError: as `run` does.
    """
    artifacts.remove_leftovers()
    changes = planner.update(in_repro=True)
    plan = stage_params.read_plan()
    retries.count(plan["validate"], plan["package"])
    lines = bundle_files.remove_incomplete(plan["package"])
    lines += [str(change) for change in [*changes, *code_digest.write(plan)]]
    return len(changes), lines
