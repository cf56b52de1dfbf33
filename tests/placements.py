"""Placements of a file on one device, for the tests of each runtime."""

from edgebake.recipe import Accelerator, Device, Platform
from edgebake.runtimes.interface import load_runtime
from edgebake.runtimes.placement import Placement, device_placements, predict_placements


def predict(
    runtime: str, files: dict[str, bytes], platform: str, accelerators: list[str], soc: list[str]
) -> list[Placement]:
    """Return the placements that `gate` shows for a device."""
    device = Device(
        platform=Platform(platform),
        accelerators=[Accelerator(accelerator) for accelerator in accelerators],
        soc=soc,
    )
    return device_placements(
        predict_placements(runtime, files, load_runtime(runtime).count_workload(files), platform),
        runtime,
        device,
    )
