"""Run git with the same result whatever its user configured, and report its errors as they are.

Paths are relative to a folder of the repository, which may contain more than the project.
"""

import os
import subprocess
from pathlib import Path

from edgebake.errors import HostError

# Variables that select another repository than the folder's; git sets them for its hooks.
WITHHELD = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX")
# Overrides of settings that would change a result, refuse a clone, or run a program.
SETTINGS = (
    "clone.rejectShallow=false",
    "core.fsmonitor=false",
    f"core.hooksPath={os.devnull}",
    "protocol.file.allow=always",
)
_HERE = Path()


def run(*arguments: str, folder: Path = _HERE) -> str:
    """Run a git command, and return its output without the final line break.

    Raises:
        HostError: git is not installed, or the command fails, with git's message.
    """
    completed = _run_git(arguments, folder)
    if completed.returncode != 0:
        message = completed.stderr.strip() or f"ended with code {completed.returncode}"
        raise HostError(
            f"git {arguments[0]}: {message}\n"
            "expected git to work in this folder's repository: a bundle names a commit of it"
        )
    return completed.stdout.removesuffix("\n")


def succeeds(*arguments: str, folder: Path = _HERE) -> bool:
    """Run a git command, and return whether its exit code is 0.

    Raises:
        HostError: git is not installed.
    """
    return _run_git(arguments, folder).returncode == 0


def head() -> str:
    """Return the hash of the commit that is checked out.

    Raises:
        HostError: git is not installed, or there is no repository or no commit.
    """
    top()  # fails with git's message where there is no repository that it may read
    log = _run_git(("log", "--max-count=1", "--format=%H"), _HERE)
    if log.returncode != 0:
        raise HostError(
            f"git log: {log.stderr.strip()}\nexpected a commit, which a bundle names: "
            "run `git add --all`, then `git commit`"
        )
    return run("rev-parse", "--verify", "HEAD^{commit}")


def top(folder: Path = _HERE) -> Path:
    """Return the top folder of the repository, which may be above the project.

    Raises:
        HostError: git is not installed, or there is no repository.
    """
    return Path(run("rev-parse", "--show-toplevel", folder=folder))


def prefix(folder: Path = _HERE) -> Path:
    """Return the path of a folder relative to the top of its repository; `.` at the top.

    Raises:
        HostError: git is not installed, or there is no repository.
    """
    return Path(run("rev-parse", "--show-prefix", folder=folder))


def committed(path: Path) -> str | None:
    """Return the text of a file in the commit that is checked out, or None if it has no such file.

    Raises:
        HostError: git is not installed, or there is no commit.
    """
    if not run("ls-tree", "--name-only", "HEAD", str(path)):
        return None
    return run("cat-file", "blob", f"HEAD:./{path.as_posix()}")


def changed(*pathspecs: str) -> bool:
    """Return whether paths differ from the commit or are new; ignored files do not count.

    Raises:
        HostError: git is not installed, or there is no repository.
    """
    options = ("--porcelain", "--untracked-files=normal", "--ignore-submodules=none")
    return bool(run("status", *options, "--", *pathspecs))


def _run_git(arguments: tuple[str, ...], folder: Path) -> subprocess.CompletedProcess[str]:
    command = ["git"]
    for setting in SETTINGS:
        command += ["-c", setting]
    environment = {name: value for name, value in os.environ.items() if name not in WITHHELD}
    environment["GIT_OPTIONAL_LOCKS"] = "0"  # `git status` writes nothing
    environment["GIT_NO_REPLACE_OBJECTS"] = "1"  # a commit is what its hash says
    try:
        return subprocess.run(
            [*command, *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            check=False,
        )
    except FileNotFoundError:
        raise HostError(
            "git: not found; expected it on PATH: a bundle names the commit it is built from"
        ) from None
