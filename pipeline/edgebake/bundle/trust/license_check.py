"""Under which terms somebody's bundle is, held against a release's policy and the texts that it carries."""

from pathlib import Path
from typing import Any

from edgebake.bundle import licenses, manifest
from edgebake.bundle.assemble import NOTICE
from edgebake.bundle.components import Component
from edgebake.errors import LicenseError, ProofError
from edgebake.recipe import Licenses


def check_licenses(folder: Path, content: dict[str, Any], policy: Licenses | None) -> str:
    """Hold what a bundle is made from against a policy, and return what has to be reviewed; none: no policy is asked.

    Raises:
        ProofError: a license is denied, unknown or none, or a text is not there.
    """
    words = ("kind", "name", "license", "source")
    asked = [Component(**{word: one[word] for word in words}) for one in content["licenses"]]
    _hold_release(content, asked)
    if not (folder / NOTICE).is_file():
        raise ProofError(f"{NOTICE}: not there; expected who made what the bundle is made from")
    review = [one["name"] for one in content["licenses"] if one["decision"] == "review"]
    try:
        if policy:
            judged = licenses.apply_policy(asked, policy, folder / licenses.FOLDER)
            review = [
                one.name
                for one, decision in judged
                if decision.verdict is licenses.PolicyVerdict.review
            ]
        _hold_texts(folder, asked)
    except (LicenseError, ValueError) as error:
        raise ProofError(f"{manifest.FILE}: licenses: {error}") from None
    return f"{len(asked)} ingredients, to be reviewed: {', '.join(review) or 'none'}; none denied"


def _hold_release(content: dict[str, Any], asked: list[Component]) -> None:
    """Hold the license that the bundle says of itself against the one that is judged."""
    said = [(one.name, one.license) for one in asked if one.kind == "model"]
    if said != [(content["name"], content["license"])]:
        raise ProofError(
            f"{manifest.FILE}: licenses: expected the model once, as {content['name']!r:.60} under its own"
        )


def _hold_texts(folder: Path, asked: list[Component]) -> None:
    """Look for the text of each license, of one at least where there is a choice.

    Raises:
        ValueError: it is no SPDX expression.
        LicenseError: there is none.
    """
    for one in asked:
        names = sorted(
            {str(symbol).partition(" WITH ")[0] for symbol in licenses.parse(one.license).symbols}
        )
        if not any((folder / licenses.FOLDER / f"{name}.txt").is_file() for name in names):
            raise LicenseError(
                f"{licenses.FOLDER}/: no text of {one.license}, which {one.kind} {one.name!r} is under"
            )
