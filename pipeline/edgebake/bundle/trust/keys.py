"""The keys that sign and encrypt: ECDSA on P-256 to sign, 32 random bytes to encrypt. Where they lie, and what is safe.

A signing key is named by a URI: file:PATH, env:NAME, or the URI of a key management service, which securesystemslib
asks. An encryption key is in a file or a variable. P-256 alone, since model-signing takes no Ed25519, Android's
keystore has it from version 13 on only, and one kind of key is one kind of mistake.
"""

import base64
import binascii
import os
import re
import secrets
import stat
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from edgebake.bundle.trust import key_service
from edgebake.errors import HostError, RecipeError

SECRET_BYTES = 32
MOST_BYTES = 1 << 16  # of a file with a key
_RELEASE = "recipes/release.yaml"
_PEM = serialization.Encoding.PEM


@dataclass(frozen=True)
class Signer:
    """Signs with a key that may be anywhere, and holds each signature against the key's public half."""

    public_key: ec.EllipticCurvePublicKey
    ask: Callable[[bytes], bytes]

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message: ECDSA over its SHA-256, in DER.

        Raises:
            HostError: whoever holds the key signed with another.
        """
        made = self.ask(message)
        try:
            self.public_key.verify(made, message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            raise HostError(
                f"{_RELEASE}: signature: the private key does not belong to public key {key_id(self.public_key)[:16]}; "
                "expected the two halves of one key"
            ) from None
        return made


def generate(private: Path, public: Path) -> ec.EllipticCurvePublicKey:
    """Write a new key: its private half, PKCS8, for its owner alone, and its public half; return the latter.

    Raises:
        HostError: one of the files is there already, or cannot be written; none is overwritten.
    """
    _refuse_taken(public)
    key = ec.generate_private_key(ec.SECP256R1())
    text = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _create(private, text, 0o600)
    try:
        _create(public, _pem(key.public_key()), 0o644)
    except HostError:
        private.unlink()  # nobody could use it, and it would be in the way of the next one
        raise
    return key.public_key()


def generate_secret(path: Path) -> None:
    """Write a new encryption key as base64, for its owner alone.

    Raises:
        HostError: the file is there already, or cannot be written.
    """
    _create(path, base64.b64encode(secrets.token_bytes(SECRET_BYTES)) + b"\n", 0o600)


def _create(path: Path, content: bytes, mode: int) -> None:
    _refuse_taken(path)
    try:
        # Not written first and locked afterwards: whoever opens it in between could read on. No link is followed.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
    except OSError as error:
        raise HostError(
            f"{path}: cannot be written ({error.strerror}); expected a folder that is there"
        ) from None


def _refuse_taken(path: Path) -> None:
    if os.path.lexists(path):
        raise HostError(
            f"{path}: is there already; expected a free path: a key that is overwritten is lost"
        )


def load_signer(uri: str, public_key_path: Path) -> Signer:
    """Return who signs with the key that a URI names.

    Raises:
        RecipeError: nothing that is known has such a URI.
        HostError: the key cannot be had, is not safe where it lies, or does not belong to the public key.
    """
    public = read_public_key(public_key_path)
    scheme, rest = _split(uri, ("file", "env", *key_service.SCHEMES))
    if scheme in key_service.SCHEMES:
        return Signer(public, key_service.remote_signing(uri, public, key_id(public)))
    where, content = _content(scheme, rest)
    private = _private(where, content)
    if private.public_key() != public:
        raise HostError(
            f"{where}: its public half is {key_id(private.public_key())[:16]}, but {public_key_path} is "
            f"{key_id(public)[:16]}; expected the two halves of one key"
        )
    # The same signature for the same bundle (RFC 6979), so that a build made again is the same down to its proof.
    return Signer(
        public,
        lambda message: private.sign(
            message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
        ),
    )


def read_public_key(path: Path) -> ec.EllipticCurvePublicKey:
    """Return the public key in a PEM file.

    Raises:
        HostError: the file is missing, or holds something else.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise HostError(
            f"{path}: cannot be read ({error.strerror}); expected a public key, as PEM"
        ) from None
    if b"PRIVATE KEY" in content:
        raise HostError(
            f"{path}: a private key; expected its public half, which `edgebake keygen` writes beside it"
        )
    try:
        found = serialization.load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        raise HostError(f"{path}: no public key; expected one: PEM, ECDSA on P-256") from None
    if not isinstance(found, ec.EllipticCurvePublicKey) or not isinstance(
        found.curve, ec.SECP256R1
    ):
        raise HostError(f"{path}: {_kind(found)}; expected ECDSA on P-256 (secp256r1)")
    return found


