"""Keys that sign (ECDSA on P-256) and encrypt (32 random bytes): creating and loading them safely.

A signing key is named by a URI: file:PATH, env:NAME, or the URI of a key management service, which
securesystemslib calls. An encryption key is in a file or an environment variable. Only P-256 is
supported: model-signing has no Ed25519, Android's keystore has it from version 13 on, and a single
algorithm leaves fewer ways to make a mistake.
"""

import base64
import binascii
import os
import re
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from edgebake.bundle.trust import bounded_read, key_service
from edgebake.bundle.trust.bounded_read import UnreadableFileError
from edgebake.errors import HostError, RecipeError
from edgebake.recipe import release_file

SECRET_BYTES = 32
MAX_BYTES = 1 << 16  # of a key file
_URI_FORMS = {"file": "file:PATH", "env": "env:NAME"}
_PEM = serialization.Encoding.PEM


@dataclass(frozen=True)
class Signer:
    """A signing key in any location; each of its signatures is verified with the public key."""

    public_key: ec.EllipticCurvePublicKey
    sign_unverified: Callable[[bytes], bytes]

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message: ECDSA over its SHA-256, in DER.

        Raises:
            HostError: the private key does not belong to the public key.
        """
        signature = self.sign_unverified(message)
        try:
            self.public_key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            raise HostError(
                f"{release_file.path()}: signature: the private key does not belong to public key "
                f"{key_id(self.public_key)[:16]}; expected a key pair"
            ) from None
        return signature


def generate(private: Path, public: Path) -> ec.EllipticCurvePublicKey:
    """Create a signing key, write both halves, and return the public one.

    Args:
        private: file for the private key, PKCS8; only its owner can read it.
        public: file for the public key.

    Raises:
        HostError: one of the files exists or cannot be written; no file is overwritten.
    """
    _refuse_existing(public)
    key = ec.generate_private_key(ec.SECP256R1())
    text = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _create(private, text, 0o600)
    try:
        _create(public, _encode_pem(key.public_key()), 0o644)
    except HostError:
        private.unlink()  # useless without its public key, and in the way of the next attempt
        raise
    return key.public_key()


def generate_secret(path: Path) -> None:
    """Create an encryption key, and write it as base64; only its owner can read it.

    Raises:
        HostError: the file exists or cannot be written.
    """
    _create(path, base64.b64encode(secrets.token_bytes(SECRET_BYTES)) + b"\n", 0o600)


def _create(path: Path, content: bytes, mode: int) -> None:
    """Write a new file as a whole; no one else can open it in between, and no file is replaced."""
    _refuse_existing(path)
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)  # follows no link
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.link(partial, path)
        partial.unlink()
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise HostError(
            f"{path}: cannot be written ({error.strerror}); expected an existing folder"
        ) from None


def _refuse_existing(path: Path) -> None:
    if os.path.lexists(path):
        raise HostError(f"{path}: exists already; expected a new path: overwriting a key loses it")


def load_signer(uri: str, public_key_path: Path) -> Signer:
    """Return a signer with the key that a URI names.

    Raises:
        RecipeError: the scheme of the URI is unknown.
        HostError: the key cannot be read, others can read it, or it does not belong to the public
            key.
    """
    public = read_public_key(public_key_path)
    scheme, rest = _split_uri(uri, ("file", "env", *key_service.SCHEMES))
    if scheme in key_service.SCHEMES:
        return Signer(public, key_service.remote_signing(uri, public, key_id(public)))
    location, content = _read_key(scheme, rest)
    private = _parse_private_key(location, content)
    if private.public_key() != public:
        raise HostError(
            f"{location}: its public key is {key_id(private.public_key())[:16]}, "
            f"but {public_key_path} is {key_id(public)[:16]}; "
            "expected a key pair"
        )

    def sign(message: bytes) -> bytes:
        # Deterministic (RFC 6979), so that a repeated build has the same proof.
        algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
        return private.sign(message, algorithm)

    return Signer(public, sign)


def read_public_key(path: Path) -> ec.EllipticCurvePublicKey:
    """Return the public key in a PEM file.

    Raises:
        HostError: the file is missing, or contains something else.
    """
    try:
        content = bounded_read.read(path, MAX_BYTES, follow_links=True)
    except UnreadableFileError as error:
        raise HostError(f"{path}: {_as_public_key_problem(str(error))}") from None
    if b"PRIVATE KEY" in content:
        raise HostError(
            f"{path}: a private key; expected its public key, "
            "which `edgebake keygen` writes next to it"
        )
    try:
        key = serialization.load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        raise HostError(f"{path}: not a public key; expected PEM, ECDSA on P-256") from None
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise HostError(f"{path}: {_describe(key)}; expected ECDSA on P-256 (secp256r1)")


def _as_public_key_problem(problem: str) -> str:
    """Return what is wrong with a file, and that a public key was expected."""
    what, _, _ = problem.partition("; expected a regular file")
    return f"{what}; expected a public key, as PEM"


def key_id(key: ec.EllipticCurvePublicKey) -> str:
    """Return the id of a public key: the sha256 of its PEM, hexadecimal.

    model-signing writes the same into signatures as a hint.
    """
    return sha256(_encode_pem(key)).hexdigest()


def read_secret(uri: str) -> bytes:
    """Return the 32 bytes of an encryption key, which is in a file or a variable as base64.

    Raises:
        RecipeError: the scheme of the URI is neither file nor env.
        HostError: the key cannot be read, others can read it, or it is malformed.
    """
    location, content = _read_key(*_split_uri(uri, ("file", "env")))
    try:
        secret = base64.b64decode(content.strip(), validate=True)
    except binascii.Error:
        secret = b""
    if len(secret) != SECRET_BYTES:
        raise HostError(
            f"{location}: not an encryption key; "
            "expected 32 bytes as base64: `edgebake keygen --encryption`"
        )
    return secret


def _split_uri(uri: str, schemes: tuple[str, ...]) -> tuple[str, str]:
    """Return the scheme of a key's URI and the rest of it."""
    scheme, _, rest = uri.partition(":")
    if scheme not in schemes or not rest:
        # It may be the key itself, pasted there: show a short scheme or nothing of it.
        is_printable = re.fullmatch(r"[a-z0-9]{1,12}", scheme)
        shown = repr(f"{scheme}:") if is_printable else "this text"
        forms = [_URI_FORMS.get(name, f"{name}:...") for name in schemes]
        raise RecipeError(
            f"{release_file.path()}: {shown} names no key; expected one of: {', '.join(forms)}"
        )
    return scheme, rest


