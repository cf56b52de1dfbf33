"""Placements of a file on one device, for the tests of each runtime."""

from edgebake.recipe import Accelerator, Device, Platform
from edgebake.runtimes.placement import Placement, every, reached
from edgebake.runtimes.workload import count


def predict(
    runtime: str, files: dict[str, bytes], platform: str, accelerators: list[str], soc: list[str]
) -> list[Placement]:
    """Return what `gate` shows for a device."""
    device = Device(platform=Platform(platform), accelerators=[Accelerator(one) for one in accelerators], soc=soc)
    return reached(every(runtime, files, count(runtime, files), platform), runtime, device)
