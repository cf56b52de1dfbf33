"""Build the release in forks of one process, without DVC: a lower bound of the build time.

    python -m benchmarks.straight_line

Run it in a clone of the project; it leaves artifacts/ as a build does. It runs the commands of
dvc.yaml by their own functions, one at a time: planning, data, training, pruning, the baselines
that it is compared with, quantization with calibration, conversion, validation with placement,
latency and golden vectors, parity, bundles. The bundles are byte-identical to those of `dvc repro`,
which benchmarks/build.py checks. A scheduler that runs one command at a time cannot be faster.

It leaves out the cost of DVC and of separate processes: starting Python and importing TensorFlow in
each stage; hashing and caching of dependencies and outputs; reading and writing of dvc.lock. It
keeps what each command does itself: reading params.yaml, comparing inputs with SHA256SUMS, timing
in a process of its own.

Each command runs in a fork because TensorFlow sets its number of threads once per process, and
training takes another number than conversion. A fork has everything imported and costs some 10 ms.

`proof` is missing: it quotes dvc.lock, DVC's record of the build, which does not exist here.
It takes a second or two per platform.
"""

import importlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

from rich.console import Console
from rich.table import Table

from edgebake import plugins
from edgebake.cli import main as cli_main
from edgebake.models import keras_session
from edgebake.plan import variants
from edgebake.recipe import stage_params

# Slow imports that the stages do inside functions.
LIBRARIES = (
    "ai_edge_litert.interpreter",
    "coremltools",
    "litert_quantizer.quantizer",
    "onnxruntime.quantization",
    "scipy.stats",
    "tf2onnx",
)

Command = tuple[str, ...]  # arguments of `edgebake`: a verb and, where it has one, a variant


def main() -> None:
    """Build the release and print a row for each kind of command."""
    start = time.perf_counter()
    import_libraries()
    seconds = {"imports": time.perf_counter() - start}
    for command in commands():
        verb = command[0]
        run = partial(cli_main.main, command)
        seconds[verb] = seconds.get(verb, 0.0) + run_in_fork(run, command)
    total = time.perf_counter() - start
    Console(width=100).print(table(seconds, total))


def import_libraries() -> None:
    """Import the stages and the libraries of all commands, here and not in each fork.

    Keras comes first: it sets the environment variables that TensorFlow reads at import.
    """
    keras_session.start(threads=1)
    for stage in variants.STAGES:
        plugins.load_stage(stage)
    for name in LIBRARIES:
        importlib.import_module(name)


def commands() -> Iterator[Command]:
    """Yield the commands of dvc.yaml in an order in which each finds its inputs."""
    yield ("plan", "--in-repro")
    yield ("revision",)
    planned = stage_params.read_plan()
    for stage in variants.STAGES:
        if stage == "package":
            yield ("parity",)
        for variant in planned[stage]:
            yield (stage, variant)


def run_in_fork(call: Callable[[], int], command: Command) -> float:
    """Run a call in a fork of this process and return the seconds it took; exit where it fails."""
    start = time.perf_counter()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        os._exit(_exit_code(call))
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code != 0:
        sys.exit(f"{' '.join(command)}: exit code {code}; expected 0: the message is above")
    return time.perf_counter() - start


def _exit_code(call: Callable[[], int]) -> int:
    """Return the exit code of a call, also if it raises: a fork must not run its parent's code."""
    try:
        return call()
    except BaseException as error:  # every error ends the fork
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def table(seconds: dict[str, float], total: float) -> Table:
    """Return a table with a row for each kind of command, and the sum."""
    rows = Table("part", "seconds", "share", title="straight line")
    for name, value in seconds.items():
        rows.add_row(name, f"{value:.1f}", f"{value / total:.0%}")
    rows.add_row("total", f"{total:.1f}", "100%")
    return rows


if __name__ == "__main__":
    main()
