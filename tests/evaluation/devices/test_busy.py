"""A device that another build of this machine uses: its timing is left alone."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from edgebake.evaluation.devices import adb, mac, ssh
from edgebake.evaluation.latency.request import TimingRequest, TimingResult
from edgebake.machine import turns
from edgebake.recipe import Adb, Mac, Ssh
from tests import timings

BUSY = "another build times files on it, for 0 s or longer"


@dataclass
class Device:
    """A kind of device, and the address by which it is held."""

    address: str
    measure: Callable[[TimingRequest], TimingResult]
    options: dict[str, Any]  # of the recipe


DEVICES = {
    "board": Device("ssh:board:22", ssh.measure, {"ssh": Ssh(host="board")}),
    "adb: R58": Device("adb:R58", adb.measure, {"adb": Adb(serial="R58", python="python3")}),
    "mac": Device("iphone:mine", mac.measure, {"mac": Mac(device="mine")}),
}


@pytest.mark.parametrize("name", DEVICES)
def test_a_busy_device_is_not_disturbed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(adb, "_serial", lambda options: options.serial)
    monkeypatch.setattr(mac, "_on_a_mac", lambda: True)
    device = DEVICES[name]
    request = timings.timing_request(tmp_path, **device.options)
    if name == "mac":
        request = replace(request, runtime="coreml")
    with turns.device(device.address):
        monkeypatch.setattr(turns, "device", partial(turns.device, limit_s=0.0))
        metrics = device.measure(request).metrics
    reasons = {metric.reason for metric in metrics.values()}
    assert reasons == {f"{name}: {BUSY}"}
