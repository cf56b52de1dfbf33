"""What is measured, and what must hold."""

from dataclasses import dataclass, field

from omegaconf import MISSING


@dataclass
class Floor:
    """Passed at this value and above."""

    at_least: float = MISSING
    required: bool = MISSING  # false: `not measured` is accepted; a measured miss never is


@dataclass
class Ceiling:
    """Passed at this value and below."""

    at_most: float = MISSING
    required: bool = MISSING  # false: `not measured` is accepted; a measured miss never is


@dataclass
class Budget:
    """One gate for each word that is not null."""

    accuracy: Floor | None = MISSING  # top-1, 0 to 1
    loss: Ceiling | None = MISSING  # of accuracy against the float model, 0 to 1
    latency_p95_ms: Ceiling | None = MISSING
    frames_per_second: Floor | None = MISSING
    size_mb: Ceiling | None = MISSING  # 1 MB = 1,000,000 bytes
    peak_memory_mb: Ceiling | None = MISSING


@dataclass
class Validate:
    """What is measured, where, and what must hold; recipes/validate/."""

    where: str = MISSING  # pipeline/devices/<where>.py
    warmup: int = MISSING  # runs before the clock starts
    runs: int = MISSING  # timed runs
    budget: Budget = field(default_factory=Budget)
