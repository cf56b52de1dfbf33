"""Check the fallback order of a platform's targets.

Targets of one task that take the same kinds of input are alternatives of each other. The last of
them has to run on every device, and each has to be the first choice of some device.
"""

from collections.abc import Iterable, Iterator, Mapping

from edgebake.bundle.device_matching import version_numbers
from edgebake.bundle.manifest_types import DeviceEntry, DeviceRule
from edgebake.recipe import Device, Platform


def device_entry(device: Device) -> DeviceEntry:
    """Return the manifest's rule for the devices of a target, and its accelerators."""
    soc = list(device.soc)
    if device.platform is Platform.ios:
        soc = []  # an app cannot query the chip of an iPhone; `devices` restricts it there
    rule: DeviceRule = {
        "name": device.name,
        "minimum_os": device.minimum_os,
        "soc": soc,
        "memory_mb": device.memory_mb,
        "features": list(device.features),
        "devices": list(device.devices),
        "excluded_devices": list(device.excluded_devices),
    }
    accelerators = [accelerator.value for accelerator in device.accelerators]
    return {"device": rule, "accelerators": accelerators}


def group(uses: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the names of the targets of each use, in fallback order.

    Args:
        uses: the task of each target and what it takes, by name of the target.
    """
    groups: dict[str, list[str]] = {}
    for name, use in uses.items():
        groups.setdefault(use, []).append(name)
    return groups


def use_of(task: str, kinds: Iterable[str]) -> str:
    """Return what a target is for: `classification of audio`."""
    return f"{task} of {' and '.join(kinds)}"


def find_problems(targets: Mapping[str, DeviceEntry]) -> Iterator[str]:
    """Yield the mistakes in the order of a platform's targets of one use.

    Args:
        targets: by name, in fallback order; at least one.
    """
    rules = {name: target["device"] for name, target in targets.items()}
    yield from _unreachable_targets(rules)
    yield from _restricted_last_target(rules)
    last = list(targets)[-1]
    if "cpu" not in targets[last]["accelerators"]:
        yield (
            f"{last}: not for the CPU, which every device has; "
            "expected cpu among the last target's accelerators"
        )


def _unreachable_targets(rules: Mapping[str, DeviceRule]) -> Iterator[str]:
    """Yield each target whose devices all get the same earlier target."""
    names = list(rules)
    for position, name in enumerate(names):
        for earlier in names[:position]:
            if is_subset(rules[name], rules[earlier]):
                yield (
                    f"{name}: no device tries it first: all its devices try {earlier}, "
                    f"which comes before it; expected {name} to come first, "
                    "or to be for other devices"
                )
                break


def _restricted_last_target(rules: Mapping[str, DeviceRule]) -> Iterator[str]:
    """Yield how the last target excludes devices of the platform."""
    last = list(rules)[-1]
    restrictions = _restrictions(rules[last])
    if restrictions:
        yield (
            f"{last}: the last target of its platform requires {', '.join(restrictions)}; "
            "expected a target after it that every device can run"
        )
    lowest = rules[last]["minimum_os"]
    for name, rule in rules.items():
        if version_numbers(rule["minimum_os"]) < version_numbers(lowest):
            yield (
                f"{last}: requires system {lowest} or newer, and {name} is for "
                f"{rule['minimum_os']} and newer; "
                "expected the last target to have the lowest requirement"
            )


def _restrictions(rule: DeviceRule) -> list[str]:
    """Return the keys of a rule, other than the system's version, that restrict the devices."""
    restricted = {
        "soc": rule["soc"],
        "memory_mb": rule["memory_mb"],
        "features": rule["features"],
        "devices": rule["devices"],
        "excluded_devices": rule["excluded_devices"],
    }
    return [key for key, value in restricted.items() if value]


def is_subset(rule: DeviceRule, superset: DeviceRule) -> bool:
    """Return whether every device that meets `rule` meets `superset` too."""
    memory = rule["memory_mb"] or 0
    minimum = superset["memory_mb"]
    return (
        version_numbers(rule["minimum_os"]) >= version_numbers(superset["minimum_os"])
        and _allows_subset(rule["soc"], superset["soc"])
        and (minimum is None or memory >= minimum)
        and set(superset["features"]) <= set(rule["features"])
        and _allows_subset(rule["devices"], superset["devices"])
        and _excludes(rule, superset["excluded_devices"])
    )


def _allows_subset(names: list[str], superset: list[str]) -> bool:
    """Return whether `superset` allows all that `names` allows; an empty list allows any."""
    if not superset:
        return True
    return bool(names) and set(names) <= set(superset)


def _excludes(rule: DeviceRule, excluded: list[str]) -> bool:
    """Return whether no device that meets the rule is one of the excluded."""
    if not excluded:
        return True
    if rule["devices"]:
        allowed = set(rule["devices"]) - set(rule["excluded_devices"])
        return not allowed & set(excluded)
    return set(excluded) <= set(rule["excluded_devices"])
