"""Choose the targets of a bundle that a device can run: the reference for apps in every language.

A rule means what device targeting on Google Play means: a device has to meet all of it, and be one
of the devices or chips in a list. A fact that the system does not report meets no rule about it.
Implementations in other languages pass the cases of docs/vectors/resolve.json.
Source: https://developer.android.com/google/play/dt-conditional.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

JsonObject = Mapping[str, Any]  # an object of manifest.json


@dataclass(frozen=True)
class Facts:
    """What a device reports about itself, as its system spells it; None: it does not report it.

    os: API level (Android), version (iOS), version of glibc (Linux).
    soc: Build.SOC_MODEL (Android 12 and newer), the name in /proc/device-tree/compatible or a
        setting (Linux).
    memory_mb: total memory; 1 MB = 1,000,000 bytes.
    features: PackageManager's (Android), flags of /proc/cpuinfo (Linux).
    device: Build.BRAND/Build.DEVICE, for example google/shiba (Android); utsname.machine, for
        example iPhone15,4 (iOS).
    accelerators: those that the app supports.
    """

    os: str
    soc: str | None = None
    memory_mb: int | None = None
    features: frozenset[str] = frozenset()
    device: str | None = None
    accelerators: frozenset[str] = frozenset({"cpu"})


@dataclass(frozen=True)
class Choice:
    """A target, the path of its model, and the accelerator to run it on."""

    target: str
    model: str
    accelerator: str


def resolve(manifest: JsonObject, facts: Facts) -> list[Choice]:
    """Return what an app tries, in this order, until a model loads and passes its golden vectors.

    The list is empty if no target is for the device.
    """
    return list(_choices(manifest, facts))


def _choices(manifest: JsonObject, facts: Facts) -> Iterator[Choice]:
    for name in manifest["chain"]:
        target = manifest["targets"][name]
        if not meets(facts, target["device"]):
            continue
        for accelerator in target["accelerators"]:
            if accelerator in facts.accelerators:
                yield Choice(name, target["model"], accelerator)


def meets(facts: Facts, rule: JsonObject) -> bool:
    """Return whether a device meets the rule of a target."""
    minimum_os = version_numbers(rule["minimum_os"])
    has_os = version_numbers(facts.os) >= minimum_os
    has_soc = not rule["soc"] or facts.soc in rule["soc"]
    memory_mb = facts.memory_mb or 0
    has_memory = memory_mb >= (rule["memory_mb"] or 0)
    has_features = facts.features.issuperset(rule["features"])
    is_listed = not rule["devices"] or facts.device in rule["devices"]
    excluded = rule["excluded_devices"]
    is_excluded = facts.device in excluded
    if facts.device is None:  # a device without a name may be an excluded one
        is_excluded = bool(excluded)
    return has_os and has_soc and has_memory and has_features and is_listed and not is_excluded


def version_numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version without trailing zeros: 17, 17.0 and 17.0.0 are equal."""
    numbers = [int(number) for number in version.split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
