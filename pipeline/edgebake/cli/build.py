"""`edgebake build`: plan, build with DVC and print the results."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from edgebake.cli import table
from edgebake.cli.verbs import Example, Verb, count
from edgebake.errors import EdgebakeError

if TYPE_CHECKING:
    from edgebake.execution.events import Observer

FAILED = "the build failed; the table marks what is of an earlier build"


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--release",
        metavar="NAME",
        help="plan from recipes/NAME.yaml now and from then on; at first: release",
    )
    parser.add_argument(
        "--fail-fast",
        action="store_true",
        help="start nothing after the first failed stage; default: build what does not need it",
    )
    parser.add_argument(
        "--jobs",
        type=count,
        metavar="N",
        help="stages that run at a time; default: the number of cores, if the memory allows it",
    )
    parser.add_argument(
        "--timeline",
        type=Path,
        metavar="FILE",
        help="draw when each stage ran, as a .pdf, .png or .svg file; needs matplotlib",
    )
    parser.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="run the stages on the workers of a Dask scheduler; `local`: start N of them here",
    )
    parser.add_argument(
        "--audit",
        type=count,
        default=0,
        metavar="N",
        help="with --cluster: run N stages on a second worker, and fail where a byte differs",
    )
    parser.add_argument(
        "--insecure",
        action="store_true",
        help="with --cluster: accept an address on a network without TLS",
    )


def _run(arguments: argparse.Namespace, console: Console) -> int:
    from edgebake.cli.build_status import BuildStatus
    from edgebake.execution import durations, local
    from edgebake.execution.cluster.address import ClusterOptions
    from edgebake.recipe import release_file

    cluster = None
    if arguments.cluster is not None:
        cluster = ClusterOptions(arguments.cluster, arguments.insecure, arguments.audit)
    elif arguments.audit or arguments.insecure:
        raise EdgebakeError("--audit and --insecure: without --cluster; expected them with it")
    options = local.BuildOptions(arguments.fail_fast, arguments.jobs, cluster)
    can_start = options.limits().allow if cluster is None else None
    status = BuildStatus(console, durations.read(), can_start)
    try:
        with (
            release_file.selected(arguments.release),
            _recorded(arguments.timeline) as observers,
            status,
        ):
            code = local.build(console, options, [status, *observers])
        if code:
            console.print(FAILED)
        table.show(console)
    finally:
        status.print_failures()
    return code


@contextmanager
def _recorded(file: Path | None) -> Iterator[list["Observer"]]:
    """Provide the observer that records the chart of a build, and draw the chart at the end.

    Args:
        file: of the chart; None: record nothing.
    """
    from edgebake.cli.build_timeline import TimelineRecorder
    from edgebake.report import timeline

    if file is None:
        yield []
        return
    timeline.check(file)
    recorder = TimelineRecorder()
    try:
        yield [recorder]
    finally:
        timeline.write(recorder.timeline(), file)


VERB = Verb(
    name="build",
    run=_run,
    summary="plan, build what changed and print the table of results",
    description=(
        "Write params.yaml from the recipes, run the stages whose inputs, parameters or code "
        "changed, and print the table of results. Stages that do not depend on each other run side "
        "by side, each in a fresh process. DVC decides what runs and records it: the same bytes as "
        "with `dvc repro`, which does it one stage at a time. A target with `quantize: auto` is "
        "planned and built again with its next candidate while a gate fails. If a stage fails, "
        "everything that does not depend on it is still built, and the exit code is 1. A bundle is "
        "there with its zip and its proof, or not at all."
    ),
    examples=(
        Example("edgebake build", "build every target of recipes/release.yaml"),
        Example("edgebake build --release release_tasks", "build recipes/release_tasks.yaml"),
        Example("edgebake build --fail-fast", "start nothing more after the first failure"),
        Example("edgebake build --jobs 1", "run one stage at a time"),
        Example(
            "edgebake build --timeline schedule.png", "see which stages ran side by side, and when"
        ),
    ),
    add_options=_add_options,
)
