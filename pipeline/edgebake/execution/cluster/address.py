"""The address of a Dask scheduler: refused where strangers could reach it unnoticed.

Who talks to a Dask scheduler runs code on all its machines. TLS with certificates for both sides
keeps strangers out; its files are in Dask's own configuration (`distributed.comm.tls`).
"""

import ipaddress
import logging
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from edgebake.errors import HostError

LOCAL = "local"  # instead of an address: a scheduler and workers for this build, on this machine
LOOPBACK = "127.0.0.1"
PLAIN = "tcp"
ENCRYPTED = "tls"
TLS_FILES = ("tls_ca_file", "tls_client_cert", "tls_client_key")


@dataclass(frozen=True)
class ClusterOptions:
    """Where the workers of a build are."""

    address: str  # of a Dask scheduler, or LOCAL
    is_insecure_allowed: bool = False  # whether the address may be open to a network
    audited: int = 0  # tasks that run on two workers


def check(address: str, *, is_insecure_allowed: bool) -> str:
    """Return an address with its protocol.

    Raises:
        HostError: it is none, or it leaves this machine without TLS.
    """
    if "://" not in address:
        address = f"{PLAIN}://{address}"
    parts = urlsplit(address)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme not in (PLAIN, ENCRYPTED) or not parts.hostname or not port:
        raise HostError(
            f"{address}: no address of a Dask scheduler; "
            "expected tls://HOST:PORT or tcp://HOST:PORT"
        )
    is_open = parts.scheme == PLAIN and not _is_loopback(parts.hostname)
    if is_open and not is_insecure_allowed:
        raise HostError(
            f"{address}: without TLS, whoever reaches it can run code on all its machines; "
            "expected tls://HOST:PORT, an address of this machine such as 127.0.0.1, or --insecure"
        )
    return address


def quiet_dask() -> None:
    """Keep Dask from logging every lost connection with its traceback: edgebake says what matters.

    Raises:
        HostError: Dask is not installed.
    """
    try:
        import distributed
    except ImportError:
        raise HostError(
            "distributed: not installed; expected it for a cluster: `pip install edgebake[cluster]`"
        ) from None
    # After the import, which sets levels of its own.
    logging.getLogger(distributed.__name__).setLevel(logging.CRITICAL)


def security(address: str) -> Any:
    """Return Dask's settings of TLS for an address; None for one without TLS.

    Raises:
        HostError: Dask's configuration names no certificates.
    """
    from distributed.security import Security

    if urlsplit(address).scheme != ENCRYPTED:
        return None
    settings = Security(require_encryption=True)
    missing = [name for name in TLS_FILES if not getattr(settings, name)]
    if missing:
        raise HostError(
            f"{address}: no certificates for TLS; expected ca-file, client and worker in Dask's "
            "configuration, distributed.comm.tls: docs/guides/cluster.md"
        )
    return settings


def listen_host(address: str) -> str | None:
    """Return the address at which a worker listens; None: at all, which TLS protects.

    Dask itself listens at all of them even if its scheduler is on this machine.
    """
    host = urlsplit(address).hostname or ""
    if not _is_loopback(host):
        return None
    return LOOPBACK


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
