"""Placements of a file on one device, for the tests of each runtime."""

from pipeline.placement import Placement, every, reached
from pipeline.recipe import Accelerator, Device, Platform
from pipeline.workload import count


def predict(
    runtime: str, files: dict[str, bytes], platform: str, accelerators: list[str], soc: list[str]
) -> list[Placement]:
    """Return what `gate` shows for a device."""
    device = Device(platform=Platform(platform), accelerators=[Accelerator(one) for one in accelerators], soc=soc)
    return reached(every(runtime, files, count(runtime, files), platform), runtime, device)
