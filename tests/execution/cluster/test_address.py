"""Addresses of schedulers, and what is refused."""

import dask
import pytest

from edgebake.errors import HostError
from edgebake.execution.cluster import address


@pytest.mark.parametrize(
    ("text", "checked"),
    [
        ("127.0.0.1:8786", "tcp://127.0.0.1:8786"),
        ("tcp://localhost:8786", "tcp://localhost:8786"),
        ("tcp://[::1]:8786", "tcp://[::1]:8786"),
        ("tls://scheduler:8786", "tls://scheduler:8786"),
    ],
)
def test_an_address_that_nobody_else_reaches_or_that_has_tls(text: str, checked: str) -> None:
    assert address.check(text, is_insecure_allowed=False) == checked


@pytest.mark.parametrize("text", ["tcp://10.0.0.1:8786", "scheduler:8786", "tcp://127.0.0.1.x:1"])
def test_an_open_address_is_refused_unless_asked_for(text: str) -> None:
    with pytest.raises(HostError, match="without TLS, whoever reaches it can run code"):
        address.check(text, is_insecure_allowed=False)
    assert address.check(text, is_insecure_allowed=True).endswith(text)


@pytest.mark.parametrize("text", ["", "tls://host", "tls://host:x", "ws://h:1", "tls://h:99999"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(HostError, match="no address of a Dask scheduler"):
        address.check(text, is_insecure_allowed=True)


def test_tls_without_certificates_is_refused() -> None:
    with pytest.raises(HostError) as refusal:
        address.security("tls://scheduler:8786")
    assert str(refusal.value) == (
        "tls://scheduler:8786: no certificates for TLS; expected ca-file, client and worker in "
        "Dask's configuration, distributed.comm.tls: docs/guides/cluster.md"
    )
    assert address.security("tcp://127.0.0.1:8786") is None


def test_certificates_come_from_the_configuration_of_dask() -> None:
    import distributed  # noqa: F401 - it adds its own defaults to Dask's configuration

    tls = {"distributed.comm.tls.ca-file": "ca.pem"}
    for side in ("client", "worker"):
        for part in ("cert", "key"):
            tls[f"distributed.comm.tls.{side}.{part}"] = f"{part}.pem"
    with dask.config.set(tls):
        settings = address.security("tls://scheduler:8786")
    assert settings.require_encryption
    assert settings.tls_ca_file == "ca.pem"


def test_a_worker_of_a_scheduler_on_this_machine_listens_there_alone() -> None:
    assert address.listen_host("tcp://localhost:8786") == "127.0.0.1"
    assert address.listen_host("tls://scheduler:8786") is None
