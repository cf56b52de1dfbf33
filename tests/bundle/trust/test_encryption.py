"""Encryption passes the vectors for all languages, and reads and writes the files of Tink."""

import io
import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from edgebake.bundle.trust import decryption, encryption
from edgebake.errors import RecipeError
from tests.bundle import tinked

VECTORS = json.loads((Path(__file__).parents[3] / "docs/vectors/encryption.json").read_text())
CASES = {case["name"]: case for case in VECTORS["encrypted"]}
KEY = bytes(range(32))
FIRST = 1024 * 1024 - 40 - 16  # plain bytes in the first segment, beside header and tag
NEXT = 1024 * 1024 - 16
EDGES = [0, 1, FIRST - 1, FIRST, FIRST + 1, FIRST + NEXT - 1, FIRST + NEXT, FIRST + NEXT + 1]


def _plain(case: dict[str, Any]) -> bytes:
    if "plain" in case:
        return bytes.fromhex(case["plain"])
    return bytes((i ^ i >> 8 ^ i >> 16) & 255 for i in range(case["made"]))


def _encrypted(case: dict[str, Any]) -> bytes:
    return encryption.encrypt(_plain(case), bytes.fromhex(case["key"]), case["associated"].encode())


def _decrypted(content: bytes, key: bytes, associated: bytes) -> bytes:
    plain = io.BytesIO()
    decryption.decrypt(io.BytesIO(content), plain, key, associated)
    return plain.getvalue()


@pytest.mark.parametrize("case", VECTORS["encrypted"], ids=lambda case: case["name"])
def test_a_file_is_encrypted_as_the_vector_says(case: dict[str, Any]) -> None:
    found = _encrypted(case)
    assert found[:40].hex() == case["header"]
    assert (len(found), sha256(found).hexdigest()) == (
        case["encrypted_size"],
        case["encrypted_sha256"],
    )
    assert found.hex() == case.get("encrypted", found.hex())


@pytest.mark.parametrize("case", VECTORS["encrypted"], ids=lambda case: case["name"])
def test_a_file_is_decrypted_to_what_it_was(case: dict[str, Any]) -> None:
    plain = _decrypted(_encrypted(case), bytes.fromhex(case["key"]), case["associated"].encode())
    assert (len(plain), sha256(plain).hexdigest()) == (case["plain_size"], case["plain_sha256"])


def _changed(content: bytes, change: dict[str, Any]) -> bytes:
    segments = [content[i : i + (1 << 20)] for i in range(0, len(content), 1 << 20)]
    if "flip" in change:
        offset, mask = change["flip"]
        return content[:offset] + bytes([content[offset] ^ mask]) + content[offset + 1 :]
    if "swap" in change:
        one, other = change["swap"]
        segments[one], segments[other] = segments[other], segments[one]
    if "drop" in change:
        del segments[change["drop"]]
    return b"".join(segments)[: change.get("keep")] + bytes.fromhex(change.get("append", ""))


@pytest.mark.parametrize("change", VECTORS["refused"], ids=lambda change: change["name"])
def test_a_file_that_was_changed_is_refused(change: dict[str, Any]) -> None:
    case = CASES[change["of"]]
    sound = _encrypted(case)
    content = _changed(sound, change)
    key, associated = (change.get(word, case[word]) for word in ("key", "associated"))
    assert (content, key, associated) != (sound, case["key"], case["associated"])
    with pytest.raises(
        ValueError, match=r"segment \d+: modified or truncated|its header is missing"
    ):
        _decrypted(content, bytes.fromhex(key), associated.encode())


@pytest.mark.parametrize("size", EDGES)
def test_tink_reads_what_we_encrypt(size: int) -> None:
    data = os.urandom(size)
    assert (
        tinked.decrypted(
            encryption.encrypt(data, KEY, b"a/1/ios/models/m"), KEY, b"a/1/ios/models/m"
        )
        == data
    )


@pytest.mark.parametrize("size", EDGES)
def test_we_read_what_tink_encrypts(size: int) -> None:
    data = os.urandom(size)
    assert (
        _decrypted(tinked.encrypted(data, KEY, b"a/1/ios/models/m"), KEY, b"a/1/ios/models/m")
        == data
    )


def test_the_same_file_is_the_same_again() -> None:
    data = os.urandom(FIRST + 1)
    assert encryption.encrypt(data, KEY, b"a") == encryption.encrypt(data, KEY, b"a")


@pytest.mark.parametrize(
    ("data", "key", "associated"), [(b"y", KEY, b"a"), (b"x", KEY, b"b"), (b"x", KEY[::-1], b"a")]
)
def test_no_two_files_share_a_salt_or_a_prefix(data: bytes, key: bytes, associated: bytes) -> None:
    one, other = encryption.encrypt(b"x", KEY, b"a"), encryption.encrypt(data, key, associated)
    assert one[1:33] != other[1:33]
    assert one[33:40] != other[33:40]


def test_what_is_bound_cannot_be_moved_into_the_content() -> None:
    # Where lengths were left out, these two would be hashed alike.
    one = encryption.encrypt(b"", KEY, b"a" + sha256(b"x").digest())
    assert one[1:33] != encryption.encrypt(b"x", KEY, b"a")[1:33]


def test_a_file_is_bound_to_its_release_and_its_place() -> None:
    found = encryption.associated_data("digits", "1.0.0", "android", "models/digits.tflite")
    assert found == b"digits/1.0.0/android/models/digits.tflite"


def test_a_name_that_could_be_read_as_two_words_is_refused() -> None:
    with pytest.raises(RecipeError) as refused:
        encryption.associated_data("digits/1.0.0", "2", "android", "models/m")
    assert str(refused.value) == (
        "recipes/release.yaml: name: 'digits/1.0.0'; expected no '/' where a target is encrypted"
    )


@pytest.mark.parametrize("case", VECTORS["key_ids"], ids=lambda case: case["key_id"][:8])
def test_a_key_has_the_name_that_the_vector_says(case: dict[str, str]) -> None:
    assert encryption.key_id(bytes.fromhex(case["key"])) == case["key_id"]


def _device(case: dict[str, str]) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int(case["device_private_key"], 16), ec.SECP256R1())


@pytest.mark.parametrize("case", VECTORS["wrapped"], ids=lambda case: case["name"])
def test_a_device_unwraps_the_key_of_the_vector(case: dict[str, str]) -> None:
    point = (serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    assert _device(case).public_key().public_bytes(*point).hex() == case["device_public_key"]
    assert (
        decryption.unwrap(
            bytes.fromhex(case["wrapped"]), _device(case), case["info"].encode()
        ).hex()
        == case["key"]
    )


@pytest.mark.parametrize("case", VECTORS["wrapped_refused"], ids=lambda case: case["name"])
def test_a_key_for_another_device_or_purpose_is_refused(case: dict[str, str]) -> None:
    with pytest.raises(
        ValueError, match=r"^the key was wrapped for another device or another purpose"
    ):
        decryption.unwrap(bytes.fromhex(case["wrapped"]), _device(case), case["info"].encode())


def test_a_wrapped_key_is_unwrapped_again_and_never_twice_the_same() -> None:
    device = ec.generate_private_key(ec.SECP256R1())
    one, other = (encryption.wrap(KEY, device.public_key(), b"digits") for _ in range(2))
    assert (
        decryption.unwrap(one, device, b"digits")
        == decryption.unwrap(other, device, b"digits")
        == KEY
    )
    assert (len(one), one != other) == (113, True)
