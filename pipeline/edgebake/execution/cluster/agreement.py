"""Compare a worker with the build: edgebake, Python and the versions of the tools.

Another version would give other bytes under the same name.
"""

import hashlib
import platform
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import edgebake

OWN = ("edgebake", "Python")  # beside the tools of the plan
NOT_INSTALLED = "not installed"
# Of the package's files, those that take part in a build.
SUFFIXES = (".py", ".json", ".yaml", ".kt", ".swift", ".md")
SHOWN = 12  # digits of a hash


@dataclass(frozen=True)
class Environment:
    """The software of a machine."""

    versions: Mapping[str, str]  # by tool, with edgebake and Python
    machine: str  # kind of system and processor


def tools_of(plan: Mapping[str, Any]) -> list[str]:
    """Return the tools that the stages of a plan run."""
    tools: set[str] = set()
    for variants in plan.values():
        if not isinstance(variants, Mapping):
            continue
        for params in variants.values():
            if isinstance(params, Mapping):
                tools.update(params.get("tools") or ())
    return sorted(tools)


def environment(tools: Iterable[str]) -> Environment:
    """Return the software of this machine."""
    versions = {"edgebake": _edgebake(), "Python": f"{sys.version_info[0]}.{sys.version_info[1]}"}
    for tool in tools:
        versions[tool] = _version(tool)
    return Environment(versions, f"{platform.system()} {platform.machine()}")


def first_difference(build: Environment, worker: Environment) -> str | None:
    """Return the first tool that a worker has in another version, with both; None if none."""
    for tool, version in build.versions.items():
        actual = worker.versions.get(tool, NOT_INSTALLED)
        if actual != version:
            return f"{tool} {actual}; expected {tool} {version} as on the build's machine"
    return None


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return NOT_INSTALLED


def _edgebake() -> str:
    """Return the version of edgebake with the hash of its sources, which may be of any commit."""
    package = Path(edgebake.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(package.rglob("*")):
        if file.suffix in SUFFIXES and file.is_file():
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            digest.update(f"{content}  {file.relative_to(package).as_posix()}\n".encode())
    return f"{_version('edgebake')} (sources {digest.hexdigest()[:SHOWN]})"
