"""`edgebake worker`: run tasks of builds on this machine."""

import argparse
import os
import socket
from pathlib import Path

from rich.console import Console

from edgebake.cli.verbs import Example, Verb, count


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("address", metavar="ADDRESS", help="of a Dask scheduler: tls://HOST:PORT")
    parser.add_argument(
        "--resources",
        metavar="NAME=N,...",
        help="what stages can ask for: GPU, mac, and device:TARGET for the device of a target",
    )
    parser.add_argument(
        "--jobs", type=count, metavar="N", help="stages at a time; default: the number of cores"
    )
    parser.add_argument(
        "--name", metavar="NAME", help="in the lines of builds; default: host and process"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        metavar="FOLDER",
        help="existing folder for clones and caches, removed at the end; default: of the system",
    )
    parser.add_argument(
        "--insecure",
        action="store_true",
        help="accept an address on a network without TLS: all who reach it can run code here",
    )


def _run(arguments: argparse.Namespace, console: Console) -> int:
    from edgebake.execution import resources
    from edgebake.execution.cluster import address, worker
    from edgebake.machine import capacity

    options = worker.WorkerOptions(
        address=address.check(arguments.address, is_insecure_allowed=arguments.insecure),
        name=arguments.name or f"{socket.gethostname()}-{os.getpid()}",
        slots=arguments.jobs or capacity.cores(),
        memory_gb=capacity.available_memory_gb(),
        resources=resources.parse(arguments.resources) if arguments.resources else {},
        folder=arguments.folder,
    )
    worker.run(options, console.print)
    return 0


VERB = Verb(
    name="worker",
    run=_run,
    summary="run stages of builds on this machine",
    description=(
        "Join a Dask scheduler and run stages for `edgebake build --cluster ADDRESS`, until Ctrl-C "
        "or until the scheduler ends. The worker gets the commit of the build and the inputs of a "
        "stage from DVC's remote, and sends its outputs there. It needs access to that remote, and "
        "no key. A build refuses a worker with other versions of its tools."
    ),
    examples=(
        Example("edgebake worker tls://scheduler:8786", "run what any machine can"),
        Example(
            "edgebake worker tls://scheduler:8786 --resources GPU=1,device:pixel_8=1",
            "also train on the GPU, and measure on the phone of target pixel_8",
        ),
    ),
    add_options=_add_options,
    needs_project=False,
)
