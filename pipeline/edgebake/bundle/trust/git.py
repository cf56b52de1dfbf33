"""Git, as this project asks it: in its own words where it fails, and the same whatever its user configured.

Reads the repository of a folder, which may hold more than the project: paths are those of the folder, not of the top.
"""

import os
import subprocess
from pathlib import Path

from edgebake.errors import HostError

# What would lead git to another repository than the folder's; hooks of git set these.
WITHHELD = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX")
# What a user may have configured that would change an answer, refuse a clone, or run a program.
SETTINGS = (
    "clone.rejectShallow=false",
    "core.fsmonitor=false",
    f"core.hooksPath={os.devnull}",
    "protocol.file.allow=always",
)
_HERE = Path()


def run(*arguments: str, folder: Path = _HERE) -> str:
    """Return what a git command prints, without the last line's end.

    Raises:
        HostError: git is not there, or the command fails; in git's own words.
    """
    done = _done(arguments, folder)
    if done.returncode != 0:
        complaint = done.stderr.strip() or f"ended with code {done.returncode}"
        raise HostError(
            f"git {arguments[0]}: {complaint}\n"
            "expected git to work in this folder's repository: a bundle names a commit of it"
        )
    return done.stdout.removesuffix("\n")


def succeeds(*arguments: str, folder: Path = _HERE) -> bool:
    """Return whether a git command that answers by its exit code alone succeeds.

    Raises:
        HostError: git is not there.
    """
    return _done(arguments, folder).returncode == 0


def head() -> str:
    """Return the hash of the commit that is checked out.

    Raises:
        HostError: git is not there, or there is no repository or no commit.
    """
    top()  # fails in git's own words where there is no repository that it may read
    if not succeeds("rev-parse", "--verify", "--quiet", "HEAD^{commit}"):
        raise HostError(
            "git: this repository has no commit yet; expected one, which a bundle names: "
            "run `git add --all`, then `git commit`"
        )
    return run("rev-parse", "--verify", "HEAD^{commit}")


def top(folder: Path = _HERE) -> Path:
    """Return the top folder of the repository, which may lie above the project.

    Raises:
        HostError: git is not there, or there is no repository.
    """
    return Path(run("rev-parse", "--show-toplevel", folder=folder))


def prefix(folder: Path = _HERE) -> Path:
    """Return the path of a folder from the top of its repository; `.` at the top.

    Raises:
        HostError: git is not there, or there is no repository.
    """
    return Path(run("rev-parse", "--show-prefix", folder=folder))


def committed(path: Path) -> str | None:
    """Return the text of a file of this folder as the commit holds it; none where it holds no such file.

    Raises:
        HostError: git is not there, or there is no commit.
    """
    if not run("ls-tree", "--name-only", "HEAD", str(path)):
        return None
    return run("cat-file", "blob", f"HEAD:./{path.as_posix()}")


def changed(*pathspecs: str) -> bool:
    """Return whether anything at paths of this folder differs from the commit, or is new; not what git ignores.

    Raises:
        HostError: git is not there, or there is no repository.
    """
    asked = ("status", "--porcelain", "--untracked-files=normal", "--ignore-submodules=none")
    return bool(run(*asked, "--", *pathspecs))


def _done(arguments: tuple[str, ...], folder: Path) -> subprocess.CompletedProcess[str]:
    settings = [word for setting in SETTINGS for word in ("-c", setting)]
    environment = {name: value for name, value in os.environ.items() if name not in WITHHELD}
    try:
        return subprocess.run(
            ["git", *settings, *arguments],
            cwd=folder,
            env={**environment, "GIT_OPTIONAL_LOCKS": "0"},  # to ask is not to write
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            check=False,
        )
    except FileNotFoundError:
        raise HostError(
            "git: not found; expected it on PATH: a bundle names the commit it is built from"
        ) from None
