"""Digest of the entries of dvc.lock that led to a bundle.

It is equal for equal code, parameters and outputs.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from edgebake.bundle.trust import provenance
from edgebake.documents import json_shape, strict_yaml
from edgebake.documents.yaml_text import StrictYamlError
from edgebake.errors import ArtifactError

# The stages whose outputs reach a bundle. Those of validate and parity contain latencies, which
# differ between machines.
STAGES = ("train", "prune", "quantize", "convert")


class LockedPath(TypedDict):
    """A dependency or output of a stage; DVC adds its hash and size."""

    path: str
    md5: NotRequired[str]
    hash: NotRequired[str]


class LockedStage(TypedDict):
    """A stage's entry in dvc.lock, as far as this module reads it."""

    deps: NotRequired[list[LockedPath]]
    outs: NotRequired[list[LockedPath]]


class DvcLock(TypedDict):
    """The content of dvc.lock."""

    stages: NotRequired[dict[str, LockedStage]]


class DvcFile(TypedDict):
    """The content of a .dvc file, as far as edgebake reads it."""

    outs: list[LockedPath]


def read(file: Path) -> DvcLock:
    """Read dvc.lock.

    Raises:
        ArtifactError: it is damaged.
    """
    remedy = "`edgebake build` writes it anew"
    lock: DvcLock = _read(file, DvcLock, remedy)
    return lock


def read_dvc_file(file: Path) -> DvcFile:
    """Read the .dvc file of data that DVC tracks.

    Raises:
        ArtifactError: it is damaged.
    """
    content: DvcFile = _read(file, DvcFile, "run `dvc add` again")
    return content


def _read(file: Path, shape: Any, remedy: str) -> Any:
    try:
        content = strict_yaml.read(file, strict_yaml.MAX_BYTES_OF_PLAN)
    except StrictYamlError as error:
        raise ArtifactError(f"{file}: {error}; {remedy}") from None
    problem = json_shape.problem(content if content is not None else {}, shape)
    if problem is not None:
        raise ArtifactError(f"{file}: {problem}; {remedy}")
    return content or {}


def lock_digest(lock: DvcLock, converts: Iterable[str]) -> str:
    """Return the sha256 of the entries that led to some converted files, hexadecimal.

    It starts at variants of convert and follows each dependency to the stage that wrote it. It does
    not start at package: that would include the outputs of validate and parity, and entries of
    variants that no longer exist, which DVC keeps.

    Args:
        lock: the content of dvc.lock.
        converts: variants of convert.

    Raises:
        ArtifactError: a stage has no entry.
    """
    stages = lock.get("stages", {})
    entries: dict[str, LockedStage] = {}
    queue = [f"convert@{variant}" for variant in converts]
    while queue:
        name = queue.pop()
        if name in entries:
            continue
        if name not in stages:
            raise ArtifactError(
                f"dvc.lock: {name}: not found; expected the outputs of a build: run `dvc repro`"
            )
        entries[name] = stages[name]
        for dependency in stages[name].get("deps", []):
            queue += _producers(stages, dependency["path"])
    return sha256(provenance.canonical(entries)).hexdigest()


def _producers(stages: Mapping[str, LockedStage], path: str) -> list[str]:
    """Return the stages with an output that is a path, lies in it or contains it."""
    producers = []
    for name, entry in stages.items():
        stage, _, _ = name.partition("@")
        if stage not in STAGES:
            continue
        outputs = entry.get("outs", [])
        if any(_overlap(output["path"], path) for output in outputs):
            producers.append(name)
    return producers


def _overlap(path: str, another: str) -> bool:
    """Return whether two paths are equal or one contains the other."""
    if path == another:
        return True
    return path.startswith(f"{another}/") or another.startswith(f"{path}/")
