"""The files of one commit as a single file, for workers that reach no git server.

Git's own pack of the commit, its folders and its files, without history. Unpacked, git checks every
file against the commit's hash.
"""

import subprocess
from pathlib import Path

from edgebake.bundle.trust import git
from edgebake.errors import HostError


def write(commit: str, pack: Path) -> None:
    """Write the pack of a commit of the current repository.

    Raises:
        HostError: git fails.
    """
    names = git.run("rev-list", "--objects", "--no-walk", "--no-object-names", commit)
    pack.parent.mkdir(parents=True, exist_ok=True)
    with pack.open("wb") as file:
        _git(("pack-objects", "--stdout", "--quiet"), Path(), f"{names}\n".encode(), file)


def clone(pack: Path, commit: str, folder: Path) -> None:
    """Make a repository with the files of a commit, and check them out.

    Raises:
        HostError: git fails, or the pack is not of the commit.
    """
    folder.mkdir(parents=True)
    git.run("init", "--quiet", "--template=", folder=folder)
    # The commits before this one are not there.
    (folder / ".git/shallow").write_text(f"{commit}\n")
    _git(("index-pack", "--stdin", "--strict"), folder, pack.read_bytes())
    git.run("checkout", "--quiet", "--detach", commit, folder=folder)


def clean(folder: Path) -> None:
    """Bring the files of a clone back to its commit; DVC's own folder of temporary files stays.

    Raises:
        HostError: git fails.
    """
    git.run("reset", "--quiet", "--hard", folder=folder)
    git.run("clean", "-ffdxq", "--exclude=**/.dvc/tmp/", folder=folder)


def _git(
    arguments: tuple[str, ...], folder: Path, text: bytes, output: object = subprocess.DEVNULL
) -> None:
    completed = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        input=text,
        stdout=output,  # type: ignore[call-overload]
        stderr=subprocess.PIPE,
        check=False,
    )
    if completed.returncode != 0:
        message = completed.stderr.decode(errors="backslashreplace").strip()
        raise HostError(f"git {arguments[0]}: {message}; expected the pack of a commit")
