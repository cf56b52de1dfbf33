"""Which entries of dvc.lock led to a bundle, as one digest: the same for the same code, parameters and outputs.

Reads and writes nothing.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from edgebake.bundle.trust import provenance
from edgebake.errors import ArtifactError

# The stages whose bytes reach a bundle. What validate and parity leave holds times, which differ between machines.
STAGES = ("train", "prune", "quantize", "convert")


def lock_digest(lock: dict[str, Any], converts: Iterable[str]) -> str:
    """Return the sha256 of those entries of dvc.lock that led to converted files, as canonical JSON by stage.

    It starts at the convert stages of a platform's targets and follows each dependency to the stage that made it:
    train, prune, quantize and convert; not plan, which makes no bytes of a model. It does not start at package, from
    where it would reach what validate and parity measured, which differs between machines, and entries of variants that
    are long gone, which DVC keeps.

    Args:
        lock: the content of dvc.lock.
        converts: variants of convert.

    Raises:
        ArtifactError: a stage has no entry.
    """
    stages = lock.get("stages", {})
    found: dict[str, Any] = {}
    waiting = [f"convert@{name}" for name in converts]
    while waiting:
        stage = waiting.pop()
        if stage in found:
            continue
        if stage not in stages:
            raise ArtifactError(
                f"dvc.lock: {stage}: not there; expected what was built: run `dvc repro`"
            )
        found[stage] = stages[stage]
        waiting += _makers(stages, [dep["path"] for dep in stages[stage].get("deps", [])])
    return sha256(provenance.canonical(found)).hexdigest()


def _makers(stages: dict[str, Any], paths: list[str]) -> list[str]:
    """Return the stages that made one of the paths, something in it, or something that it is in."""
    return [
        name
        for name, entry in stages.items()
        if name.partition("@")[0] in STAGES
        and any(_overlap(out["path"], path) for out in entry.get("outs", []) for path in paths)
    ]


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")
