"""The signature over a bundle's folder, in the format of OpenSSF model signing, which its own tools verify.

    python -m model_signing verify key BUNDLE --signature model.sig --public_key KEY.pub.pem

A list of every file and its sha256 as an in-toto statement, in a DSSE envelope, in a Sigstore bundle without a log.
Source: https://github.com/sigstore/model-transparency, version 1.1.1.

Their public interface signs with a key in a file alone. So this reaches into `model_signing._signing`, which is private
to them and may change; tests/bundle/trust/test_signature.py holds both sides together.
"""

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature

from edgebake.bundle.trust import keys
from edgebake.errors import ProofError

if TYPE_CHECKING:
    from model_signing import hashing
    from model_signing._signing import sign_sigstore_pb
    from model_signing.manifest import Manifest

MEDIA_TYPE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
MOST_BYTES = 16 << 20  # of a signature: one over a thousand files takes a hundredth of it
# What their reader and verifier raise on files that are not what they expect.
_UNREADABLE = (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError)


def sign(bundle: Path, signature: Path, signer: keys.Signer) -> None:
    """Write the signature over every file of a folder.

    Raises:
        HostError: the key cannot sign.
        ProofError: the folder holds a symbolic link.
    """
    from model_signing._signing import signing  # 1 s

    _their_signer(signer).sign(signing.Payload(_hashed(bundle))).write(signature)


def _their_signer(signer: keys.Signer) -> "sign_sigstore_pb.Signer":
    """Return one of their signers for a key that may be anywhere; theirs read it from a file."""
    from google.protobuf import json_format  # type: ignore[import-untyped]  # 1 s in all
    from model_signing._signing import sign_sigstore_pb, signing
    from sigstore_models import intoto
    from sigstore_models.bundle import v1 as bundles
    from sigstore_models.common import v1 as common

    class Signer(sign_sigstore_pb.Signer):
        def sign(self, payload: signing.Payload) -> sign_sigstore_pb.Signature:
            # Sorted: protobuf's own order of a map differs from process to process.
            statement = json.dumps(
                json_format.MessageToDict(payload.statement.pb), sort_keys=True
            ).encode()
            made = signer.sign(sign_sigstore_pb.pae(statement))
            envelope = intoto.Envelope(
                payload=base64.b64encode(statement),
                payload_type=signing._IN_TOTO_JSON_PAYLOAD_TYPE,
                signatures=[intoto.Signature(sig=base64.b64encode(made), keyid="")],
            )
            hint = common.PublicKeyIdentifier(hint=keys.key_id(signer.public_key))
            material = bundles.VerificationMaterial(public_key=hint, tlog_entries=[])
            return sign_sigstore_pb.Signature(
                bundles.Bundle(
                    media_type=MEDIA_TYPE, verification_material=material, dsse_envelope=envelope
                )
            )

    return Signer()


def verify(bundle: Path, signature: Path, public_key: Path) -> None:
    """Hold every file of a folder against its signature. Files that the signature says to ignore are not ignored.

    Raises:
        ProofError: the signature is missing, cannot be read, is by another key, or is of other files.
        HostError: the public key cannot be read.
    """
    expected = keys.key_id(keys.read_public_key(public_key))
    made = _read(signature)
    named = made.bundle.verification_material.public_key
    hint = named.hint if named else None
    if hint != expected:
        said = f"by key {hint[:16]}" if hint else "by a key that it does not name"
        raise ProofError(
            f"{signature}: signed {said}; expected key {expected[:16]} of {public_key}"
        )
    _refuse_other_files(bundle, signature, _signed(signature, made, public_key))


def _read(signature: Path) -> "sign_sigstore_pb.Signature":
    from model_signing._signing.sign_sigstore_pb import Signature  # 1 s

    if not signature.is_file():
        raise ProofError(f"{signature}: not there; expected the signature of the bundle")
    if signature.stat().st_size > MOST_BYTES:
        raise ProofError(
            f"{signature}: {signature.stat().st_size:,} bytes; expected at most {MOST_BYTES:,}"
        )
    try:
        return Signature.read(signature)
    except _UNREADABLE:
        raise _unreadable(signature) from None


def _signed(signature: Path, made: "sign_sigstore_pb.Signature", public_key: Path) -> "Manifest":
    """Return the list of files that the key signed."""
    from model_signing._signing.sign_ec_key import Verifier  # 1 s

    try:
        return Verifier(public_key).verify(made)
    except InvalidSignature:
        raise ProofError(
            f"{signature}: not what the key signed; the signature itself was edited"
        ) from None
    except _UNREADABLE:
        raise _unreadable(signature) from None


def _unreadable(signature: Path) -> ProofError:
    return ProofError(
        f"{signature}: cannot be read; expected a signature by a key, as OpenSSF model signing writes it"
    )


def _refuse_other_files(bundle: Path, signature: Path, signed: "Manifest") -> None:
    how = signed.serialization_type
    if (how["method"], how["hash_type"]) != ("files", "sha256"):
        raise ProofError(
            f"{signature}: signs {how['method']} by {how['hash_type']}; expected files by sha256"
        )
    expected, found = _digests(signed), _digests(_hashed(bundle))
    changes = {
        "changed": sorted(
            name for name in expected.keys() & found.keys() if expected[name] != found[name]
        ),
        "added": sorted(found.keys() - expected.keys()),
        "missing": sorted(expected.keys() - found.keys()),
    }
    said = "; ".join(f"{word}: {', '.join(names)}" for word, names in changes.items() if names)
    if said:
        raise ProofError(f"{signature}: the bundle is not what was signed; {said}")


def _digests(manifest: "Manifest") -> dict[str, str]:
    return {one.identifier: one.digest.digest_hex for one in manifest.resource_descriptors()}


def _hashed(bundle: Path) -> "Manifest":
    for entry in sorted(bundle.rglob("*")):
        if entry.is_symlink() or not (entry.is_file() or entry.is_dir()):
            raise ProofError(
                f"{entry}: a link, or no file at all; expected files and folders alone"
            )
    return _every_file().hash(bundle)


def _every_file() -> "hashing.Config":
    """Return the settings for all files: theirs pass over .gitignore and its like, whoever added them."""
    from model_signing import hashing  # 1 s

    settings = hashing.Config()  # type: ignore[no-untyped-call]
    return settings.set_ignored_paths(paths=[], ignore_git_paths=False)
