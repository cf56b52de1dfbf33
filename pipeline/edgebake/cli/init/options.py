"""A device and a model in, the runtime and the numbers that fit both out."""

from collections.abc import Mapping
from typing import Any

import yaml

from edgebake.compression.quantization.schemes import SCHEMES
from edgebake.errors import RecipeError, listed
from edgebake.recipe import Device, files
from edgebake.runtimes.interface import load_runtime, runtimes_of, schemes_of


def content(group: str, option: str) -> dict[str, Any]:
    """Return what an option's file says, whether it is whole or not."""
    found = yaml.safe_load(files.find(f"{group}/{option}").read_text())
    return found if isinstance(found, dict) else {}


def runtime(device: Device, form: str | None) -> str:
    """Return the device's first runtime that the model can go to; `form` is None for one that edgebake makes.

    Raises:
        RecipeError: there is none.
    """
    possible = runtimes_of(form) if form else device.runtimes
    fitting = [name for name in device.runtimes if name in possible]
    if not fitting:
        raise RecipeError(
            f"--device: {device.name} has {listed(device.runtimes)}, and {form} models go to {listed(possible)}; "
            "expected another device, or the model as .keras"
        )
    return fitting[0]


def scheme(device: Device, form: str | None, where: str) -> str:
    """Return the option of quantize that the device runs and the model can have, the smallest first."""
    schemes = schemes_of(where, form or "keras")
    runs = [dtype.value for dtype in device.dtypes]
    wishes = load_runtime(where).facts.preferred_schemes
    fitting = (name for name in wishes if name in schemes and SCHEMES[name].arithmetic in runs)
    return next(fitting, "none")


def examples(option: str) -> int:
    """Return how many calibration examples an option of quantize asks for."""
    words = content("quantize", option).get("calibration") or {}
    return int(words.get("examples", 0))


def fallback(device: Device) -> str | None:
    """Return the option of the same platform that every device runs; None where this is it, or there is none."""
    if not _asks(vars(device)):
        return None
    for option in files.options("device"):
        other = content("device", option)
        if other.get("platform") == device.platform.value and not _asks(other):
            return option
    return None


def _asks(device: Mapping[str, Any]) -> bool:
    return any(
        device.get(word) for word in ("soc", "memory_mb", "features", "devices", "excluded_devices")
    )
