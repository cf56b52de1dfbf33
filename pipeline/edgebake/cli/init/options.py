"""Defaults of a target's options, as its device and its model allow."""

from collections.abc import Mapping, Sequence
from typing import Any

from edgebake.compression.quantization.schemes import SCHEMES
from edgebake.errors import RecipeError, listed
from edgebake.recipe import Device, files
from edgebake.runtimes.interface import load_runtime, runtimes_of, schemes_of

MATCHING_FACTS = ("soc", "memory_mb", "features", "devices", "excluded_devices")


def read_option(group: str, option: str) -> dict[str, Any]:
    """Return the content of an option's file, which may still have missing values."""
    content = files.read(files.find(f"{group}/{option}"))
    return content if isinstance(content, dict) else {}


def possible_runtimes(device: Device, model_format: str | None) -> list[str]:
    """Return the runtimes of a device that the model can be converted for, in its order.

    `model_format` is None for an architecture that edgebake builds, which goes to every runtime.

    Raises:
        RecipeError: there is none.
    """
    possible = runtimes_of(model_format) if model_format else device.runtimes
    runtimes = [runtime for runtime in device.runtimes if runtime in possible]
    if not runtimes:
        raise RecipeError(
            f"--device: {device.name} has {listed(device.runtimes)}, and {model_format} models can "
            f"be converted for {listed(possible)}; expected another device, or the model as .keras"
        )
    return runtimes


def refuse_other_runtime(device: Device, runtime: str, possible: Sequence[str]) -> None:
    """Refuse a runtime that a device lacks, or that a model cannot be converted for.

    Args:
        device: the device.
        runtime: the runtime that the user names.
        possible: the runtimes that the device has and the model can be converted for.

    Raises:
        RecipeError: the runtime is not possible.
    """
    expected = f"expected one of: {listed(possible)}"
    if runtime not in device.runtimes:
        raise RecipeError(f"--convert: {device.name} has no {runtime}; {expected}")
    if runtime not in possible:
        raise RecipeError(f"--convert: the model cannot be converted for {runtime}; {expected}")


def pick_scheme(device: Device, model_format: str | None, runtime: str) -> str:
    """Return the runtime's most preferred scheme that the model can have and the device runs."""
    schemes = schemes_of(runtime, model_format or "keras")
    dtypes = [dtype.value for dtype in device.dtypes]
    for scheme in load_runtime(runtime).facts.preferred_schemes:
        if scheme in schemes and SCHEMES[scheme].arithmetic in dtypes:
            return scheme
    return "none"


def calibration_samples(option: str) -> int:
    """Return the number of calibration samples that an option of recipes/quantize/ draws."""
    calibration = read_option("quantize", option).get("calibration") or {}
    return int(calibration.get("samples", 0))


def universal_device(device: Device) -> str | None:
    """Return the option of recipes/device/ that every device of the same platform matches.

    None if there is none, or if it is `device` itself.
    """
    if not _is_restricted(vars(device)):
        return None
    for option in files.options("device"):
        content = read_option("device", option)
        if content.get("platform") == device.platform.value and not _is_restricted(content):
            return option
    return None


def _is_restricted(device: Mapping[str, Any]) -> bool:
    """Return whether a device must have certain facts to match."""
    return any(device.get(fact) for fact in MATCHING_FACTS)
