"""Describe the licenses of a bundle's components: for the manifest, as texts and in NOTICE."""

from collections.abc import Iterable
from pathlib import Path

from edgebake.bundle import license_texts
from edgebake.bundle.components import Component
from edgebake.bundle.license_policy import LicensedComponent, LicenseDecision, PolicyVerdict, parse
from edgebake.bundle.manifest_types import LicenseEntry
from edgebake.errors import LicenseError
from edgebake.recipe.release_info import ReleaseInfo

USES = {
    "data": "The model was trained on it; golden/ contains a few of its examples.",
    "weights": "The model was initialized with these weights.",
    "code": "Not in the bundle; an app that links it has to include its notices.",
}


def manifest_entries(licensed: Iterable[LicensedComponent]) -> list[LicenseEntry]:
    """Return the value of `licenses` in the manifest."""
    return [_manifest_entry(component, decision) for component, decision in licensed]


def _manifest_entry(component: Component, decision: LicenseDecision) -> LicenseEntry:
    entry: LicenseEntry = {
        "kind": component.kind,
        "name": component.name,
        "version": component.version,
        "author": component.author,
        "license": str(parse(component.license)),
        "source": component.source,
        "decision": decision.verdict.value,
    }
    if not component.version:
        del entry["version"]
    if not component.author:
        del entry["author"]
    return entry


def texts(
    licensed: Iterable[LicensedComponent], folder: Path = license_texts.FOLDER
) -> dict[str, bytes]:
    """Return the text of each license that applies, by path in the bundle.

    Raises:
        LicenseError: one or more texts are missing, or of another license.
    """
    users: dict[str, Component] = {}  # the first component under each license
    for component, decision in licensed:
        for identifier in decision.identifiers:
            users.setdefault(identifier, component)
    files: dict[str, bytes] = {}
    missing = []
    for identifier, component in sorted(users.items(), key=lambda user: user[0]):
        path = f"{license_texts.FOLDER}/{identifier}.txt"
        file = license_texts.find_text(identifier, folder)
        if file.is_file():
            files[path] = file.read_bytes()
            problem = license_texts.text_problem(identifier, files[path].decode("utf-8", "replace"))
            if problem:
                missing.append(f"{path}: {problem}")
        else:
            missing.append(
                f"{path}: not found; expected the text of {identifier}, "
                f"the license of {component.kind} {component.name!r}"
            )
    if missing:
        raise LicenseError("\n".join(missing))
    return files


def render_notice(about: ReleaseInfo, licensed: Iterable[LicensedComponent]) -> str:
    """Return the text of NOTICE: the release, its components and their licenses."""
    paragraphs = [
        [
            f"{about.name} {about.version}, by {about.author}",
            about.description,
            f"License: {about.license}",
        ],
        ["LICENSES/ contains the texts of all licenses. Components:"],
    ]
    for component, decision in licensed:
        if component.kind != "model":
            paragraphs.append(_notice_lines(component, decision))
    return "\n\n".join(_paragraph(lines) for lines in paragraphs) + "\n"


def _paragraph(lines: Iterable[str]) -> str:
    """Join lines, each without line breaks of its own."""
    return "\n".join(" ".join(line.split()) for line in lines)


def _notice_lines(component: Component, decision: LicenseDecision) -> list[str]:
    license_line = f"License: {component.license}"
    if " OR " in str(parse(component.license)):
        license_line += f"; chosen: {', '.join(decision.identifiers)}"
    if decision.verdict is PolicyVerdict.review:
        license_line += ", to be reviewed"
    lines = [f"{component.kind}: {component.name} {component.version}"]
    if component.author:
        lines.append(f"By: {component.author}")
    lines += [license_line, f"Source: {component.source}", USES[component.kind]]
    return lines
