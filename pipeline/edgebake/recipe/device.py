"""Facts about a class of devices: platform, hardware, data types and runtimes."""

from dataclasses import dataclass
from enum import Enum

from edgebake.recipe.missing import MISSING


class Platform(Enum):
    """Platform of an app; each platform gets one bundle."""

    android = "android"
    ios = "ios"
    linux = "linux"


class DType(Enum):
    """Data type of a tensor: of a computation, of a model's input or output, or of a layer."""

    float32 = "float32"
    float16 = "float16"
    int16 = "int16"
    int8 = "int8"
    uint8 = "uint8"


class Accelerator(Enum):
    """Processor of a device that can run a model."""

    cpu = "cpu"
    gpu = "gpu"
    npu = "npu"
    neural_engine = "neural_engine"


class Cpu(Enum):
    """Instruction set of a device's CPU, which decides how its integer kernels add up products."""

    # Not known: it may be any of the others.
    any = "any"
    # Arm: kernels add up products of int8 in 32 bits, or two in 16, which symmetric weights fit.
    arm = "arm"
    # x86 without VNNI: kernels add up pairs of products in 16 bits, which 8-bit weights overflow.
    x86 = "x86"
    # x86 with AVX-VNNI or AVX512-VNNI: kernels add up products in 32 bits.
    x86_vnni = "x86_vnni"


@dataclass
class Compute:
    """Peak performance of one core; latency is predicted on one thread."""

    # Peak float32 rate, in 10^9 operations per second; a multiply-accumulate is two operations.
    float32_gflops: float = MISSING
    # Peak int8 rate, in 10^9 operations per second; a multiply-accumulate is two operations.
    int8_gops: float = MISSING
    # Bandwidth of the main memory, in 10^9 bytes per second.
    memory_gb_s: float = MISSING


@dataclass
class Device:
    """Facts about a class of devices, and the conditions for a device to match; recipes/device/."""

    # Name of the device class.
    name: str = MISSING
    # Platform: `android`, `ios` or `linux`.
    platform: Platform = MISSING
    # Oldest operating system: API level of Android, version of iOS, version of glibc on Linux.
    minimum_os: str = MISSING
    # Systems-on-chip as the system reports them, of which a device has one; empty: any.
    soc: list[str] = MISSING
    # Least memory in 10^6 bytes, as the system reports it (less than what is sold); null: any.
    memory_mb: int | None = MISSING
    # Features as the system reports them, of which a device has all; empty: none required.
    features: list[str] = MISSING
    # Device models as the system reports them, of which a device is one; empty: any.
    devices: list[str] = MISSING
    # Device models as the system reports them that never match.
    excluded_devices: list[str] = MISSING
    # Runtimes that run on the device.
    runtimes: list[str] = MISSING
    # Data types that the device computes in.
    dtypes: list[DType] = MISSING
    # Processors that can run a model, in order of preference.
    accelerators: list[Accelerator] = MISSING
    # Instruction set of the CPU: `arm`, `x86` (without VNNI), `x86_vnni`, or `any` if it is not
    # known. `any` and `x86` get int8 weights of 7 bits from ONNX Runtime, the others of 8.
    cpu: Cpu = Cpu.any
    # Peak performance of one core; null: not published, so no latency is predicted.
    compute: Compute | None = None
