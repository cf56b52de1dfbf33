"""Hold a bundle against its manifest, its bill of materials and the proof beside it; on demand, build it again.

Reads a bundle, a zip or the same as a folder, and the folder <platform>.proof. Writes nothing, and runs nothing of it;
a rebuild runs the code of the commit that it names.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from pipeline.bundle import checks, licenses, manifest, proof, untrusted
from pipeline.bundle.contents import NOTICE
from pipeline.bundle.ingredients import Ingredient
from pipeline.compose import RECIPES, compose_release
from pipeline.errors import LicenseError, ProofError

RELEASE = RECIPES / "release.yaml"

Check = Callable[[Path, dict[str, Any]], str]
# By the word that is printed.
CHECKS: dict[str, Check] = {
    "files": checks.files,
    "kinds": checks.kinds,
    "chain": checks.targets,
    "SBOM": checks.bill,
}


@dataclass(frozen=True)
class Asked:
    """What is to be verified, and how."""

    bundle: Path
    proof: Path | None = None  # none: beside the bundle
    public_key: Path | None = None
    unsigned: bool = False  # whether a bundle may be unsigned
    rebuild: bool = False


def verify(asked: Asked, console: Console) -> None:
    """Print a line for every check that held, once all of them did.

    Raises:
        ProofError: one did not.
        HostError: the key cannot be read, or the rebuild lacks a tool, a commit or a key.
        RecipeError: the release whose licenses count cannot be read.
    """
    beside = asked.proof or proof.beside(asked.bundle)
    with untrusted.opened(asked.bundle) as folder:
        content = checks.read_manifest(folder)
        # Nothing is shown before all of it held: a name in a forged manifest could draw lines of its own.
        held = list(_held(asked, folder, beside, content))
        for word, found in held:
            console.print(f"{word:11} {found}", markup=False)
        if asked.rebuild:
            _rebuilt(asked, folder, beside, content, console)
    name = f"{content['name']} {content['version']} for {content['platform']}"
    console.print(f"{name}: sound{'' if content['signature'] != manifest.UNSIGNED else ', but unsigned'}", markup=False)


def _held(asked: Asked, folder: Path, beside: Path, content: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "manifest", f"{content['schema']}, {content['name']} {content['version']} for {content['platform']}"
    for word, check in CHECKS.items():
        yield word, check(folder, content)
    yield "licenses", _terms(folder, content)
    key = _key(asked, content)
    yield "signature", proof.signed(folder, beside, content, key)
    statement = proof.origin(beside, key)
    yield "provenance", proof.provenanced(asked.bundle, folder, content, statement)


def _rebuilt(asked: Asked, folder: Path, beside: Path, content: dict[str, Any], console: Console) -> None:
    from pipeline import rebuild  # noqa: PLC0415 - it needs a clone of the project, and git

    statement = proof.origin(beside, _key(asked, content))
    console.print(f"{'rebuilt':11} {rebuild.compare(folder, content, statement)}", markup=False)


def _key(asked: Asked, content: dict[str, Any]) -> Path | None:
    """Return the public key to verify with; none for a bundle that may be unsigned and is."""
    if content["signature"] == manifest.UNSIGNED:
        if asked.public_key is not None:
            raise ProofError(f"unsigned, as its manifest says; expected a signature by {asked.public_key}")
        if asked.unsigned:
            return None
        raise ProofError("unsigned, as its manifest says; expected a signature, or --unsigned to accept none")
    if asked.public_key is None:
        raise ProofError(f"signed by {content['signature']['key_id'][:16]}; expected --key FILE, its public key")
    return asked.public_key


def _terms(folder: Path, content: dict[str, Any]) -> str:
    """Hold what a bundle is made from against the release's licenses, where there is a release to ask."""
    asked = [
        Ingredient(**{word: one[word] for word in ("kind", "name", "license", "source")}) for one in content["licenses"]
    ]
    _hold_release(content, asked)
    if not (folder / NOTICE).is_file():
        raise ProofError(f"{NOTICE}: not there; expected who made what the bundle is made from")
    review, by = [one["name"] for one in content["licenses"] if one["decision"] == "review"], "its own release"
    try:
        if RELEASE.is_file():
            judged = licenses.judge(asked, compose_release().licenses, folder / licenses.FOLDER)
            review = [one.name for one, decision in judged if decision.verdict is licenses.Verdict.review]
            by = str(RELEASE)
        _hold_texts(folder, asked)
    except (LicenseError, ValueError) as error:
        raise ProofError(f"{manifest.FILE}: licenses: {error}") from None
    return f"{len(asked)} ingredients, none denied by {by}, to be reviewed: {', '.join(review) or 'none'}"


def _hold_release(content: dict[str, Any], asked: list[Ingredient]) -> None:
    """Hold the license that the bundle says of itself against the one that is judged."""
    said = [(one.name, one.license) for one in asked if one.kind == "model"]
    if said != [(content["name"], content["license"])]:
        raise ProofError(
            f"{manifest.FILE}: licenses: expected the model once, as {content['name']!r:.60} under its own"
        )


def _hold_texts(folder: Path, asked: list[Ingredient]) -> None:
    """Look for the text of each license, of one at least where there is a choice.

    Raises:
        ValueError: it is no SPDX expression.
        LicenseError: there is none.
    """
    for one in asked:
        names = sorted({str(symbol).partition(" WITH ")[0] for symbol in licenses.parsed(one.license).symbols})
        if not any((folder / licenses.FOLDER / f"{name}.txt").is_file() for name in names):
            raise LicenseError(f"{licenses.FOLDER}/: no text of {one.license}, which {one.kind} {one.name!r} is under")
