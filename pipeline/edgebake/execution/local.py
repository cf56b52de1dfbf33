"""Plan and build the whole release on this machine with DVC.

Runs `dvc repro`, and again for each scheme that a search of `quantize: auto` tries. Writes what the
stages write.
"""

import importlib.util
import os
import pwd
import re
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from edgebake.bundle import bundle_files
from edgebake.bundle.trust import git
from edgebake.errors import HostError
from edgebake.execution import child_group, dvc_state
from edgebake.plan import planner, scheme_search, variants
from edgebake.recipe import key_variables
from edgebake.recipe.stage_params import read_plan

_RUNNING = re.compile(r"Running stage '(?P<stage>[^']+)'")
_SKIPPED = re.compile(r"Stage '(?P<stage>[^']+)' (?:didn't change|is cached)")
# Hints of DVC for people who run `dvc repro` themselves.
_HINTS = re.compile(
    r"^(> |(Updating|Generating) lock file|Use `dvc push`|To track|To enable"
    r"|\t(git add|dvc config)|\s*$)"
)
SINGLE_STAGES = 3  # plan, revision and parity


def build(console: Console, *, fail_fast: bool) -> int:
    """Plan and run `dvc repro` with live status; again for each next scheme of a search.

    Returns:
        The exit code of the last `dvc repro`.

    Raises:
        GateError: every candidate of a scheme search missed a gate.
        HostError: git, DVC or the DVC project is missing.
    """
    _check_tools()
    _print(console, dvc_state.set_aside_unreadable())
    planner.update()
    try:
        return _build_plan(console, fail_fast)
    finally:
        _print(console, bundle_files.remove_incomplete(read_plan()["package"]))


def _build_plan(console: Console, fail_fast: bool) -> int:
    while True:
        code = _repro(console, fail_fast)
        candidates = read_plan().get(scheme_search.PLAN_KEY)
        if code == 0 or candidates is None:
            return code
        planner.update()
        next_candidates = scheme_search.from_plan(read_plan())
        if scheme_search.to_plain(next_candidates) == candidates:
            return code
        _print_changes(console, candidates, next_candidates)


def _print_changes(
    console: Console, before: dict[str, object], after: scheme_search.Candidates
) -> None:
    """Print the candidates of each target whose scheme search moved on."""
    plain = scheme_search.to_plain(after)
    for target, candidates in after.items():
        if before.get(target) != plain[target]:
            lines = [f"{target}: next candidate", *scheme_search.lines(candidates)]
            console.print("\n".join(lines), markup=False)


def _repro(console: Console, fail_fast: bool) -> int:
    command = child_group.python_module("dvc", "repro")
    if not fail_fast:
        command.append("--keep-going")
    with child_group.running(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=_environment()
    ) as dvc:
        output = _show_progress(dvc.stdout or iter(()), console)
        code = dvc.wait()
    damaged = dvc_state.set_aside_databases(output) if code else []
    if damaged:
        _print(console, damaged)
        return _repro(console, fail_fast)
    if code < 0:
        name = signal.Signals(-code).name
        raise HostError(f"dvc: ended by {name}, which edgebake did not send; run the same command")
    return min(code, 1)  # DVC exits with 255


def _check_tools() -> None:
    git.head()
    if not importlib.util.find_spec("dvc"):
        raise HostError("dvc: not installed; expected it in this environment: run `make setup`")
    if not Path(".dvc").is_dir():
        command = "dvc init"
        if git.prefix() != Path():
            command += " --subdir"
        raise HostError(f"dvc: no .dvc/ here; expected a DVC project: run `{command}`")


def _environment() -> dict[str, str]:
    """Return an environment with this `python` first on the path, a user name and no signing key.

    DVC asks for the user's name; a container that runs under an arbitrary user id has none.
    """
    folder = str(Path(sys.executable).parent)
    path = os.environ.get("PATH", "")
    environment = {**_user_name(), **os.environ, "PATH": f"{folder}{os.pathsep}{path}"}
    for name in key_variables.signing(read_plan()):
        environment.pop(name, None)
    return environment


def _user_name() -> dict[str, str]:
    user_id = os.getuid()
    try:
        pwd.getpwuid(user_id)
    except KeyError:
        return {"LOGNAME": f"user-{user_id}"}
    return {}


def _print(console: Console, lines: list[str]) -> None:
    for line in lines:
        console.print(line, markup=False)


def _show_progress(lines: Iterable[str], console: Console) -> str:
    """Show the stages that DVC runs or skips, print its other lines, and return those."""
    printed = []
    columns = (
        SpinnerColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f} {task.description}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("starting dvc", total=_count_stages())
        for line in lines:
            stage = _RUNNING.search(line) or _SKIPPED.search(line)
            if stage:
                progress.update(task, advance=1, description=stage["stage"])
            elif not _HINTS.match(line):
                printed.append(line)
                console.print(line.rstrip("\n"), markup=False)
    return "".join(printed)


def _count_stages() -> int:
    """Return the number of stages that DVC runs or skips."""
    plan = read_plan()
    count = sum(len(plan[stage]) for stage in variants.STAGES)
    proofs = len(plan["package"])
    return SINGLE_STAGES + count + proofs
