"""Check the licenses of an untrusted bundle against a license policy and the texts in it."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from edgebake.bundle import license_policy, license_texts, manifest
from edgebake.bundle.assemble import NOTICE
from edgebake.bundle.components import Component
from edgebake.bundle.manifest_types import Manifest
from edgebake.errors import LicenseError, ProofError
from edgebake.recipe import Licenses

MAX_NAMES = 10  # of components to be reviewed, in the result


def check_licenses(folder: Path, content: Manifest, policy: Licenses | None) -> str:
    """Check that every license is allowed, and list the components to be reviewed.

    Args:
        folder: of the bundle.
        content: its manifest.
        policy: of a release; None: the decisions in the manifest count.

    Raises:
        ProofError: a license is denied, unknown or malformed, a text is missing or of another
            license, or NOTICE does not name the release and its components.
    """
    components = [
        Component(entry["kind"], entry["name"], entry["license"], entry["source"])
        for entry in content["licenses"]
    ]
    _check_release(content, components)
    _check_notice(folder / NOTICE, content)
    reviewed = _reviewed_in_manifest(content)
    try:
        if policy:
            to_review = _apply_policy(components, policy, folder / license_texts.FOLDER)
            _check_decisions(to_review, reviewed)
        _check_texts(folder, components)
    except (LicenseError, ValueError) as error:
        raise ProofError(f"{manifest.FILE}: licenses: {error}") from None
    names = ", ".join(reviewed[:MAX_NAMES]) or "none"
    if len(reviewed) > MAX_NAMES:
        names = f"{names}, and {len(reviewed) - MAX_NAMES} more"
    return f"{len(components)} components, to be reviewed: {names}; none denied"


def _check_decisions(to_review: Iterable[str], reviewed: Sequence[str]) -> None:
    """Check that the manifest lists for review what the policy does.

    Raises:
        LicenseError: it calls a component allowed that has to be reviewed.
    """
    for name in to_review:
        if name not in reviewed:
            raise LicenseError(f"{name!r}: decision: allow; the policy says review")


def _check_notice(file: Path, content: Manifest) -> None:
    """Check that NOTICE names the release and its components.

    Raises:
        ProofError: it does not.
    """
    if not file.is_file():
        raise ProofError(f"{NOTICE}: not found; expected the authors of the components")
    lines = set(file.read_text("utf-8").splitlines())
    expected = [f"{content['name']} {content['version']}, by {content['author']}"]
    for entry in content["licenses"]:
        if entry["kind"] != "model":
            expected.append(f"{entry['kind']}: {entry['name']} {entry.get('version', '')}")
    for line in expected:
        single_line = " ".join(line.split())
        if single_line not in lines:
            raise ProofError(f"{NOTICE}: no line {single_line!r:.100}; expected every component")


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
    """Check the text of each license, or of one license where there is a choice.

    Raises:
        ValueError: a license is no SPDX expression.
        LicenseError: a text is missing, of another license, or of no component.
    """
    used = set()
    for component in components:
        symbols = license_policy.parse(component.license).symbols
        identifiers = sorted({str(symbol).partition(" WITH ")[0] for symbol in symbols})
        used.update(identifiers)
        texts = [folder / license_texts.FOLDER / f"{identifier}.txt" for identifier in identifiers]
        if not any(text.is_file() for text in texts):
            raise LicenseError(
                f"{license_texts.FOLDER}/: no text of {component.license}, "
                f"the license of {component.kind} {component.name!r}"
            )
    for file in sorted((folder / license_texts.FOLDER).iterdir()):
        problem = license_texts.text_problem(file.stem, file.read_text("utf-8"))
        if problem:
            raise LicenseError(f"{license_texts.FOLDER}/{file.name}: {problem}")
        if file.stem not in used:
            raise LicenseError(
                f"{license_texts.FOLDER}/{file.name}: of no component; expected it left out"
            )
