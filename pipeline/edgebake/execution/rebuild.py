"""Rebuild a bundle from the commit in its provenance, and compare every byte.

Reads the repository and DVC's cache of tracked data. Builds in a temporary clone.
"""

import tempfile
from pathlib import Path

from rich.console import Console

from edgebake import artifacts
from edgebake.bundle.manifest_types import Manifest
from edgebake.bundle.trust import bundle_diff, git, provenance
from edgebake.bundle.trust.slsa_types import Statement
from edgebake.errors import HostError, ProofError
from edgebake.execution import fresh_build


def compare(bundle: Path, content: Manifest, statement: Statement, console: Console) -> str:
    """Rebuild a bundle, and return a line if every byte is the same.

    Args:
        bundle: folder of the bundle.
        content: its manifest.
        statement: its provenance.
        console: says that code of the commit is run, before it is.

    Raises:
        ProofError: it was built from a changed working tree, it does not build, or it differs.
        HostError: this repository lacks the commit, or the encryption key is missing.
    """
    if content["source"]["dirty"]:
        raise ProofError(
            "built from a working tree that differs from its commit: "
            "it cannot be built again; expected a clean one"
        )
    commit = provenance.commit(statement)
    platform = content["platform"]
    _check_commit(commit)
    console.print(
        f"{'rebuilding':11} commit {commit[:12]}: its code runs now, as you, with your files",
        markup=False,
    )
    with tempfile.TemporaryDirectory() as folder:
        clone = fresh_build.clone(commit, Path(folder))
        fresh_build.build(clone, f"package@{platform}")
        rebuilt = artifacts.read_files(clone / artifacts.folder("package", platform))
    differences = bundle_diff.differences(artifacts.read_files(bundle), rebuilt)
    if differences:
        headline = f"not what commit {commit[:12]} builds here (bundle, then rebuilt):"
        raise ProofError("\n".join([headline, *differences]))
    return f"{len(rebuilt)} files from commit {commit[:12]}, every byte the same"


def _check_commit(commit: str) -> None:
    """Check that a commit is on a local branch or tag: building runs its code."""
    git.top()  # fails with git's own message if it may not read a repository here
    if not git.succeeds("cat-file", "-e", f"{commit}^{{commit}}"):
        is_shallow = git.run("rev-parse", "--is-shallow-repository") == "true"
        fetch = "git fetch --unshallow" if is_shallow else "git fetch"
        raise HostError(
            f"git: no commit {commit} in this repository; expected a clone that has it: `{fetch}`"
        )
    # Not refs/remotes: whoever owns a fork that was fetched once could name a commit of it.
    if not git.run("for-each-ref", "--contains", commit, "refs/heads", "refs/tags"):
        raise HostError(
            f"git: commit {commit} is on no local branch or tag of this repository; "
            "expected one that is: its code is run. "
            f"If you trust it: `git branch rebuild {commit[:12]}`"
        )
