"""Types of SLSA provenance v1 in an in-toto statement v1.

Sources: https://slsa.dev/spec/v1.0/provenance,
https://github.com/in-toto/attestation/tree/main/spec/v1.
"""

from typing import NotRequired, TypedDict

Digest = dict[str, str]  # by algorithm, as in-toto names it: sha256, dirHash or gitCommit


class Subject(TypedDict):
    """A file that the build wrote."""

    name: str
    digest: Digest


class Dependency(TypedDict):
    """Something that the build read: the commit, data or a tool."""

    name: str
    uri: NotRequired[str]
    digest: NotRequired[Digest]
    annotations: NotRequired[dict[str, str]]


class ExternalParameters(TypedDict):
    """The parameters that the user of the build sets; docs/guides/release.md explains them."""

    platform: str
    params: Digest
    recipes: dict[str, Digest]


class InternalParameters(TypedDict):
    """The parameters that the build sets."""

    dirty: bool


class BuildDefinition(TypedDict):
    """The inputs of a build."""

    buildType: str
    externalParameters: ExternalParameters
    internalParameters: InternalParameters
    resolvedDependencies: list[Dependency]


class Builder(TypedDict):
    """The program that ran the build."""

    id: str
    version: dict[str, str]


class RunDetails(TypedDict):
    """The execution of a build."""

    builder: Builder


class Predicate(TypedDict):
    """SLSA provenance."""

    buildDefinition: BuildDefinition
    runDetails: RunDetails


class Statement(TypedDict):
    """An in-toto statement: provenance about some files."""

    _type: str
    subject: list[Subject]
    predicateType: str
    predicate: Predicate
