"""What is measured, where, and what must hold."""

from dataclasses import dataclass, field
from enum import Enum

from omegaconf import MISSING

from edgebake.recipe.device import Accelerator


class Inconclusive(Enum):
    """What becomes of a gate that the measurements cannot decide."""

    blocks = "blocks"
    passes = "passes"


class Evidence(Enum):
    """Which numbers count for an absolute limit on speed or memory."""

    device = "device"  # those of the device itself alone
    host = "host"  # those of the machine that builds, too
    predicted = "predicted"  # estimates from the device's facts, too


@dataclass
class Gate:
    """What all gates share."""

    required: bool = MISSING  # false: `not measured` is accepted; a measured miss never is
    confidence: float = 0.95  # of the one-sided bound that has to clear the limit
    inconclusive: Inconclusive = Inconclusive.blocks


@dataclass
class Floor(Gate):
    """Passed where the lower bound is at this value or above."""

    at_least: float = MISSING


@dataclass
class Ceiling(Gate):
    """Passed where the upper bound is at this value or below."""

    at_most: float = MISSING


@dataclass
class SliceFloor(Floor):
    """A floor for every value of a column of the data."""

    column: str = MISSING


@dataclass
class TimedFloor(Floor):
    """A floor of something that depends on the machine."""

    evidence: Evidence = Evidence.device


@dataclass
class TimedCeiling(Ceiling):
    """A ceiling of something that depends on the machine."""

    evidence: Evidence = Evidence.device


@dataclass
class PlacementFloor(Gate):
    """A floor of what would run on an accelerator; predicted from tables, so it has no bound."""

    accelerator: Accelerator = MISSING
    at_least: float = MISSING  # of operators and of multiply-accumulates, 0 to 1


@dataclass
class Budget:
    """One gate for each word that is not null."""

    accuracy: Floor | None = MISSING  # top-1, 0 to 1
    accuracy_drop: Ceiling | None = (
        MISSING  # of accuracy against the float parent on the same examples, 0 to 1
    )
    class_accuracy: Floor | None = MISSING  # of every class
    slice_accuracy: SliceFloor | None = MISSING  # of every value of a column
    expected_calibration_error: Ceiling | None = MISSING  # expected, 0 to 1
    parity: Floor | None = (
        MISSING  # examples with the same answer in every other runtime of the same model
    )
    parity_difference: Ceiling | None = (
        MISSING  # of one probability in two runtimes; the largest, 0 to 1
    )
    speedup: Floor | None = (
        MISSING  # times as fast as the float parent in the same runtime, on the same machine
    )
    latency_p90_ms: TimedCeiling | None = MISSING  # of one image on one thread
    frames_per_second: TimedFloor | None = MISSING
    peak_memory_mb: TimedCeiling | None = MISSING
    size_mb: Ceiling | None = MISSING  # 1 MB = 1,000,000 bytes
    accelerator_coverage: PlacementFloor | None = MISSING


@dataclass
class Waiver:
    """Somebody's word that a gate need not be passed, for a while."""

    gate: str = MISSING  # a word of the budget
    reason: str = MISSING
    by: str = MISSING
    until: str = MISSING  # the last day on which it holds, YYYY-MM-DD


@dataclass
class Adb:
    """A phone with Android, reached with adb; one of the last two words, the other null."""

    serial: str | None = None  # null: the only one that is attached
    benchmark_model: str | None = (
        None  # Google's binary for the phone, a file on this machine; .tflite alone
    )
    python: str | None = None  # on the phone, with the runtime installed


@dataclass
class Ssh:
    """A board with Linux and the runtime installed, reached with ssh."""

    host: str = MISSING
    port: int = 22
    user: str | None = None  # null: as ssh's own configuration says
    identity: str | None = None  # file of a private key; null: as ssh's own configuration says
    python: str = "python3"  # on the board


@dataclass
class Mac:
    """Core ML's own runtime."""

    device: str | None = None  # name of a paired iPhone; null: this Mac


@dataclass
class Recorded:
    """A measurement that a device lab made."""

    file: str = MISSING  # what pipeline/edgebake/evaluation/latency/stopwatch.py wrote there


@dataclass
class Protocol:
    """How latency is measured, and where."""

    where: str = MISSING  # pipeline/edgebake/evaluation/devices/<where>.py
    warmup: int = MISSING  # runs before the clock starts
    runs: int = MISSING  # timed runs, at least
    seconds: float = MISSING  # of timed runs, at least
    precision: float = (
        MISSING  # half the interval of p90, as a share of it; wider ones are measured again
    )
    repeats: int = MISSING  # measured so often at most
    batch: int = MISSING  # images at once, for throughput
    sustained_minutes: float | None = MISSING  # without a pause; null: not measured
    adb: Adb | None = None
    ssh: Ssh | None = None
    mac: Mac | None = None
    recorded: Recorded | None = None


@dataclass
class Validate(Protocol):
    """What is measured, where, and what must hold; recipes/validate/."""

    budget: Budget = field(default_factory=Budget)
    waivers: list[Waiver] = field(default_factory=list)
