"""Encrypt a model file so that the same content gives the same bytes, and wrap the key for one device.

The format is Tink's AES256_GCM_HKDF_1MB (decryption.py reads it; docs/protection.md has it in words). Tink
draws the salt and the prefix of the nonces at random; here they are derived, since a bundle has to come out the same
when it is built again:

    derived = HKDF-SHA256(key, info="edgebake/1 derived salt")
    content = length of the associated data (8 bytes, big endian) | associated data | SHA-256(plain file)
    salt    = HMAC-SHA256(derived, "salt" | content)              32 bytes
    prefix  = HMAC-SHA256(derived, "prefix" | content)            its first 7 bytes

Why that is sound. AES-GCM breaks where one AES key meets one nonce with two contents. The AES key of a file is
HKDF(key, salt, associated data), and the salt is a keyed hash of all that is encrypted. Two files that differ in a
byte, or in what they are bound to, have salts that differ (or HMAC-SHA256 collides, 2^128 work), so AES keys of their
own. Two that do not differ have the same key, nonces and content, so the same bytes, and no second content under them.
Without the key nobody can compute a salt, so it says nothing of the content. What is given away is that two equal
files are equal, to whoever sees both: here, that a model did not change between two builds of one version. Random
bytes would hide that, and nothing else. It is the construction of synthetic IVs (RFC 5297), over a derived key.
"""

import hmac
import io
from hashlib import sha256

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from edgebake.bundle.trust.decryption import HEADER, SEGMENT, SUITE, TAG, nonce, segment_cipher
from edgebake.errors import RecipeError

SCHEME = "tink-aes256-gcm-hkdf-1mb"  # as manifest.json calls it
PREFIX_BYTES = 7


def encrypt(data: bytes, key: bytes, associated_data: bytes) -> bytes:
    """Return an encrypted file; the same for the same file, key and associated data.

    Args:
        data: the plain file.
        key: 32 bytes.
        associated_data: what the file is bound to, from `associated_data`.
    """
    salt, prefix = _derived(data, key, associated_data)
    cipher = segment_cipher(key, salt, associated_data)
    source = io.BytesIO(data)
    written = [bytes([HEADER]) + salt + prefix]
    segment = source.read(SEGMENT - HEADER - TAG)
    while True:
        following = source.read(SEGMENT - TAG)
        written.append(
            cipher.encrypt(nonce(prefix, len(written) - 1, not following), segment, None)
        )
        if not following:
            return b"".join(written)
        segment = following


def _derived(data: bytes, key: bytes, associated_data: bytes) -> tuple[bytes, bytes]:
    derived = _subkey(key, b"edgebake/1 derived salt")
    content = len(associated_data).to_bytes(8, "big") + associated_data + sha256(data).digest()
    salt = hmac.digest(derived, b"salt" + content, "sha256")
    return salt, hmac.digest(derived, b"prefix" + content, "sha256")[:PREFIX_BYTES]


def _subkey(key: bytes, purpose: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, None, purpose).derive(key)


def associated_data(name: str, version: str, platform: str, path: str) -> bytes:
    """Return what an encrypted file is bound to, so that none can stand in for that of another release or place.

    Raises:
        RecipeError: the name or version has a slash, with which two files could be bound to the same.
    """
    for word, value in {"name": name, "version": version}.items():
        if "/" in value:
            raise RecipeError(
                f"recipes/release.yaml: {word}: {value!r}; expected no '/' where a target is encrypted"
            )
    return f"{name}/{version}/{platform}/{path}".encode()


def key_id(key: bytes) -> str:
    """Return the name of an encryption key, hexadecimal [64]; it tells nothing of the key."""
    return _subkey(key, b"edgebake/1 key id").hex()


def wrap(key: bytes, device_public_key: ec.EllipticCurvePublicKey, info: bytes) -> bytes:
    """Return a key that one device alone can unwrap: what a key service answers. HPKE, never twice the same.

    Args:
        key: 32 bytes.
        device_public_key: P-256.
        info: what the key is for; the device has to say the same.
    """
    return SUITE.encrypt(key, device_public_key, info=info)
