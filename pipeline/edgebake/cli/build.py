"""`edgebake build`: plan, build with DVC and print the results."""

import argparse

from rich.console import Console

from edgebake.cli import table
from edgebake.cli.verbs import Example, Verb

FAILED = "the build failed: for stages that did not run, the table shows an earlier build"


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--keep-going",
        action="store_true",
        help="build everything that does not depend on a failed stage",
    )


def _run(arguments: argparse.Namespace, console: Console) -> int:
    from edgebake.execution import local

    code = local.build(console, arguments.keep_going)
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
        "candidate while a gate fails. The exit code is that of DVC."
    ),
    examples=(
        Example("edgebake build", "build every target of recipes/release.yaml"),
        Example("edgebake build --keep-going", "go on with other targets after a failure"),
    ),
    add_options=_add_options,
)