def key_id(key: ec.EllipticCurvePublicKey) -> str:
    """Return the name of a key: the sha256 of its PEM, which model-signing writes into signatures as its hint."""
    return sha256(_pem(key)).hexdigest()


def read_secret(uri: str) -> bytes:
    """Return the 32 bytes of an encryption key, which a file or a variable holds as base64.

    Raises:
        RecipeError: the URI is of another kind.
        HostError: the key cannot be had, is not safe where it lies, or is none.
    """
    where, content = _content(*_split(uri, ("file", "env")))
    try:
        found = base64.b64decode(content.strip(), validate=True)
    except binascii.Error:
        found = b""
    if len(found) != SECRET_BYTES:
        raise HostError(
            f"{where}: no encryption key; expected 32 bytes as base64: `edgebake keygen --encryption`"
        )
    return found


def _split(uri: str, known: tuple[str, ...]) -> tuple[str, str]:
    scheme, _, rest = uri.partition(":")
    if scheme not in known or not rest:
        # Somebody may have put the key itself there: what is shown is a short word or nothing.
        shown = repr(f"{scheme}:") if re.fullmatch(r"[a-z0-9]{1,12}", scheme) else "this text"
        forms = {"file": "file:PATH", "env": "env:NAME"}
        raise RecipeError(
            f"{_RELEASE}: {shown} names no key; expected one of: "
            f"{', '.join(forms.get(word, f'{word}:...') for word in known)}"
        )
    return scheme, rest


def _content(scheme: str, rest: str) -> tuple[str, bytes]:
    """Return where a key was found, for messages, and what was found there."""
    if scheme == "file":
        return rest, _safe_file(Path(rest))
    if rest not in os.environ:
        raise HostError(f"env:{rest}: no such variable; expected it to hold the key")
    return f"env:{rest}", os.environ[rest].encode()


def _safe_file(path: Path) -> bytes:
    """Read a file that nobody else can read or could have put there.

    The file that was opened is judged, not its path, so a link swapped in between gains nothing. Links as such are
    allowed: Kubernetes mounts every secret as one.
    """
    try:
        with os.fdopen(
            os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb"
        ) as file:  # a pipe would be waited for
            found = os.fstat(file.fileno())
            _refuse_unsafe(path, found)
            return file.read(MOST_BYTES)
    except OSError as error:
        raise HostError(
            f"{path}: cannot be read ({error.strerror}); expected a key there"
        ) from None


def _refuse_unsafe(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise HostError(f"{path}: no file; expected a key in one")
    if found.st_uid not in (os.geteuid(), 0):
        raise HostError(
            f"{path}: belongs to user {found.st_uid}; expected a key of your own or of root"
        )
    if found.st_mode & 0o077:
        raise HostError(
            f"{path}: others can read it (mode {stat.S_IMODE(found.st_mode):04o}); expected its owner alone: "
            f"`chmod 600 {path}`"
        )


def _private(where: str, content: bytes) -> ec.EllipticCurvePrivateKey:
    try:
        found = serialization.load_pem_private_key(_as_pem(content), None)
    except TypeError:
        raise HostError(
            f"{where}: locked by a password; expected none: keep the file for its owner alone, or the key in a service"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise HostError(
            f"{where}: no private key; expected one: PEM, PKCS8, ECDSA on P-256"
        ) from None
    if not isinstance(found, ec.EllipticCurvePrivateKey) or not isinstance(
        found.curve, ec.SECP256R1
    ):
        raise HostError(f"{where}: {_kind(found)}; expected ECDSA on P-256 (secp256r1)")
    return found


def _as_pem(content: bytes) -> bytes:
    """Return PEM as it is; base64 of it, as which CI systems keep texts of several lines, decoded."""
    if content.lstrip().startswith(b"-----BEGIN"):
        return content
    return base64.b64decode(
        b"".join(content.split()), validate=True
    )  # binascii.Error is a ValueError


def _kind(key: object) -> str:
    if isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey):
        return f"a key on the curve {key.curve.name}"
    name = type(key).__name__.removesuffix("PrivateKey").removesuffix("PublicKey")
    return f"a key of the kind {name}"


def _pem(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(_PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
