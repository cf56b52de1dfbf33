"""Which commit a bundle is built from.

Reads git. Writes artifacts/revision.
"""

import subprocess
from typing import Any

from pipeline import artifacts
from pipeline.errors import HostError

FILE = artifacts.ROOT / "revision"
# What a build reads; dvc.lock records builds and is written during each.
INPUTS = ("recipes", "pipeline", "dvc.yaml", "params.yaml", "requirements.txt")


def write() -> str:
    """Write the commit's hash where package depends on it, and return it."""
    commit = _git("rev-parse", "HEAD")
    artifacts.write(FILE, f"{commit}\n".encode())
    return commit


def source() -> dict[str, Any]:
    """Return the commit, and whether anything that a build reads differs from it."""
    return {"git_commit": _git("rev-parse", "HEAD"), "dirty": bool(_git("status", "--porcelain", "--", *INPUTS))}


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise HostError("git: not found; expected it on PATH: a bundle names the commit it is built from") from None
    if done.returncode != 0:
        complaint = done.stderr.strip().splitlines()[0]
        raise HostError(f"git: {complaint}; expected a clone with at least one commit")
    return done.stdout.strip()
