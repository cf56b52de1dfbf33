"""All that a bundle is made from, and the code that an app needs beside it: whose it is, under which license.

Reads the plan. Writes nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from edgebake.bundle.lineage import trace
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.recipe.stage_params import PackageParams, TargetParams, read_plan
from edgebake.runtimes.interface import load_runtime

KINDS = ("model", "data", "weights", "code")


@dataclass(frozen=True)
class Component:
    """Something with a license of its own."""

    kind: str  # one of KINDS
    name: str
    license: str  # SPDX expression
    source: str  # where it was taken from
    version: str = ""  # empty: it has none, or the commit in the manifest says it
    author: str = ""  # whom the license asks to be named; empty: nobody is known
    purl: str = ""  # package URL: https://github.com/package-url/purl-spec


# Sample code is not in the bundle, but an app copies it from beside the bundle.
EDGEBAKE = Component("code", "edgebake", "Apache-2.0", "pipeline/edgebake/bundle/samples")


def list_components(
    section: PackageParams, targets: Mapping[str, Mapping[str, Any]]
) -> list[Component]:
    """Return the release itself, then data, weights and code, each once and sorted by name.

    Args:
        section: what package reads; it says what the targets were made from.
        targets: as the manifest holds them, with `runtime` and `tools`.
    """
    found = {_release(section.about), *_brought(section), EDGEBAKE, *_libraries(targets)}
    return sorted(
        found,
        key=lambda one: (KINDS.index(one.kind), one.name, one.version, one.license, one.source),
    )


def architecture(target: TargetParams) -> str:
    """Return which architecture a target's model has: the name of a module in models/architectures/."""
    name: str = trace(read_plan(), target.validate)["train"]["model"]["architecture"]
    return name


def _release(about: ReleaseInfo) -> Component:
    return Component(
        "model", about.name, about.license, "recipes/release.yaml", about.version, about.author
    )


def _brought(section: PackageParams) -> Iterator[Component]:
    for target in section.targets.values():
        for one in target.ingredients:
            yield Component(one.kind, one.name, one.license, one.source, author=one.author)


def _libraries(targets: Mapping[str, Mapping[str, Any]]) -> Iterator[Component]:
    for target in targets.values():
        library = load_runtime(target["runtime"]).facts.library
        if library is not None:
            version = target["tools"][library.distribution]
            purl = f"pkg:pypi/{library.distribution}@{version}"
            yield Component(
                "code", library.name, library.license, library.source, version, purl=purl
            )
