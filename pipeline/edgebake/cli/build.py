"""`edgebake build`: plan, build with DVC and print the results."""

import argparse

from rich.console import Console

from edgebake.cli import table
from edgebake.cli.verbs import Example, Verb

FAILED = "the build failed; the table marks what is of an earlier build"


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--fail-fast",
        action="store_true",
        help="stop at the first failed stage; default: build what does not depend on it",
    )
    parser.add_argument(
        "--jobs",
        type=_count,
        metavar="N",
        help="stages that run at a time; default: the number of cores, if the memory allows it",
    )


def _count(text: str) -> int:
    """Parse a number of at least 1."""
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r}; expected a number of at least 1")
    return int(text)


def _run(arguments: argparse.Namespace, console: Console) -> int:
    from edgebake.execution import local
    from edgebake.execution.build_status import BuildStatus

    options = local.BuildOptions(fail_fast=arguments.fail_fast, jobs=arguments.jobs)
    code = local.build(console, options, [BuildStatus(console).show])
    if code:
        console.print(FAILED)
    table.show(console)
    return code


VERB = Verb(
    name="build",
    run=_run,
    summary="plan, run `dvc repro` and print the table of results",
    description=(
        "Write params.yaml from the recipes, run `dvc repro` with the progress of every stage, and "
        "print the table of results. DVC runs only stages whose inputs, parameters or code "
        "changed. A target with `quantize: auto` is planned and built again with its next "
        "candidate while a gate fails. If a stage fails, everything that does not depend on it is "
        "still built, and the exit code is 1. A bundle is there with its zip and its proof, or not "
        "at all."
    ),
    examples=(
        Example("edgebake build", "build every target of recipes/release.yaml"),
        Example("edgebake build --fail-fast", "stop at the first failure"),
    ),
    add_options=_add_options,
)
