"""`edgebake verify`: check a bundle against its manifest, SBOM, signature and provenance.

Reads a bundle (a zip, or the same as a folder) and the folder <platform>.proof. Writes nothing and
runs nothing of the bundle; `--rebuild` runs the code of the commit that the bundle names, and
`--plugins` that of the project's runtimes.
"""

import argparse
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from edgebake.cli.verbs import Example, Verb
from edgebake.errors import ProofError

if TYPE_CHECKING:
    from edgebake.bundle.manifest_types import Manifest
    from edgebake.bundle.trust.slsa_types import Statement


@dataclass(frozen=True)
class VerifyOptions:
    """The bundle to verify, and what to verify it against."""

    bundle: Path
    proof: Path | None = None  # None: the folder next to the bundle
    public_key: Path | None = None
    unsigned: bool = False  # whether an unsigned bundle is accepted
    expect: tuple[str, str, str] | None = None  # name, version and platform
    rebuild: bool = False
    plugins: bool = False  # whether to load the project's runtimes, for the kinds of their files


def verify(options: VerifyOptions, console: Console) -> None:
    """Verify a bundle, and print a line per check once all of them passed.

    The signature comes first: what nobody vouches for is not parsed.

    Raises:
        ProofError: a check failed.
        HostError: the key cannot be read, or the rebuild lacks a tool, a commit or a key.
        RecipeError: recipes/release.yaml, whose license policy applies, cannot be read.
    """
    from edgebake.bundle.trust import manifest_check, proof

    bundle = options.bundle
    key = options.public_key
    proof_folder = options.proof or proof.proof_folder(bundle)
    with _open_signed(bundle, proof_folder, key) as folder:
        content = manifest_check.read_manifest(folder)
        results = {
            "release": _check_release(options, content),
            "signature": _check_signer(options, content),
            **_check_content(folder, content, options),
        }
        if key is None:
            proof.refuse_signature(proof_folder)
        statement = proof.read_provenance(proof_folder, key)
        results |= _check_build(bundle, folder, content, statement)
        # Printed only now: a name in a forged manifest could print a line that looks like a result.
        _print(results, console)
        if options.rebuild:
            from edgebake.execution import rebuild  # needs git and a clone of the project

            _print({"rebuilt": rebuild.compare(folder, content, statement, console)}, console)
    note = ", but unsigned" if key is None else ""
    console.print(f"{_title(content)}: sound{note}", markup=False)


@contextmanager
def _open_signed(bundle: Path, proof_folder: Path, key: Path | None) -> Iterator[Path]:
    """Provide the folder of a bundle, after comparing it with the signature if there is a key.

    Raises:
        ProofError: the key did not sign these files, or they are no bundle.
    """
    from edgebake.bundle.trust import proof, safe_extract, signature

    safe_extract.check_kind(bundle)
    signature_file = proof_folder / proof.SIGNATURE
    signed = proof.read_signature(proof_folder, key) if key else None

    def check_names(names: Collection[str]) -> None:
        if signed is not None:
            signature.compare_names(names, signature_file, signed)

    with safe_extract.open_bundle(bundle, check_names) as folder:
        if signed is not None:
            signature.compare(folder, signature_file, signed)
        safe_extract.check_archive(bundle, folder)
        yield folder


def _print(results: Mapping[str, str], console: Console) -> None:
    """Print a line for each check."""
    for check, result in results.items():
        console.print(f"{check:11} {result}", markup=False)


def _title(content: "Manifest") -> str:
    return f"{content['name']} {content['version']} for {content['platform']}"


def _check_release(options: VerifyOptions, content: "Manifest") -> str:
    """Compare the release with the expected one, and the platform with the name of the file.

    Raises:
        ProofError: it is another.
    """
    from edgebake.recipe import Platform

    title = _title(content)
    platforms = {platform.value for platform in Platform}
    stem = options.bundle.name.removesuffix(".zip")
    if stem in platforms and stem != content["platform"]:
        raise ProofError(f"{options.bundle}: {title}; expected a bundle for {stem}, as it is named")
    if options.expect is None:
        return f"{title}; not compared with what you want: --expect NAME VERSION PLATFORM"
    if options.expect != (content["name"], content["version"], content["platform"]):
        name, version, platform = options.expect
        raise ProofError(f"{options.bundle}: {title}; expected {name} {version} for {platform}")
    return f"{title}, as expected"


def _check_signer(options: VerifyOptions, content: "Manifest") -> str:
    """Check that the manifest names the key that signed, or that the bundle may be unsigned.

    Raises:
        ProofError: another key signs it, or it is unsigned and may not be.
    """
    from edgebake.bundle import manifest
    from edgebake.bundle.trust import proof

    if options.public_key is not None:
        return proof.check_key(content, options.public_key)
    key_id = manifest.signing_key_id(content)
    if key_id is not None:
        raise ProofError(f"signed by {key_id[:16]}; expected --key FILE, its public key")
    if not options.unsigned:
        raise ProofError(
            "unsigned, as its manifest says; expected a signature, or --unsigned to accept none"
        )
    return "none, as the manifest says: anyone can have made this bundle and its provenance"


def _check_content(folder: Path, content: "Manifest", options: VerifyOptions) -> dict[str, str]:
    """Check the files of a bundle against its manifest; return a sentence per check."""
    from edgebake.bundle.trust import file_types, golden_check, license_check, verification
    from edgebake.plan.compose import compose_release
    from edgebake.recipe import release_file

    project_types = file_types.project_file_types() if options.plugins else {}
    results = {
        "files": verification.check_files(folder, content),
        "kinds": file_types.check_file_types(folder, content, project_types),
        "chain": verification.check_fallback_order(folder, content),
        "golden": golden_check.check_golden_vectors(folder, content),
        "SBOM": verification.check_sbom(folder, content),
    }
    release = release_file.path()
    if release.is_file():
        licenses = license_check.check_licenses(folder, content, compose_release().licenses)
        results["licenses"] = f"{licenses} by {release}"
    else:
        licenses = license_check.check_licenses(folder, content, None)
        results["licenses"] = f"{licenses} by its own release"
    return results


def _check_build(
    bundle: Path, folder: Path, content: "Manifest", statement: "Statement"
) -> dict[str, str]:
    """Compare a bundle and the files beside it with its provenance."""
    from edgebake.bundle.trust import companions, proof

    subjects = proof.subjects(statement)
    return {
        "provenance": proof.check_provenance(bundle, folder, content, statement),
        "companions": companions.check(bundle, content["platform"], subjects),
    }


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
        "--expect",
        nargs=3,
        metavar=("NAME", "VERSION", "PLATFORM"),
        help="refuse any other release, for example an older one",
    )
    parser.add_argument(
        "--rebuild",
        action="store_true",
        help="build the bundle's commit again, which runs its code, and compare every byte",
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
        expect=tuple(arguments.expect) if arguments.expect else None,
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
        "Check the signature of a bundle, then every file against the manifest's digests, the "
        "licenses against the release's policy, the provenance in the .proof folder next to it, "
        "and samples and measurements next to it. Prints nothing but the error if a check fails. "
        "With --rebuild, clone the project at the bundle's commit, build it again and compare."
    ),
    examples=(
        Example("edgebake verify android.zip --key release.pub.pem", "verify a signed bundle"),
        Example(
            "edgebake verify android.zip --key release.pub.pem --expect digits 1.2.0 android",
            "verify that it is the release that you want, and not an older one",
        ),
        Example("edgebake verify linux.zip --unsigned", "verify one that has no signature"),
    ),
    add_options=_add_options,
    needs_project=False,
)
