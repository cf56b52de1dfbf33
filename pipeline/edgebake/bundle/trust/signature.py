"""Sign a bundle's folder, and verify it, in the format of OpenSSF model signing.

Its own tool verifies the signature too:

    python -m model_signing verify key BUNDLE --signature model.sig --public_key KEY.pub.pem

The format is a list of all files and their sha256 in an in-toto statement, in a DSSE envelope, in a
Sigstore bundle without a transparency log. tests/bundle/trust/test_signature.py tests this module
against that tool, in both directions.
Sources: https://github.com/sigstore/model-transparency (version 1.1.1),
https://github.com/in-toto/attestation/tree/main/spec/v1,
https://github.com/secure-systems-lab/dsse, https://docs.sigstore.dev/about/bundle.
"""

import base64
import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from edgebake import artifacts
from edgebake.bundle.trust import bounded_read, keys
from edgebake.documents import strict_json
from edgebake.documents.strict_json import StrictJsonError
from edgebake.errors import ProofError
from edgebake.terminal.printable import printable

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://model_signing/signature/v1.0"
SERIALIZATION = {"allow_symlinks": False, "hash_type": "sha256", "method": "files"}
MAX_BYTES = 4 << 20  # of a signature; a signature of two thousand files takes 15 % of it
MAX_NAMES = 5  # of changed files in an error message

Digests = dict[str, str]  # sha256 of each file by path, hexadecimal


def sign(bundle: Path, signature: Path, signer: keys.Signer) -> None:
    """Write a signature over all files of a folder.

    Raises:
        HostError: the key cannot sign.
        ProofError: the folder contains a symbolic link.
    """
    statement = _statement(bundle.resolve().name, hash_files(bundle))
    payload = json.dumps(statement, sort_keys=True).encode()
    signed = signer.sign(_message(payload))
    sigstore = {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {
            "publicKey": {"hint": keys.key_id(signer.public_key)},
            "tlogEntries": [],
        },
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": base64.b64encode(signed).decode(), "keyid": ""}],
        },
    }
    text = json.dumps(sigstore, separators=(",", ":"))
    signature.write_text(text)


def _statement(name: str, digests: Mapping[str, str]) -> dict[str, object]:
    entries = []
    digests = dict(sorted(digests.items()))
    for path, digest in digests.items():
        entries.append({"algorithm": "sha256", "digest": digest, "name": path})
    return {
        "_type": STATEMENT_TYPE,
        "predicate": {"resources": entries, "serialization": SERIALIZATION},
        "predicateType": PREDICATE_TYPE,
        "subject": [{"digest": {"sha256": _root_digest(digests)}, "name": name}],
    }


def _root_digest(digests: Mapping[str, str]) -> str:
    """Return the digest of all digests, in the order in which a statement lists them."""
    root = hashlib.sha256()
    for digest in digests.values():
        root.update(bytes.fromhex(digest))
    return root.hexdigest()


def _message(payload: bytes) -> bytes:
    """Return what is signed: the pre-authentication encoding of DSSE."""
    from securesystemslib.dsse import Envelope  # for proofs alone

    message: bytes = Envelope(payload, PAYLOAD_TYPE, {}).pae()
    return message


def verify(bundle: Path, signature: Path, public_key: Path) -> None:
    """Compare all files of a folder with a signature, also those that it says to ignore.

    Raises:
        ProofError: the signature is missing, malformed, by another key, or of other files.
        HostError: the public key cannot be read.
    """
    compare(bundle, signature, read(signature, public_key))


