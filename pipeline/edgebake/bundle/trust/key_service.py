"""Sign with a key that stays in a key management service, through securesystemslib.

The library of a service reads its credentials, such as a region, a token or a role, from the
environment.
"""

import os
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import ec

from edgebake.errors import HostError
from edgebake.recipe import key_variables

# The URI schemes of securesystemslib whose services can sign with P-256.
SCHEMES = ("awskms", "azurekms", "gcpkms", "hsm", "hv")
EXTRAS = {"hv": "vault"}  # extras of securesystemslib that differ from the scheme
ALGORITHM = "ecdsa-sha2-nistp256"
PIN_VARIABLE = key_variables.HSM_PIN


def remote_signing(
    uri: str, public_key: ec.EllipticCurvePublicKey, key_id: str
) -> Callable[[bytes], bytes]:
    """Return a function that has the service sign a message: ECDSA over SHA-256, in DER.

    Args:
        uri: of the key; its scheme is one of SCHEMES.
        public_key: its public half.
        key_id: of the key.

    Raises:
        HostError: the library of the service is missing, or the service denies access or cannot
            sign; the function raises it too.
    """
    from securesystemslib.exceptions import UnsupportedLibraryError  # for keys in a service alone
    from securesystemslib.signer import Signer, SSlibKey  # type: ignore[attr-defined]

    scheme = uri.partition(":")[0]
    try:
        key = SSlibKey.from_crypto(public_key, key_id, ALGORITHM)
        signer = Signer.from_priv_key_uri(uri, key, _read_pin)
    except UnsupportedLibraryError as error:
        reason = str(error).rstrip(".")
        extra = EXTRAS.get(scheme, scheme)
        raise HostError(
            f"{scheme}: {reason}; expected securesystemslib[{extra}] to be installed"
        ) from None
    except Exception as error:
        raise _service_error(scheme, error) from error

    def sign(message: bytes) -> bytes:
        try:
            return bytes.fromhex(signer.sign(message).signature)
        except Exception as error:
            raise _service_error(scheme, error) from error

    return sign


def _service_error(scheme: str, error: Exception) -> HostError:
    """Wrap an error of a service; each service has exceptions of its own."""
    if isinstance(error, HostError):
        return error
    return HostError(f"{scheme}: {type(error).__name__}: {error}; expected the service to sign")


def _read_pin(_: str) -> str:
    if PIN_VARIABLE not in os.environ:
        raise HostError(f"hsm: needs a PIN; expected it in the environment variable {PIN_VARIABLE}")
    return os.environ[PIN_VARIABLE]
