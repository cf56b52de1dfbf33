"""Sign a bundle's folder, and verify it, in the format of OpenSSF model signing.

Its own tool verifies the signature too:

    python -m model_signing verify key BUNDLE --signature model.sig --public_key KEY.pub.pem

The format is a list of all files and their sha256 in an in-toto statement, in a DSSE envelope, in a
Sigstore bundle without a transparency log.
Source: https://github.com/sigstore/model-transparency, version 1.1.1.

The public interface of model_signing signs only with a key in a file. For other keys, this module
uses `model_signing._signing`, which is private and may change;
tests/bundle/trust/test_signature.py tests the two against each other.
"""

import base64
import json
from collections.abc import Mapping
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
MAX_BYTES = 16 << 20  # of a signature; a signature of a thousand files takes 1 % of it
# Raised by the reader and the verifier of model_signing on malformed files.
_PARSE_ERRORS = (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError)


def sign(bundle: Path, signature: Path, signer: keys.Signer) -> None:
    """Write a signature over all files of a folder.

    Raises:
        HostError: the key cannot sign.
        ProofError: the folder contains a symbolic link.
    """
    from model_signing._signing import signing  # 1 s

    payload = signing.Payload(_hash_files(bundle))
    _model_signer(signer).sign(payload).write(signature)


def _model_signer(signer: keys.Signer) -> "sign_sigstore_pb.Signer":
    """Adapt a signer to model_signing, whose own signers need the key in a file."""
    from google.protobuf import json_format  # 1 s in all
    from model_signing._signing import sign_sigstore_pb, signing
    from sigstore_models import intoto
    from sigstore_models.bundle import v1 as bundles
    from sigstore_models.common import v1 as common

    class ModelSigner(sign_sigstore_pb.Signer):
        def sign(self, payload: signing.Payload) -> sign_sigstore_pb.Signature:
            content = json_format.MessageToDict(payload.statement.pb)
            # Sorted: protobuf's own order of a map differs from process to process.
            statement = json.dumps(content, sort_keys=True).encode()
            signed = signer.sign(sign_sigstore_pb.pae(statement))
            envelope = intoto.Envelope(
                payload=base64.b64encode(statement),
                payload_type=signing._IN_TOTO_JSON_PAYLOAD_TYPE,
                signatures=[intoto.Signature(sig=base64.b64encode(signed), keyid="")],
            )
            key = common.PublicKeyIdentifier(hint=keys.key_id(signer.public_key))
            bundle = bundles.Bundle(
                media_type=MEDIA_TYPE,
                verification_material=bundles.VerificationMaterial(public_key=key, tlog_entries=[]),
                dsse_envelope=envelope,
            )
            return sign_sigstore_pb.Signature(bundle)

    return ModelSigner()


def verify(bundle: Path, signature: Path, public_key: Path) -> None:
    """Compare all files of a folder with a signature, also those that it says to ignore.

    Raises:
        ProofError: the signature is missing, malformed, by another key, or of other files.
        HostError: the public key cannot be read.
    """
    expected = keys.key_id(keys.read_public_key(public_key))
    sigstore = _read(signature)
    key_id = _key_hint(sigstore)
    if key_id != expected:
        signer = f"by key {key_id[:16]}" if key_id else "by a key that it does not name"
        raise ProofError(
            f"{signature}: signed {signer}; expected key {expected[:16]} of {public_key}"
        )
    _refuse_changes(bundle, signature, _verified_manifest(signature, sigstore, public_key))


def _read(signature: Path) -> "sign_sigstore_pb.Signature":
    from model_signing._signing.sign_sigstore_pb import Signature  # 1 s

    if not signature.is_file():
        raise ProofError(f"{signature}: not found; expected the signature of the bundle")
    size = signature.stat().st_size
    if size > MAX_BYTES:
        raise ProofError(f"{signature}: {size:,} bytes; expected at most {MAX_BYTES:,}")
    try:
        return Signature.read(signature)
    except _PARSE_ERRORS:
        raise _malformed(signature) from None


def _key_hint(sigstore: "sign_sigstore_pb.Signature") -> str | None:
    key = sigstore.bundle.verification_material.public_key
    return key.hint if key else None


def _verified_manifest(
    signature: Path, sigstore: "sign_sigstore_pb.Signature", public_key: Path
) -> "Manifest":
    """Return the list of files that the key signed."""
    from model_signing._signing.sign_ec_key import Verifier  # 1 s

    try:
        return Verifier(public_key).verify(sigstore)
    except InvalidSignature:
        raise ProofError(
            f"{signature}: not signed by this key; the signature file was edited"
        ) from None
    except _PARSE_ERRORS:
        raise _malformed(signature) from None


def _malformed(signature: Path) -> ProofError:
    return ProofError(
        f"{signature}: cannot be read; "
        "expected a signature by a key, as OpenSSF model signing writes it"
    )


def _refuse_changes(bundle: Path, signature: Path, signed: "Manifest") -> None:
    """Compare the files of a folder with those of a verified signature."""
    serialization = signed.serialization_type
    method, hash_type = serialization["method"], serialization["hash_type"]
    if (method, hash_type) != ("files", "sha256"):
        raise ProofError(f"{signature}: signs {method} by {hash_type}; expected files by sha256")
    changes = _list_changes(_digests(signed), _digests(_hash_files(bundle)))
    if changes:
        raise ProofError(f"{signature}: the bundle differs from the signed one; {changes}")


def _list_changes(signed: Mapping[str, str], actual: Mapping[str, str]) -> str:
    """Return the changed, added and missing files; nothing if there are none."""
    common = signed.keys() & actual.keys()
    changes = {
        "changed": [path for path in common if signed[path] != actual[path]],
        "added": actual.keys() - signed.keys(),
        "missing": signed.keys() - actual.keys(),
    }
    return "; ".join(
        f"{change}: {', '.join(sorted(paths))}" for change, paths in changes.items() if paths
    )


def _digests(manifest: "Manifest") -> dict[str, str]:
    """Return the hexadecimal digest of each file by path."""
    return {
        descriptor.identifier: descriptor.digest.digest_hex
        for descriptor in manifest.resource_descriptors()
    }


def _hash_files(bundle: Path) -> "Manifest":
    for entry in sorted(bundle.rglob("*")):
        if entry.is_symlink() or not (entry.is_file() or entry.is_dir()):
            raise ProofError(f"{entry}: a link or a special file; expected only files and folders")
    return _hashing_config().hash(bundle)


def _hashing_config() -> "hashing.Config":
    """Return a configuration that hashes all files; the default skips .gitignore and the like."""
    from model_signing import hashing  # 1 s

    config = hashing.Config()  # type: ignore[no-untyped-call]
    return config.set_ignored_paths(paths=[], ignore_git_paths=False)
