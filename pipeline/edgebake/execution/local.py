"""Plan and build the whole release in one go: what two runs of `dvc repro` would do after an edit of shape.

Runs dvc. Writes what its stages write.
"""

import importlib.util
import os
import pwd
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from edgebake.bundle.trust import git
from edgebake.errors import HostError
from edgebake.plan import planner, scheme_search, variants
from edgebake.recipe.stage_params import read_plan

_RUNNING = re.compile(r"Running stage '(?P<stage>[^']+)'")
_SETTLED = re.compile(r"Stage '(?P<stage>[^']+)' (?:didn't change|is cached)")
# What DVC says to people who type `dvc repro` themselves.
_CHATTER = re.compile(
    r"^(> |(Updating|Generating) lock file|Use `dvc push`|To track|To enable|\t(git add|dvc config)|\s*$)"
)


def build(console: Console, keep_going: bool) -> int:
    """Plan, run `dvc repro` with live status, and return its exit code; again for each step down a ladder.

    Raises:
        GateError: every rung of a ladder was ruled out.
        HostError: git, dvc or the DVC project is missing.
    """
    _refuse_without_tools()
    planner.update()
    while True:
        code, before = _repro(console, keep_going), read_plan().get("ladder")
        if code == 0 or before is None:
            return code
        planner.update()
        after = scheme_search.from_plan(read_plan())
        if scheme_search.to_plain(after) == before:
            return code
        for target, rungs in after.items():
            if before.get(target) != scheme_search.to_plain({target: rungs})[target]:
                console.print(
                    f"{target}: one rung further\n" + "\n".join(scheme_search.lines(rungs)),
                    markup=False,
                )


def _repro(console: Console, keep_going: bool) -> int:
    command = [sys.executable, "-m", "dvc", "repro", *(["--keep-going"] if keep_going else [])]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=_environment()
    ) as dvc:
        _follow(dvc.stdout or iter(()), console)
        return min(dvc.wait(), 1)  # DVC ends with 255


def _refuse_without_tools() -> None:
    git.head()
    if not importlib.util.find_spec("dvc"):
        raise HostError("dvc: not installed; expected it in this environment: run `make setup`")
    if not Path(".dvc").is_dir():
        initialize = "dvc init" if git.prefix() == Path() else "dvc init --subdir"
        raise HostError(f"dvc: no .dvc/ here; expected a DVC project: run `{initialize}`")


def _environment() -> dict[str, str]:
    """Return an environment in which the `python` of dvc.yaml is the one that runs this, and the user has a name.

    DVC asks for the user's name, which a container that runs under any number has none of.
    """
    folder = str(Path(sys.executable).parent)
    path = f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**_user_name(), **os.environ, "PATH": path}


def _user_name() -> dict[str, str]:
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        return {"LOGNAME": f"user-{os.getuid()}"}
    return {}


def _follow(lines: Iterator[str], console: Console) -> None:
    counts = [len(read_plan()[stage]) for stage in variants.STAGES]
    total = (
        3 + sum(counts) + len(read_plan()["package"])
    )  # plan, revision and parity; a proof for each platform
    columns = (
        SpinnerColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f} {task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("starting dvc", total=total)
        for line in lines:
            running, settled = _RUNNING.search(line), _SETTLED.search(line)
            if running:
                progress.update(task, advance=1, description=running["stage"])
            elif settled:
                progress.update(task, advance=1, description=settled["stage"])
            elif not _CHATTER.match(line):
                console.print(line.rstrip("\n"), markup=False)
