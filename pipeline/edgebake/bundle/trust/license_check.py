"""Check the licenses of an untrusted bundle against a license policy and the texts in it."""

from collections.abc import Iterable
from pathlib import Path

from edgebake.bundle import license_policy, license_texts, manifest
from edgebake.bundle.assemble import NOTICE
from edgebake.bundle.components import Component
from edgebake.bundle.manifest_types import Manifest
from edgebake.errors import LicenseError, ProofError
from edgebake.recipe import Licenses


def check_licenses(folder: Path, content: Manifest, policy: Licenses | None) -> str:
    """Check that every license is allowed, and list the components to be reviewed.

    Args:
        folder: of the bundle.
        content: its manifest.
        policy: of a release; None: the decisions in the manifest count.

    Raises:
        ProofError: a license is denied, unknown or malformed, or a text is missing.
    """
    components = [
        Component(entry["kind"], entry["name"], entry["license"], entry["source"])
        for entry in content["licenses"]
    ]
    _check_release(content, components)
    if not (folder / NOTICE).is_file():
        raise ProofError(f"{NOTICE}: not found; expected the authors of the components")
    try:
        if policy:
            to_review = _apply_policy(components, policy, folder / license_texts.FOLDER)
        else:
            to_review = _reviewed_in_manifest(content)
        _check_texts(folder, components)
    except (LicenseError, ValueError) as error:
        raise ProofError(f"{manifest.FILE}: licenses: {error}") from None
    names = ", ".join(to_review) or "none"
    return f"{len(components)} components, to be reviewed: {names}; none denied"


def _apply_policy(components: Iterable[Component], policy: Licenses, texts: Path) -> list[str]:
    """Return the components that a policy lists for review."""
    licensed = license_policy.apply_policy(components, policy, texts)
    return [
        component.name
        for component, decision in licensed
        if decision.verdict is license_policy.PolicyVerdict.review
    ]


def _reviewed_in_manifest(content: Manifest) -> list[str]:
    return [entry["name"] for entry in content["licenses"] if entry["decision"] == "review"]


def _check_release(content: Manifest, components: Iterable[Component]) -> None:
    """Check that the bundle's own license is the one that is judged."""
    releases = [
        (component.name, component.license) for component in components if component.kind == "model"
    ]
    if releases != [(content["name"], content["license"])]:
        raise ProofError(
            f"{manifest.FILE}: licenses: expected the model once, "
            f"as {content['name']!r:.60} under its own license"
        )


def _check_texts(folder: Path, components: Iterable[Component]) -> None:
    """Check that the text of each license is there, or of one license where there is a choice.

    Raises:
        ValueError: a license is no SPDX expression.
        LicenseError: a text is missing.
    """
    for component in components:
        symbols = license_policy.parse(component.license).symbols
        identifiers = sorted({str(symbol).partition(" WITH ")[0] for symbol in symbols})
        texts = [folder / license_texts.FOLDER / f"{identifier}.txt" for identifier in identifiers]
        if not any(text.is_file() for text in texts):
            raise LicenseError(
                f"{license_texts.FOLDER}/: no text of {component.license}, "
                f"the license of {component.kind} {component.name!r}"
            )
