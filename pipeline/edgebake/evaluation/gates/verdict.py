"""How a gate was decided, and in what words that is told."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from edgebake.measurement import Measurement
from edgebake.recipe import Waiver


class Verdict(Enum):
    """How a gate was decided."""

    passed = "passed"
    failed = "failed"
    inconclusive = "inconclusive"
    inconclusive_accepted = "inconclusive, accepted by the recipe"
    not_measured = "not measured"
    accepted = "not measured, accepted by the recipe"
    waived = "waived"


LETTING_THROUGH = (Verdict.passed, Verdict.inconclusive_accepted, Verdict.accepted, Verdict.waived)


@dataclass(frozen=True)
class Asked:
    """What a gate asks: on which side of which limit, and how sure one has to be."""

    gate: str
    bound: str  # at_least or at_most
    limit: float
    confidence: float

    def __str__(self) -> str:
        return f"{self.bound.replace('_', ' ')} {self.limit:g}"


@dataclass(frozen=True)
class Decision:
    """One gate: what was asked, what was found, the verdict."""

    asked: Asked
    verdict: Verdict
    measured: Measurement
    proven: float | None = (
        None  # the one-sided bound that had to clear the limit; none where nothing was sampled
    )
    note: str = ""  # the worst slice, or what would decide
    waiver: Waiver | None = None

    @property
    def gate(self) -> str:
        """Return the word of the budget."""
        return self.asked.gate

    @property
    def lets_through(self) -> bool:
        """Return whether a bundle may ship with this verdict."""
        return self.verdict in LETTING_THROUGH

    @property
    def shortfall(self) -> str:
        """Return what was asked, what was measured, and by how much it missed."""
        asked = f"{self.gate} {self.asked}"
        if self.measured.value is None:
            return f"{asked}: not measured"
        if self.verdict is Verdict.inconclusive:
            return f"{asked}: {self.measured.value:.4g}, inconclusive: {self.note}"
        note = f" ({self.note})" if self.note else ""
        return f"{asked}: {self.measured.value:.4g}, missed by {abs(self.measured.value - self.asked.limit):.3g}{note}"

    def measured_dict(self) -> dict[str, Any]:
        """Return all that is known of a gate, the numbers that it was decided from included."""
        found = {"measured": self.measured.to_dict(), "proven": self.proven, "note": self.note}
        return {**self.to_dict(), **found}

    def to_dict(self) -> dict[str, Any]:
        """Return what a manifest says of a gate; the value itself may change from run to run and is not in it."""
        said = {
            "gate": self.gate,
            self.asked.bound: self.asked.limit,
            "confidence": self.asked.confidence,
        }
        waiver = {"waiver": vars(self.waiver)} if self.waiver else {}
        return {**said, "verdict": self.verdict.value, **waiver}
