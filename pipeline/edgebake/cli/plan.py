"""`edgebake plan`: write params.yaml from the recipes, or check that it is up to date."""

import argparse

from rich.console import Console

from edgebake import artifacts
from edgebake.cli.verbs import Example, Verb, count
from edgebake.errors import EdgebakeError


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
    mode.add_argument(
        "--explain",
        action="store_true",
        help="after writing the plan, say which stages a build runs, why, and how long they took",
    )
    parser.add_argument(
        "--release",
        metavar="NAME",
        help="plan from recipes/NAME.yaml now and from then on; at first: release",
    )
    parser.add_argument(
        "--jobs",
        type=count,
        metavar="N",
        help="with --explain: expect how long N stages at a time take together",
    )


def _run(arguments: argparse.Namespace, console: Console) -> int:
    if arguments.jobs is not None and not arguments.explain:
        raise EdgebakeError("--jobs: without --explain; expected it with that option")
    from edgebake.recipe import release_file

    with release_file.selected(arguments.release):
        return _plan(arguments, console)


def _plan(arguments: argparse.Namespace, console: Console) -> int:
    if arguments.check:
        from edgebake.plan import planner

        planner.check()
        console.print("params.yaml is up to date")
    elif arguments.in_repro:
        from edgebake.execution import plan_stage

        count_of_changes, lines = plan_stage.write()
        _print(console, lines, count_of_changes)
    else:
        _write(console, with_changes=not arguments.explain)
    if arguments.explain:
        from edgebake.cli import plan_explanation

        plan_explanation.explain_plan(console, arguments.jobs)
    return 0


def _write(console: Console, with_changes: bool) -> None:
    """Write the plan and the digests of code, and print each change or only how many there are."""
    from edgebake.execution import dvc_state
    from edgebake.plan import code_digest, planner
    from edgebake.recipe import stage_params

    for line in dvc_state.set_aside_unreadable():
        console.print(line, markup=False)
    artifacts.remove_leftovers()
    changes = planner.update()
    code_changes = code_digest.write(stage_params.read_plan())
    lines = [str(change) for change in [*changes, *code_changes]]
    _print(console, lines if with_changes else [], len(changes))


def _print(console: Console, lines: list[str], count_of_changes: int) -> None:
    """Print a line for each change, and how many there are of params.yaml."""
    for line in lines:
        console.print(line, markup=False)
    if count_of_changes:
        console.print(f"params.yaml: {count_of_changes} changes")
    else:
        console.print("params.yaml: nothing to change")


VERB = Verb(
    name="plan",
    run=_run,
    summary="write params.yaml from recipes/",
    description=(
        "Compose the recipe of every target of the release, merge the work that targets share into "
        "variants, and write params.yaml and the code digests of artifacts/code/. Prints each "
        "changed value. Commit params.yaml: its diff lists what will be built again. "
        "With --explain, prints instead every stage that `edgebake build` would run: which value, "
        "source file, data file or version of a tool changed since its last run, or what it waits "
        "for, and how long it took the last time. The plan is written then, too: DVC compares "
        "with params.yaml."
    ),
    examples=(
        Example("edgebake plan", "write the plan and print its changes"),
        Example("edgebake plan --explain --jobs 2", "what a build would run, why and how long"),
        Example("edgebake plan --release release_tasks", "plan recipes/release_tasks.yaml"),
        Example("edgebake plan --check", "fail if params.yaml was not planned again, as in CI"),
    ),
    add_options=_add_options,
)
