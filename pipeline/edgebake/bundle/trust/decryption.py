"""Decrypt the files of a bundle, and unwrap the key that a key service sent: the reference for apps.

Self-contained: it needs `cryptography` alone, 47 or newer for `unwrap`, and ships beside each encrypted bundle. Apps in
other languages are held against docs/vectors/encryption.json; docs/protection.md has the format in words.
"""

import struct
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hpke
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SEGMENT = (
    1 << 20
)  # bytes of each segment but the last, its tag included; the first one's also include the header
HEADER = 40  # its own length in one byte, salt [32], prefix of the nonces [7]
TAG = 16
SUITE = hpke.Suite(hpke.KEM.P256, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


def decrypt(source: BinaryIO, target: BinaryIO, key: bytes, associated: bytes) -> None:
    """Write what a file held before it was encrypted: Tink's AES256_GCM_HKDF_1MB.

    Each segment is checked before it is written, but only the last one tells that none is missing: where this raises,
    throw away what was written.
    Source: https://developers.google.com/tink/streaming-aead/aes_gcm_hkdf_streaming.

    Args:
        source: the encrypted file; its read(n) has to return n bytes until the file ends, as files and BytesIO do.
        target: where the plain file goes.
        key: 32 bytes.
        associated: name/version/platform/path, which the file is bound to.

    Raises:
        ValueError: the file was changed or cut, is another one, or is for another key.
    """
    header = source.read(HEADER)
    if len(header) != HEADER or header[0] != HEADER:
        raise ValueError("no encrypted file: its header is missing")
    cipher = segment_cipher(key, header[1:33], associated)
    segment, number = source.read(SEGMENT - HEADER), 0
    while True:
        following = source.read(SEGMENT)
        try:
            target.write(cipher.decrypt(nonce(header[33:], number, not following), segment, None))
        except InvalidTag:
            raise ValueError(
                f"segment {number}: changed or cut, of another file, or under another key"
            ) from None
        if not following:
            return
        segment, number = following, number + 1


def segment_cipher(key: bytes, salt: bytes, associated: bytes) -> AESGCM:
    """Return the cipher of one file's segments, by a key of its own."""
    return AESGCM(HKDF(hashes.SHA256(), 32, salt, associated).derive(key))


def nonce(prefix: bytes, number: int, last: bool) -> bytes:
    """Return the nonce of a segment [12]; that of the last one says so, so that a file cut between two is noticed."""
    return prefix + struct.pack(">IB", number, last)


def unwrap(wrapped: bytes, device_key: ec.EllipticCurvePrivateKey, info: bytes) -> bytes:
    """Return the key that was wrapped for one device.

    HPKE in base mode (RFC 9180): DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, no associated data.

    Args:
        wrapped: the ephemeral public key [65] and the ciphertext [32 + 16], one after the other.
        device_key: private half of the device's P-256 key.
        info: what the key is for, as who wrapped it said.

    Raises:
        ValueError: it was wrapped for another device or another purpose, or changed.
    """
    try:
        return SUITE.decrypt(wrapped, device_key, info=info)
    except InvalidTag:
        raise ValueError(
            "the key was wrapped for another device or another purpose, or was changed"
        ) from None
