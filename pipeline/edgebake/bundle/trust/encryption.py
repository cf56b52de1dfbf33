"""Encrypt a model file reproducibly, and wrap the encryption key for one device.

The format is Tink's AES256_GCM_HKDF_1MB; docs/explanation/protection.md describes it, and
decryption.py reads it. Tink chooses the salt and the prefix of the nonces at random. Here they are
derived, so that a repeated build encrypts to the same bytes:

    derived = HKDF-SHA256(key, info="edgebake/1 derived salt")
    content = length of the associated data (8 bytes, big endian) | associated data
              | SHA-256(plain file)
    salt    = HMAC-SHA256(derived, "salt" | content)              32 bytes
    prefix  = HMAC-SHA256(derived, "prefix" | content)            its first 7 bytes

Security. AES-GCM fails if two contents are encrypted with the same AES key and nonce. The AES key
of a file is HKDF(key, salt, associated data), and the salt is a keyed hash of all that is
encrypted. Two files that differ in a byte, or in their associated data, have different salts
(unless HMAC-SHA256 collides, 2^128 work) and therefore different AES keys. Two equal files have the
same key, nonces and content, so the same bytes: no second content is encrypted with them. The salt
reveals nothing about the content without the key. An observer of two encrypted files learns whether
they are equal, here whether a model changed between two builds of one version; random salts would
hide this and nothing else. The construction is that of synthetic IVs (RFC 5297) with a derived key.
"""

import hmac
import io
from hashlib import sha256

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from edgebake.bundle.trust.decryption import HEADER, SEGMENT, SUITE, TAG, nonce, segment_cipher
from edgebake.errors import RecipeError
from edgebake.recipe import release_file

SCHEME = "tink-aes256-gcm-hkdf-1mb"  # in the manifest
PREFIX_BYTES = 7


def encrypt(plain: bytes, key: bytes, associated: bytes) -> bytes:
    """Encrypt a file; equal files, keys and associated data give equal results.

    Args:
        plain: the file.
        key: 32 bytes.
        associated: from `associated_data`.
    """
    salt, prefix = _derive_salt_and_prefix(plain, key, associated)
    cipher = segment_cipher(key, salt, associated)
    source = io.BytesIO(plain)
    encrypted = bytearray([HEADER]) + salt + prefix
    number = 0
    segment = source.read(SEGMENT - HEADER - TAG)
    while True:
        following = source.read(SEGMENT - TAG)
        is_last = not following
        segment_nonce = nonce(prefix, number, is_last)
        encrypted += cipher.encrypt(segment_nonce, segment, None)
        if is_last:
            return bytes(encrypted)
        segment = following
        number += 1


def _derive_salt_and_prefix(plain: bytes, key: bytes, associated: bytes) -> tuple[bytes, bytes]:
    derived = _derive_key(key, b"edgebake/1 derived salt")
    length = len(associated).to_bytes(8, "big")
    content = length + associated + sha256(plain).digest()
    salt = hmac.digest(derived, b"salt" + content, "sha256")
    prefix = hmac.digest(derived, b"prefix" + content, "sha256")
    return salt, prefix[:PREFIX_BYTES]


def _derive_key(key: bytes, purpose: bytes) -> bytes:
    derivation = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose)
    return derivation.derive(key)


def associated_data(name: str, version: str, platform: str, path: str) -> bytes:
    """Return the associated data of an encrypted file.

    It binds the file to its release and path, so that no other file can replace it.

    Raises:
        RecipeError: the name or version contains a slash, which would make the data ambiguous.
    """
    for key, value in {"name": name, "version": version}.items():
        if "/" in value:
            raise RecipeError(
                f"{release_file.path()}: {key}: {value!r}; "
                "expected no '/' where a target is encrypted"
            )
    return f"{name}/{version}/{platform}/{path}".encode()


def key_id(key: bytes) -> str:
    """Return the id of an encryption key, hexadecimal [64]; it reveals nothing about the key."""
    return _derive_key(key, b"edgebake/1 key id").hex()


def wrap(key: bytes, device_public_key: ec.EllipticCurvePublicKey, info: bytes) -> bytes:
    """Wrap a key for one device, as a key service does: HPKE, different on every call.

    Args:
        key: 32 bytes.
        device_public_key: P-256.
        info: the purpose of the key; the device has to state the same.
    """
    return SUITE.encrypt(key, device_public_key, info=info)
