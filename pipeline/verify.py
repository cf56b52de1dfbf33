"""Hold a bundle against its manifest, its bill of materials and the proof beside it; on demand, build it again.

Reads a bundle, a zip or the same as a folder, and the folder <platform>.proof. Writes nothing; runs nothing of it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from pipeline.bundle import checks, licenses, manifest, proof, untrusted
from pipeline.bundle.ingredients import Ingredient
from pipeline.compose import RECIPES, compose_release
from pipeline.errors import LicenseError, ProofError

RELEASE = RECIPES / "release.yaml"

Check = Callable[[Path, dict[str, Any]], str]
# By the word that is printed.
CHECKS: dict[str, Check] = {
    "files": checks.files,
    "no code": checks.no_code,
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
    """Print a line for every check that held.

    Raises:
        ProofError: one did not.
    """
    beside = asked.proof or proof.beside(asked.bundle)
    with untrusted.opened(asked.bundle) as folder:
        content = checks.read_manifest(folder)
        for word, found in _held(asked, folder, beside, content):
            console.print(f"{word:11} {found}", markup=False)
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
    if asked.rebuild:
        from pipeline import rebuild  # noqa: PLC0415 - it needs a clone of the project, and git

        yield "rebuilt", rebuild.compare(folder, content, statement)


def _key(asked: Asked, content: dict[str, Any]) -> Path | None:
    """Return the public key to verify with; none for a bundle that may be unsigned and is."""
    if content["signature"] == manifest.UNSIGNED:
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
    try:
        if RELEASE.is_file():
            judged = licenses.judge(asked, compose_release().licenses, folder / licenses.FOLDER)
            licenses.texts(judged, folder / licenses.FOLDER)
            return f"{len(asked)} ingredients, each allowed by {RELEASE}"
        for one in asked:
            licenses.parsed(one.license)
    except (LicenseError, ValueError) as error:
        raise ProofError(f"{manifest.FILE}: licenses: {error}") from None
    review = [one["name"] for one in content["licenses"] if one["decision"] == "review"]
    return f"{len(asked)} ingredients, allowed when it was packaged, to be reviewed: {', '.join(review) or 'none'}"