def _read_key(scheme: str, rest: str) -> tuple[str, bytes]:
    """Return where a key is, for messages, and its encoded content."""
    if scheme == "file":
        return rest, _read_private_file(Path(rest))
    if rest not in os.environ:
        raise HostError(f"env:{rest}: no such variable; expected it to contain the key")
    return f"env:{rest}", os.environ[rest].encode()


def _read_private_file(path: Path) -> bytes:
    """Read a file that no other user can read or could have written.

    The check is on the open file, not on its path, so replacing the path in between has no effect.
    Links are allowed: Kubernetes mounts every secret as a link.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # does not wait for a pipe
        with os.fdopen(descriptor, "rb") as file:
            _refuse_unsafe(path, os.fstat(file.fileno()))
            return file.read(MAX_BYTES)
    except OSError as error:
        raise HostError(
            f"{path}: cannot be read ({error.strerror}); expected a key there"
        ) from None


def _refuse_unsafe(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise HostError(f"{path}: no such file; expected a file with the key")
    if status.st_uid not in (os.geteuid(), 0):
        raise HostError(
            f"{path}: belongs to user {status.st_uid}; expected it to be owned by you or by root"
        )
    if status.st_mode & 0o077:
        raise HostError(
            f"{path}: readable by other users (mode {stat.S_IMODE(status.st_mode):04o}); "
            f"expected only its owner: `chmod 600 {path}`"
        )


def _parse_private_key(location: str, content: bytes) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(_decode_pem(content), None)
    except TypeError:
        raise HostError(
            f"{location}: protected by a password; expected none: "
            "restrict the file to its owner, or keep the key in a service"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise HostError(
            f"{location}: not a private key; expected PEM, PKCS8, ECDSA on P-256"
        ) from None
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise HostError(f"{location}: {_describe(key)}; expected ECDSA on P-256 (secp256r1)")


def _decode_pem(content: bytes) -> bytes:
    """Return PEM as it is, and base64 of PEM, in which CI systems store multi-line text, decoded.

    Raises:
        binascii.Error: it is neither.
    """
    if content.lstrip().startswith(b"-----BEGIN"):
        return content
    return base64.b64decode(b"".join(content.split()), validate=True)


def _describe(key: object) -> str:
    if isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey):
        return f"a key on the curve {key.curve.name}"
    name = type(key).__name__.removesuffix("PrivateKey").removesuffix("PublicKey")
    return f"a key of the kind {name}"


def _encode_pem(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(_PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