def read(signature: Path, public_key: Path) -> Digests:
    """Return the files that a key signed.

    Raises:
        ProofError: the signature is missing, malformed, or by another key.
        HostError: the public key cannot be read.
    """
    key = keys.read_public_key(public_key)
    content = _read_file(signature)
    try:
        hint = content["verificationMaterial"]["publicKey"].get("hint")
        payload, signed = _open_envelope(content)
    except (KeyError, TypeError, AttributeError, ValueError):
        raise _malformed(signature) from None
    _check_signer(signature, public_key, hint, keys.key_id(key))
    try:
        key.verify(signed, _message(payload), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise ProofError(
            f"{signature}: not signed by this key; the signature file was edited"
        ) from None
    return _parse_payload(signature, payload)


def _read_file(signature: Path) -> Any:
    expected = "expected the signature of the bundle"
    data = bounded_read.read_part(signature, MAX_BYTES, signature, expected)
    try:
        return strict_json.parse(data, MAX_BYTES)
    except StrictJsonError:
        raise _malformed(signature) from None


def _open_envelope(content: Any) -> tuple[bytes, bytes]:
    """Return the payload of a Sigstore bundle and its signature.

    Raises:
        ValueError, KeyError, TypeError: it has other types than expected, or not one signature.
    """
    envelope = content["dsseEnvelope"]
    types = (content["mediaType"], envelope["payloadType"])
    if types != (MEDIA_TYPE, PAYLOAD_TYPE):
        raise ValueError(f"unknown types {types}")
    (signature,) = envelope["signatures"]
    payload = base64.b64decode(envelope["payload"], validate=True)
    return payload, base64.b64decode(signature["sig"], validate=True)


def _check_signer(signature: Path, public_key: Path, hint: object, expected: str) -> None:
    """Compare the key that a signature names with the expected one, for a clear message."""
    if hint != expected:
        signer = "by a key that it does not name"
        if hint:
            signer = f"by key {printable(hint, max_length=16).removesuffix('...')}"
        raise ProofError(
            f"{signature}: signed {signer}; expected key {expected[:16]} of {public_key}"
        )


def _malformed(signature: Path) -> ProofError:
    return ProofError(
        f"{signature}: cannot be read; "
        "expected a signature by a key, as OpenSSF model signing writes it"
    )


def _parse_payload(signature: Path, payload: bytes) -> Digests:
    """Return the files of a statement whose signature is verified."""
    try:
        statement = strict_json.parse(payload, MAX_BYTES)
        types = (statement["_type"], statement["predicateType"])
        predicate = statement["predicate"]
        serialization = predicate["serialization"]
        method = serialization["method"]
        hash_type = serialization["hash_type"]
        (subject,) = statement["subject"]
        root = subject["digest"]["sha256"]
    except (KeyError, TypeError, ValueError):
        raise _malformed(signature) from None
    if types != (STATEMENT_TYPE, PREDICATE_TYPE):
        raise _malformed(signature)
    if (method, hash_type) != ("files", "sha256"):
        raise ProofError(
            f"{signature}: signs {printable(method)} by {printable(hash_type)}; "
            "expected files by sha256"
        )
    try:
        digests = _resource_digests(predicate["resources"])
        is_consistent = _root_digest(digests) == root
    except (KeyError, TypeError, ValueError):
        raise _malformed(signature) from None
    if not is_consistent:
        raise _malformed(signature)
    return digests


def _resource_digests(entries: Any) -> Digests:
    """Return the digest of each signed file.

    Raises:
        KeyError, TypeError, ValueError: the list is malformed, or has a path twice.
    """
    digests: Digests = {}
    for resource in entries:
        if resource["algorithm"] != "sha256" or resource["name"] in digests:
            raise ValueError("another algorithm, or a path twice")
        digests[resource["name"]] = resource["digest"]
    return digests


def compare(bundle: Path, signature: Path, digests: Mapping[str, str]) -> None:
    """Compare the files of a folder with those of a verified signature.

    Args:
        bundle: the folder.
        signature: its file, for messages.
        digests: of `read`.

    Raises:
        ProofError: a file is changed, added or missing.
    """
    changes = _changes(digests, hash_files(bundle))
    if changes:
        raise ProofError(f"{signature}: the bundle differs from the signed one; {changes}")


def compare_names(names: Collection[str], signature: Path, digests: Mapping[str, str]) -> None:
    """Compare the names of files with those of a verified signature, before anything is read.

    Raises:
        ProofError: a file is added or missing.
    """
    unchanged = {name: digests.get(name, "") for name in names}
    changes = _changes(digests, unchanged)
    if changes:
        raise ProofError(f"{signature}: the bundle differs from the signed one; {changes}")


def _changes(signed: Mapping[str, str], actual: Mapping[str, str]) -> str:
    """Return the changed, added and missing files; nothing if there are none."""
    common = signed.keys() & actual.keys()
    changes = {
        "changed": [path for path in common if signed[path] != actual[path]],
        "added": actual.keys() - signed.keys(),
        "missing": signed.keys() - actual.keys(),
    }
    return "; ".join(f"{change}: {_names(paths)}" for change, paths in changes.items() if paths)


def _names(paths: Collection[str]) -> str:
    names = [printable(path) for path in sorted(paths)[:MAX_NAMES]]
    if len(paths) > MAX_NAMES:
        names.append(f"and {len(paths) - MAX_NAMES:,} more")
    return ", ".join(names)


def hash_files(bundle: Path) -> Digests:
    """Return the digest of every file below a folder.

    Raises:
        ProofError: it contains a link or a special file.
    """
    digests = {}
    for entry in sorted(bundle.rglob("*")):
        if entry.is_symlink() or not (entry.is_file() or entry.is_dir()):
            name = printable(entry)
            raise ProofError(f"{name}: a link or a special file; expected only files and folders")
        if entry.is_file():
            digests[entry.relative_to(bundle).as_posix()] = artifacts.sha256_of(entry)
    return digests
