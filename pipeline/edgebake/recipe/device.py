"""Facts of a class of devices."""

from dataclasses import dataclass
from enum import Enum

from omegaconf import MISSING


class Platform(Enum):
    """Where an app runs: one bundle for each."""

    android = "android"
    ios = "ios"
    linux = "linux"


class DType(Enum):
    """Numbers: what a device computes in, what a file takes and gives, what a layer is kept in."""

    float32 = "float32"
    float16 = "float16"
    int16 = "int16"
    int8 = "int8"
    uint8 = "uint8"


class Accelerator(Enum):
    """What a device has to run a model on."""

    cpu = "cpu"
    gpu = "gpu"
    npu = "npu"
    neural_engine = "neural_engine"


@dataclass
class Compute:
    """What one core can do at most: latency is that of one thread."""

    float32_gflops: float = MISSING  # a multiply-accumulate is two
    int8_gops: float = MISSING  # likewise
    memory_gb_s: float = MISSING  # of the memory, not of a cache; 1 GB = 1,000,000,000 bytes


@dataclass
class Device:
    """Facts of a class of devices; recipes/device/."""

    name: str = MISSING
    platform: Platform = MISSING
    minimum_os: str = MISSING  # Android: API level; iOS: version; Linux: version of glibc
    soc: list[str] = MISSING  # as the system names it, one of these; empty: any
    memory_mb: int | None = (
        MISSING  # at least, of 1,000,000 bytes, as the system counts them: not all that is sold; null: any
    )
    features: list[str] = (
        MISSING  # all of these, as the system names them; empty: none is asked for
    )
    devices: list[str] = MISSING  # as the system names models, one of these; empty: any
    excluded_devices: list[str] = MISSING  # none of these
    runtimes: list[str] = MISSING
    dtypes: list[DType] = MISSING
    accelerators: list[Accelerator] = MISSING  # in order of preference
    compute: Compute | None = None  # null: not published
