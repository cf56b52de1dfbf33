"""Hold a bundle against its manifest, its bill of materials and the proof beside it; on demand, build it again.

Reads a bundle, a zip or the same as a folder, and the folder <platform>.proof. Writes nothing, and runs nothing of it;
a rebuild runs the code of the commit that it names.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from edgebake.bundle import manifest
from edgebake.bundle.trust import license_check, proof, safe_extract, verification
from edgebake.errors import ProofError
from edgebake.plan.compose import compose_release
from edgebake.recipe.files import RECIPES

RELEASE = RECIPES / "release.yaml"

Check = Callable[[Path, dict[str, Any]], str]
# By the word that is printed.
CHECKS: dict[str, Check] = {
    "files": verification.check_files,
    "kinds": verification.check_file_types,
    "chain": verification.check_fallback_order,
    "SBOM": verification.check_sbom,
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
    beside = asked.proof or proof.proof_folder(asked.bundle)
    with safe_extract.open_bundle(asked.bundle) as folder:
        content = verification.read_manifest(folder)
        # Nothing is shown before all of it held: a name in a forged manifest could draw lines of its own.
        held, statement = _held(asked, folder, beside, content)
        for word, found in held.items():
            console.print(f"{word:11} {found}", markup=False)
        if asked.rebuild:
            from edgebake.execution import rebuild  # it needs a clone of the project, and git

            console.print(
                f"{'rebuilt':11} {rebuild.compare(folder, content, statement)}", markup=False
            )
    name = f"{content['name']} {content['version']} for {content['platform']}"
    console.print(
        f"{name}: sound{'' if content['signature'] != manifest.UNSIGNED else ', but unsigned'}",
        markup=False,
    )


def _held(
    asked: Asked, folder: Path, beside: Path, content: dict[str, Any]
) -> tuple[dict[str, str], dict[str, Any]]:
    """Return what was found by each check, and what the provenance says."""
    found = {
        "manifest": f"{content['schema']}, {content['name']} {content['version']} for {content['platform']}"
    }
    found |= {word: check(folder, content) for word, check in CHECKS.items()}
    policy = compose_release().licenses if RELEASE.is_file() else None
    found["licenses"] = (
        f"{license_check.check_licenses(folder, content, policy)} by {RELEASE if policy else 'its own release'}"
    )
    key = _key(asked, content)
    found["signature"] = proof.check_signature(folder, beside, content, key)
    statement = proof.read_provenance(beside, key)
    found["provenance"] = proof.check_provenance(asked.bundle, folder, content, statement)
    return found, statement


def _key(asked: Asked, content: dict[str, Any]) -> Path | None:
    """Return the public key to verify with; none for a bundle that may be unsigned and is."""
    if content["signature"] == manifest.UNSIGNED:
        if asked.public_key is not None:
            raise ProofError(
                f"unsigned, as its manifest says; expected a signature by {asked.public_key}"
            )
        if asked.unsigned:
            return None
        raise ProofError(
            "unsigned, as its manifest says; expected a signature, or --unsigned to accept none"
        )
    if asked.public_key is None:
        raise ProofError(
            f"signed by {content['signature']['key_id'][:16]}; expected --key FILE, its public key"
        )
    return asked.public_key
