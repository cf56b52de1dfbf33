"""Which file on which accelerator a device gets: the reference for apps in every language.

Rules mean what those of Play's device targeting mean: a device has to meet all that a rule asks for, and of a list of
devices or chips it has to be one. What a system does not tell meets no rule that asks for it. Apps in other languages
are held against docs/vectors/resolve.json.
Source: https://developer.android.com/google/play/dt-conditional.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Facts:
    """What a device says of itself, each in the words of its system; none: the system does not tell.

    os: API level (Android), version (iOS), version of glibc (Linux).
    soc: Build.SOC_MODEL (Android 12 and newer), the name in /proc/device-tree/compatible or a setting (Linux).
    memory_mb: all that the system has, not what is free.
    features: PackageManager's (Android), flags of /proc/cpuinfo (Linux).
    device: Build.BRAND/Build.DEVICE, google/shiba for one (Android); utsname.machine, iPhone15,4 for one (iOS).
    accelerators: those that the app can use.
    """

    os: str
    soc: str | None = None
    memory_mb: int | None = None
    features: frozenset[str] = frozenset()
    device: str | None = None
    accelerators: frozenset[str] = frozenset({"cpu"})


@dataclass(frozen=True)
class Choice:
    """A file, the target that it was built for, and what to run it on."""

    target: str
    model: str
    accelerator: str


def resolve(manifest: dict[str, Any], facts: Facts) -> list[Choice]:
    """Return what an app tries, in this order, until one loads and answers its golden vectors; empty: nothing fits."""
    return list(_choices(manifest, facts))


def _choices(manifest: dict[str, Any], facts: Facts) -> Iterator[Choice]:
    for name in manifest["chain"]:
        target = manifest["targets"][name]
        if meets(facts, target["device"]):
            for accelerator in target["accelerators"]:
                if accelerator in facts.accelerators:
                    yield Choice(name, target["model"], accelerator)


def meets(facts: Facts, rule: dict[str, Any]) -> bool:
    """Return whether a device is one that a rule is for."""
    return (
        version_numbers(facts.os) >= version_numbers(rule["minimum_os"])
        and (not rule["soc"] or facts.soc in rule["soc"])
        and (rule["memory_mb"] is None or (facts.memory_mb or 0) >= rule["memory_mb"])
        and set(rule["features"]) <= facts.features
        and (not rule["devices"] or facts.device in rule["devices"])
        # A device without a name cannot be told from an excluded one.
        and (not rule["excluded_devices"] or facts.device not in (None, *rule["excluded_devices"]))
    )


def version_numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, less zeros at its end: 17, 17.0 and 17.0.0 are the same."""
    found = [int(part) for part in version.split(".")]
    while found and found[-1] == 0:
        found.pop()
    return tuple(found)
