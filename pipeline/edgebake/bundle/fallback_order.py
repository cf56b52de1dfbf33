"""The order in which an app tries a platform's targets, held: it ends, and each target is some device's first.

Reads and writes nothing.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from edgebake.bundle.device_matching import version_numbers
from edgebake.recipe import Device, Platform


def device_entry(device: Device) -> dict[str, Any]:
    """Return what the manifest says of the devices that a target is for, and of what it runs on."""
    return {"device": _rule(device), "accelerators": [item.value for item in device.accelerators]}


def _rule(device: Device) -> dict[str, Any]:
    return {
        "name": device.name,
        "minimum_os": device.minimum_os,
        # An app cannot ask an iPhone for its chip; `devices` says it there.
        "soc": [] if device.platform is Platform.ios else list(device.soc),
        "memory_mb": device.memory_mb,
        "features": list(device.features),
        "devices": list(device.devices),
        "excluded_devices": list(device.excluded_devices),
    }


def find_problems(targets: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield what is wrong with a platform's targets, in the order in which an app tries them.

    Args:
        targets: by name, with `device` and `accelerators` as the manifest holds them.
    """
    rules = {name: target["device"] for name, target in targets.items()}
    names = list(rules)
    for number, name in enumerate(names):
        for earlier in names[:number]:
            if is_subset(rules[name], rules[earlier]):
                yield (
                    f"{name}: no device gets it first: all that it is for get {earlier}, which comes before it; "
                    f"expected {name} to come first, or to be for other devices"
                )
                break
    yield from _ends(rules)
    if "cpu" not in targets[names[-1]]["accelerators"]:
        yield f"{names[-1]}: not for the CPU, which every device has; expected cpu among the last one's accelerators"


def _ends(rules: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    last = list(rules)[-1]
    asked = [
        word
        for word in ("soc", "memory_mb", "features", "devices", "excluded_devices")
        if rules[last][word]
    ]
    if asked:
        yield (
            f"{last}: the last target of its platform asks for {', '.join(asked)}; "
            "expected one behind it that every device can run"
        )
    for name, other in rules.items():
        if version_numbers(other["minimum_os"]) < version_numbers(rules[last]["minimum_os"]):
            yield (
                f"{last}: expects {rules[last]['minimum_os']} of the system, and {name} is for "
                f"{other['minimum_os']} and newer; expected the last target to ask for the least"
            )


def is_subset(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether every device that meets one rule meets the other."""
    return (
        version_numbers(one["minimum_os"]) >= version_numbers(other["minimum_os"])
        and _within(one["soc"], other["soc"])
        and (other["memory_mb"] is None or (one["memory_mb"] or 0) >= other["memory_mb"])
        and set(other["features"]) <= set(one["features"])
        and _within(one["devices"], other["devices"])
        and _spares(one, other["excluded_devices"])
    )


def _within(one: list[str], other: list[str]) -> bool:
    """Return whether a list that empty means any allows nothing that another does not."""
    return not other or (bool(one) and set(one) <= set(other))


def _spares(one: Mapping[str, Any], excluded: list[str]) -> bool:
    """Return whether none of the devices that meet a rule are excluded."""
    if not excluded:
        return True
    if one["devices"]:
        return not (set(one["devices"]) - set(one["excluded_devices"])) & set(excluded)
    return set(excluded) <= set(one["excluded_devices"])
