"""The proof of a bundle, the folder <platform>.proof beside it: its signature and its provenance.

It is not part of the bundle, whose bytes do not depend on who signs them.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from edgebake import artifacts
from edgebake.bundle import manifest
from edgebake.bundle.manifest_types import Manifest
from edgebake.bundle.trust import bounded_read, companions, keys, provenance, signature
from edgebake.bundle.trust.signature import Digests
from edgebake.bundle.trust.slsa_types import Dependency, Statement
from edgebake.errors import ProofError
from edgebake.terminal.printable import printable

SIGNATURE = "model.sig"
PROVENANCE = "provenance.json"


def proof_folder(bundle: Path) -> Path:
    """Return the folder with the proof of a bundle, a folder or a zip."""
    if bundle.name in ("", ".."):
        bundle = bundle.resolve()
    return bundle.with_name(f"{bundle.name.removesuffix('.zip')}.proof")


def read_signature(proof: Path, public_key: Path) -> Digests:
    """Return the files that a key signed; nothing of the bundle is read for it.

    Raises:
        ProofError: another key signed, there is no signature, or the folder holds other files.
        HostError: the public key cannot be read.
    """
    _check_folder(proof)
    return signature.read(proof / SIGNATURE, public_key)


def _check_folder(proof: Path) -> None:
    """Check that a folder holds a proof and nothing else.

    Its SHA256SUMS, which nobody signs, proves nothing and is not compared.

    Raises:
        ProofError: it holds other files, links or special files.
    """
    if not proof.is_dir():
        return  # the file that is needed first is named as missing
    names = (SIGNATURE, PROVENANCE, artifacts.SUMS)
    for entry in os.scandir(proof):
        path = proof / entry.name
        if entry.name not in names:
            shown = printable(path)
            raise ProofError(f"{shown}: not part of a proof; expected only {', '.join(names)}")
        mode = path.lstat().st_mode
        if not stat.S_ISREG(mode):
            raise ProofError(f"{path}: {bounded_read.kind_of(mode)}; expected a regular file")


def refuse_signature(proof: Path) -> None:
    """Refuse a signature of a bundle whose manifest says that it is unsigned.

    Raises:
        ProofError: there is one.
    """
    if (proof / SIGNATURE).exists():
        raise ProofError(f"{proof / SIGNATURE}: of an unsigned bundle; expected no signature")


def check_key(content: Manifest, public_key: Path) -> str:
    """Check that a manifest names the key that signs it, and describe the signature.

    Raises:
        ProofError: it names another key, or none.
    """
    key_id = keys.key_id(keys.read_public_key(public_key))
    expected = manifest.signing_key_id(content)
    if expected is None:
        raise ProofError(f"{manifest.FILE}: signature: unsigned; expected key {key_id[:16]}")
    if key_id != expected:
        raise ProofError(
            f"{public_key}: this is key {key_id[:16]}; "
            f"the manifest says that {expected[:16]} signs it"
        )
    return f"OpenSSF model signature by key {key_id[:16]}"


def read_provenance(proof: Path, public_key: Path | None) -> Statement:
    """Return the provenance of a bundle, after verifying its signature if there is a key.

    Raises:
        ProofError: it is missing, or the key did not sign it.
    """
    _check_folder(proof)
    file = proof / PROVENANCE
    expected = "expected the provenance of the bundle (--proof FOLDER if elsewhere)"
    text = bounded_read.read_part(file, provenance.MAX_BYTES, file, expected)
    return provenance.unseal(text, public_key)


def subjects(statement: Statement) -> dict[str, str]:
    """Return the digest of each file that a build wrote, by name."""
    return {subject["name"]: subject["digest"]["sha256"] for subject in statement["subject"]}


def check_provenance(bundle: Path, folder: Path, content: Manifest, statement: Statement) -> str:
    """Compare a bundle with its provenance, and name the commit that it is from.

    Args:
        bundle: the zip, or the folder itself.
        folder: of the unpacked bundle, whose files are those of its manifest.
        content: the bundle's manifest.
        statement: the bundle's provenance.

    Raises:
        ProofError: the provenance is of another build, or contradicts the manifest.
    """
    digests = subjects(statement)
    _check_subjects(bundle, folder, content, digests)
    _refuse_contradictions(content, statement)
    _check_dependencies(content, statement["predicate"]["buildDefinition"]["resolvedDependencies"])
    commit = content["source"]["git_commit"][:12]
    changed = ", changed" if content["source"]["dirty"] else ""
    return f"SLSA v1, {len(digests)} subjects, commit {commit}{changed}"


def _check_subjects(
    bundle: Path, folder: Path, content: Manifest, digests: Mapping[str, str]
) -> None:
    """Compare the subjects with the manifest, the models and the archive; there are no others."""
    expected = {manifest.FILE: artifacts.sha256_of(folder / manifest.FILE)}
    for file in content["files"]:
        if file["path"].startswith("models/"):
            expected[file["path"]] = file["sha256"]
    archive = f"{content['platform']}.zip"
    if bundle.is_file():
        expected[archive] = artifacts.sha256_of(bundle)
    for path in sorted(expected):
        if digests.get(path) != expected[path]:
            raise ProofError(f"{PROVENANCE}: of another build: it does not describe this {path}")
    beside = {archive, f"{content['platform']}.measurements.json"}
    samples = companions.samples_name(content["platform"])
    for name in sorted(digests):
        if name not in expected and name not in beside and not name.startswith(samples):
            raise ProofError(f"{PROVENANCE}: subject: {printable(name)}: of no file of the build")


def _refuse_contradictions(content: Manifest, statement: Statement) -> None:
    """Compare all that both provenance and manifest say about a build."""
    stated = provenance.summarize(statement)
    recipes = {name: target["recipe_sha256"] for name, target in content["targets"].items()}
    expected = {
        "commit": content["source"]["git_commit"],
        "dirty": content["source"]["dirty"],
        "platform": content["platform"],
        "recipes": recipes,
    }
    for key, value in expected.items():
        if stated[key] != value:
            raise ProofError(
                f"{PROVENANCE}: {key}: {stated[key]!r:.100}; the manifest says {value!r:.100}"
            )


def _check_dependencies(content: Manifest, dependencies: list[Dependency]) -> None:
    """Check that provenance names dvc.lock, the data, and the tools of every target.

    Raises:
        ProofError: it does not.
    """
    digests = [entry["name"] for entry in dependencies if "digest" in entry]
    data = [name for name in digests if name not in ("source", "dvc.lock")]
    if digests.count("dvc.lock") != 1 or not data:
        raise ProofError(
            f"{PROVENANCE}: resolvedDependencies: expected dvc.lock once, and the training data"
        )
    uris = {entry.get("uri") for entry in dependencies}
    for target in content["targets"].values():
        for name, version in target["tools"].items():
            if f"pkg:pypi/{name}@{version}" not in uris:
                raise ProofError(
                    f"{PROVENANCE}: resolvedDependencies: no {name} {version}, "
                    "which the manifest names as a tool; expected every tool"
                )
