"""`edgebake verify`: check a bundle against its manifest, SBOM, signature and provenance.

Reads a bundle (a zip, or the same as a folder) and the folder <platform>.proof. Writes nothing and
runs nothing of the bundle; `--rebuild` runs the code of the commit that the bundle names, and
`--plugins` that of the project's runtimes.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from edgebake.cli.verbs import Example, Verb
from edgebake.errors import ProofError

if TYPE_CHECKING:
    from edgebake.bundle.manifest_types import Manifest
    from edgebake.bundle.trust.file_types import FileType


@dataclass(frozen=True)
class VerifyOptions:
    """The bundle to verify, and what to verify it against."""

    bundle: Path
    proof: Path | None = None  # None: the folder next to the bundle
    public_key: Path | None = None
    unsigned: bool = False  # whether an unsigned bundle is accepted
    rebuild: bool = False
    plugins: bool = False  # whether to load the project's runtimes, for the kinds of their files


def verify(options: VerifyOptions, console: Console) -> None:
    """Verify a bundle, and print a line per check once all of them passed.

    Raises:
        ProofError: a check failed.
        HostError: the key cannot be read, or the rebuild lacks a tool, a commit or a key.
        RecipeError: recipes/release.yaml, whose license policy applies, cannot be read.
    """
    from edgebake.bundle import manifest
    from edgebake.bundle.trust import file_types, proof, safe_extract, verification

    proof_folder = options.proof or proof.proof_folder(options.bundle)
    with safe_extract.open_bundle(options.bundle) as folder:
        content = verification.read_manifest(folder)
        project_types = file_types.project_file_types() if options.plugins else {}
        results = _check_content(folder, content, project_types)
        key = _required_key(options, content)
        results["signature"] = proof.check_signature(folder, proof_folder, content, key)
        statement = proof.read_provenance(proof_folder, key)
        results["provenance"] = proof.check_provenance(options.bundle, folder, content, statement)
        # Printed only now: a name in a forged manifest could print a line that looks like a result.
        for check, result in results.items():
            console.print(f"{check:11} {result}", markup=False)
        if options.rebuild:
            from edgebake.execution import rebuild  # needs git and a clone of the project

            result = rebuild.compare(folder, content, statement)
            console.print(f"{'rebuilt':11} {result}", markup=False)
    note = ", but unsigned" if content["signature"] == manifest.UNSIGNED else ""
    console.print(f"{_title(content)}: sound{note}", markup=False)


def _title(content: "Manifest") -> str:
    return f"{content['name']} {content['version']} for {content['platform']}"


def _check_content(
    folder: Path, content: "Manifest", project_types: Mapping[str, "FileType"]
) -> dict[str, str]:
    """Check the files of a bundle against its manifest; return a sentence per check."""
    from edgebake.bundle.trust import file_types, license_check, verification
    from edgebake.plan.compose import compose_release
    from edgebake.recipe.files import RECIPES

    results = {
        "manifest": f"{content['schema']}, {_title(content)}",
        "files": verification.check_files(folder, content),
        "kinds": file_types.check_file_types(folder, content, project_types),
        "chain": verification.check_fallback_order(folder, content),
        "SBOM": verification.check_sbom(folder, content),
    }
    release = RECIPES / "release.yaml"
    if release.is_file():
        licenses = license_check.check_licenses(folder, content, compose_release().licenses)
        results["licenses"] = f"{licenses} by {release}"
    else:
        licenses = license_check.check_licenses(folder, content, None)
        results["licenses"] = f"{licenses} by its own release"
    return results


def _required_key(options: VerifyOptions, content: "Manifest") -> Path | None:
    """Return the public key to verify with; None if the bundle is unsigned and may be."""
    from edgebake.bundle import manifest

    key_id = manifest.signing_key_id(content)
    if key_id is None:
        if options.public_key is not None:
            raise ProofError(
                f"unsigned, as its manifest says; expected a signature by {options.public_key}"
            )
        if options.unsigned:
            return None
        raise ProofError(
            "unsigned, as its manifest says; expected a signature, or --unsigned to accept none"
        )
    if options.public_key is None:
        raise ProofError(f"signed by {key_id[:16]}; expected --key FILE, its public key")
    return options.public_key


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "bundle", type=Path, metavar="BUNDLE", help="a zip, or the same as a folder"
    )
    trust = parser.add_mutually_exclusive_group()
    trust.add_argument(
        "--key", type=Path, metavar="FILE", help="the public key that the bundle must be signed by"
    )
    trust.add_argument(
        "--unsigned",
        action="store_true",
        help="accept a bundle whose manifest says that it is unsigned",
    )
    parser.add_argument(
        "--proof",
        type=Path,
        metavar="FOLDER",
        help="signature and provenance; default: the .proof folder next to the bundle",
    )
    parser.add_argument(
        "--rebuild",
        action="store_true",
        help="build the bundle's commit again and compare every byte",
    )
    parser.add_argument(
        "--plugins",
        action="store_true",
        help="load the project's own runtimes, which runs their code, to know their files",
    )


def _run(arguments: argparse.Namespace, console: Console) -> int:
    options = VerifyOptions(
        bundle=arguments.bundle,
        proof=arguments.proof,
        public_key=arguments.key,
        unsigned=arguments.unsigned,
        rebuild=arguments.rebuild,
        plugins=arguments.plugins,
    )
    verify(options, console)
    return 0


VERB = Verb(
    name="verify",
    run=_run,
    summary="check the files, licenses, signature and provenance of a bundle",
    description=(
        "Check every file of a bundle against the manifest's digests, the licenses against the "
        "release's policy, and the signature and provenance of the .proof folder next to it. "
        "Prints nothing but the error if a check fails. With --rebuild, clone the project at the "
        "bundle's commit, build it again and compare."
    ),
    examples=(
        Example("edgebake verify android.zip --key release.pub.pem", "verify a signed bundle"),
        Example("edgebake verify linux.zip --unsigned", "verify one that has no signature"),
    ),
    add_options=_add_options,
    needs_project=False,
)
