"""`edgebake plan`: write params.yaml from the recipes, or check that it is up to date."""

import argparse

from rich.console import Console

from edgebake import artifacts
from edgebake.cli.verbs import Example, Verb


def _add_options(parser: argparse.ArgumentParser) -> None:
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 if params.yaml is stale"
    )
    mode.add_argument(
        "--in-repro",
        action="store_true",
        help="for dvc.yaml: exit with 1 if DVC has to read the new plan before it can go on",
    )


def _run(arguments: argparse.Namespace, console: Console) -> int:
    from edgebake.execution import dvc_state
    from edgebake.plan import code_digest, planner
    from edgebake.recipe import stage_params

    if arguments.check:
        planner.check()
        console.print("params.yaml is up to date")
        return 0
    if not arguments.in_repro:  # there DVC has read its files already
        for line in dvc_state.set_aside_unreadable():
            console.print(line, markup=False)
    artifacts.remove_leftovers()
    changes = planner.update(in_repro=arguments.in_repro)
    if arguments.in_repro:
        from edgebake.bundle import bundle_files
        from edgebake.execution import retries

        plan = stage_params.read_plan()
        retries.count(plan["validate"], plan["package"])
        for line in bundle_files.remove_incomplete(plan["package"]):
            console.print(line, markup=False)
    code_changes = code_digest.write(stage_params.read_plan())
    for change in [*changes, *code_changes]:
        console.print(str(change), markup=False)
    if changes:
        console.print(f"params.yaml: {len(changes)} changes")
    else:
        console.print("params.yaml: nothing to change")
    return 0


VERB = Verb(
    name="plan",
    run=_run,
    summary="write params.yaml from recipes/",
    description=(
        "Compose the recipe of every target in recipes/release.yaml, merge the work that targets "
        "share into variants, and write params.yaml and the code digests of artifacts/code/. "
        "Prints each changed value. Commit params.yaml: its diff lists what will be built again."
    ),
    examples=(
        Example("edgebake plan", "write the plan and print its changes"),
        Example("edgebake plan --check", "fail if params.yaml was not planned again, as in CI"),
    ),
    add_options=_add_options,
)
