"""Sign the proof of a bundle: the signature of its files, and its provenance in a signed envelope.

Reads a bundle as a folder, its zip, and its unsigned proof. Writes only where it is told.
"""

from pathlib import Path

from edgebake.bundle import manifest
from edgebake.bundle.manifest_types import Manifest
from edgebake.bundle.trust import (
    companions,
    keys,
    manifest_check,
    proof,
    provenance,
    signature,
    verification,
)
from edgebake.errors import ArtifactError
from edgebake.recipe import Signature


def load_signer(options: Signature, content: Manifest) -> keys.Signer:
    """Load a release's signing key, and check that the manifest names the same key.

    Raises:
        ArtifactError: the bundle announces another signer.
        HostError: the key cannot be read, or is not that of the public key.
    """
    signer = keys.load_signer(options.key, Path(options.public_key))
    packaged = manifest.signing_key_id(content)
    planned = keys.key_id(signer.public_key)
    if planned != packaged:
        named = f"key {packaged[:16]}" if packaged else "nobody"
        raise ArtifactError(
            f"{manifest.FILE} of {content['platform']}: to be signed by {named}; "
            f"params.yaml says key {planned[:16]}: run `edgebake release` again"
        )
    return signer


def sign(bundle: Path, destination: Path, signer: keys.Signer) -> None:
    """Write the signed proof of a bundle, after checking that its files are those of the build.

    Args:
        bundle: its folder; the zip and the unsigned proof are next to it.
        destination: an existing folder.
        signer: the key.

    Raises:
        ProofError: the provenance is of another build, or a file was changed.
        HostError: the key cannot sign.
    """
    content = manifest_check.read_manifest(bundle)
    verification.check_files(bundle, content)
    statement = proof.read_provenance(proof.proof_folder(bundle), None)
    archive = bundle.with_name(f"{bundle.name}.zip")
    proof.check_provenance(archive, bundle, content, statement)
    companions.check(archive, content["platform"], proof.subjects(statement))
    envelope = provenance.seal(statement, signer)
    (destination / proof.PROVENANCE).write_bytes(envelope)
    signature.sign(bundle, destination / proof.SIGNATURE, signer)
