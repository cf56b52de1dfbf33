"""The components of a bundle that have a license.

They are the release itself, its data and weights, and the code that an app links.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from edgebake.bundle.manifest_types import TargetEntry
from edgebake.recipe import release_file
from edgebake.recipe.lineage import trace
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.recipe.stage_params import PackageParams, TargetParams, read_plan
from edgebake.runtimes.interface import load_runtime

KINDS = ("model", "data", "weights", "code")


@dataclass(frozen=True)
class Component:
    """Something that a bundle is made from, or that an app needs to run it, and its license."""

    kind: str  # one of KINDS; `model` is the release itself
    name: str
    license: str  # SPDX expression
    source: str  # where it comes from
    version: str = ""  # empty: it has none, or the commit in the manifest identifies it
    author: str = ""  # to be credited under the license; empty: unknown
    purl: str = ""  # package URL: https://github.com/package-url/purl-spec


# Sample code ships beside the bundle, not in it, but apps copy it.
EDGEBAKE = Component("code", "edgebake", "Apache-2.0", "pipeline/edgebake/bundle/samples")


def list_components(section: PackageParams, targets: Iterable[TargetEntry]) -> list[Component]:
    """Return the components of a bundle without duplicates: by kind, as in KINDS, then by name.

    Args:
        section: parameters of package for the platform.
        targets: the targets of the manifest.
    """
    return _sorted(section, _runtime_libraries(targets))


def planned_components(section: PackageParams) -> list[Component]:
    """Return the components that a bundle will have, runtimes without their version.

    Args:
        section: parameters of package for the platform.
    """
    libraries = []
    for target in section.targets.values():
        library = load_runtime(target.runtime).facts.library
        if library is not None:
            libraries.append(Component("code", library.name, library.license, library.source))
    return _sorted(section, libraries)


def _sorted(section: PackageParams, libraries: Iterable[Component]) -> list[Component]:
    components = {_release(section.about), *_imported_components(section), EDGEBAKE, *libraries}
    return sorted(components, key=_sort_key)


def _sort_key(component: Component) -> tuple[int, str, str, str, str]:
    return (
        KINDS.index(component.kind),
        component.name,
        component.version,
        component.license,
        component.source,
    )


def architecture(target: TargetParams) -> str:
    """Return the architecture of a target's model, a module name of models/architectures/."""
    name: str = trace(read_plan(), target.validate)["train"]["model"]["architecture"]
    return name


def _release(about: ReleaseInfo) -> Component:
    return Component(
        "model", about.name, about.license, str(release_file.path()), about.version, about.author
    )


def _imported_components(section: PackageParams) -> Iterator[Component]:
    """Yield the data and weights that the recipes attribute to their authors."""
    for target in section.targets.values():
        for imported in target.ingredients:
            yield Component(
                imported.kind,
                imported.name,
                imported.license,
                imported.source,
                author=imported.author,
            )


def _runtime_libraries(targets: Iterable[TargetEntry]) -> Iterator[Component]:
    """Yield the library of each target's runtime, in the version that was measured."""
    for target in targets:
        library = load_runtime(target["runtime"]).facts.library
        if library is not None:
            version = target["tools"][library.distribution]
            yield Component(
                "code",
                library.name,
                library.license,
                library.source,
                version,
                purl=f"pkg:pypi/{library.distribution}@{version}",
            )
