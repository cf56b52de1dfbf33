"""Decrypt the files of a bundle, and unwrap the key from a key service: the reference for apps.

It needs no package but `cryptography`, 47 or newer for `unwrap`, and ships beside every encrypted
bundle. Implementations in other languages pass the cases of docs/vectors/encryption.json;
docs/explanation/protection.md describes the format.
"""

import struct
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hpke
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

# Bytes of every segment but the last, including its tag. The first also includes the header.
SEGMENT = 1 << 20
HEADER = 40  # its own length in one byte, salt [32], prefix of the nonces [7]
TAG = 16
SUITE = hpke.Suite(hpke.KEM.P256, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


def decrypt(source: BinaryIO, target: BinaryIO, key: bytes, associated: bytes) -> None:
    """Decrypt a file in Tink's format AES256_GCM_HKDF_1MB.

    Each segment is authenticated before it is written, but only the last shows that none is
    missing: discard what was written if this raises.
    Source: https://developers.google.com/tink/streaming-aead/aes_gcm_hkdf_streaming.

    Args:
        source: the encrypted file; read(n) has to return n bytes until the file ends, as it does
            for files and BytesIO.
        target: receives the plain file.
        key: 32 bytes.
        associated: associated data, name/version/platform/path of the file.

    Raises:
        ValueError: the file was changed or truncated, is another file, or has another key.
    """
    header = source.read(HEADER)
    if len(header) != HEADER or header[0] != HEADER:
        raise ValueError("not an encrypted file: its header is missing")
    cipher = segment_cipher(key, header[1:33], associated)
    segment, number = source.read(SEGMENT - HEADER), 0
    while True:
        following = source.read(SEGMENT)
        try:
            target.write(cipher.decrypt(nonce(header[33:], number, not following), segment, None))
        except InvalidTag:
            raise ValueError(
                f"segment {number}: modified or truncated, from another file, "
                "or encrypted with another key"
            ) from None
        if not following:
            return
        segment, number = following, number + 1


def segment_cipher(key: bytes, salt: bytes, associated: bytes) -> AESGCM:
    """Return the cipher for the segments of one file, whose AES key is derived from the salt."""
    return AESGCM(HKDF(hashes.SHA256(), 32, salt, associated).derive(key))


def nonce(prefix: bytes, number: int, last: bool) -> bytes:
    """Return the nonce of a segment, 12 bytes.

    It marks the last segment, so that a file truncated between two segments is detected.
    """
    return prefix + struct.pack(">IB", number, last)


def unwrap(wrapped: bytes, device_key: ec.EllipticCurvePrivateKey, info: bytes) -> bytes:
    """Return a key that was wrapped for one device.

    HPKE in base mode (RFC 9180): DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, without
    associated data.

    Args:
        wrapped: the ephemeral public key [65], then the ciphertext [32 + 16].
        device_key: private half of the device's P-256 key.
        info: the purpose of the key, equal to the one at wrapping.

    Raises:
        ValueError: it was wrapped for another device or purpose, or was changed.
    """
    try:
        return SUITE.decrypt(wrapped, device_key, info=info)
    except InvalidTag:
        raise ValueError(
            "the key was wrapped for another device or another purpose, or was changed"
        ) from None
