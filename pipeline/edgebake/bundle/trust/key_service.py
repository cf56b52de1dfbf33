"""Signing by a key that stays in a key management service, through securesystemslib.

What a service needs to let somebody in (a region, a token, a role) is its own affair: its library takes it from the
environment.
"""

import os
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import ec

from edgebake.errors import HostError

SCHEMES = (
    "awskms",
    "azurekms",
    "gcpkms",
    "hsm",
    "hv",
)  # those of securesystemslib that can sign by P-256
ALGORITHM = "ecdsa-sha2-nistp256"
PIN = "EDGEBAKE_HSM_PIN"  # the variable with the PIN of `hsm:`


def remote_signing(
    uri: str, public: ec.EllipticCurvePublicKey, key_id: str
) -> Callable[[bytes], bytes]:
    """Return a function from a message to its signature, made by the service: ECDSA over SHA-256, in DER.

    Raises:
        HostError: the library for the service is not installed, or the service does not let us in or sign; the
            function raises it too.
    """
    from securesystemslib.exceptions import UnsupportedLibraryError  # for keys in a service alone
    from securesystemslib.signer import Signer, SSlibKey  # type: ignore[attr-defined]

    scheme = uri.partition(":")[0]
    try:
        theirs = Signer.from_priv_key_uri(
            uri, SSlibKey.from_crypto(public, key_id, ALGORITHM), _pin
        )
    except UnsupportedLibraryError as error:
        said = str(error).rstrip(".")
        raise HostError(
            f"{scheme}: {said}; expected securesystemslib[{_extra(scheme)}] to be installed"
        ) from None
    except Exception as error:
        raise _trouble(scheme, error) from error

    def ask(message: bytes) -> bytes:
        try:
            return bytes.fromhex(theirs.sign(message).signature)
        except Exception as error:
            raise _trouble(scheme, error) from error

    return ask


def _extra(scheme: str) -> str:
    return {"hv": "vault"}.get(scheme, scheme)


def _trouble(scheme: str, error: Exception) -> HostError:
    """Return an error of a service, each of which has a kind of its own, as one of ours."""
    if isinstance(error, HostError):
        return error
    return HostError(f"{scheme}: {type(error).__name__}: {error}; expected the service to sign")


def _pin(_: str) -> str:
    if PIN not in os.environ:
        raise HostError(f"hsm: asks for its PIN; expected it in the variable {PIN}")
    return os.environ[PIN]
