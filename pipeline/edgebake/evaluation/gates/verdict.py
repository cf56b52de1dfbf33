"""Requirements, verdicts and decisions of gates, and their JSON."""

from dataclasses import dataclass
from enum import Enum

from edgebake.measurement import Measurement
from edgebake.recipe import Waiver

AT_LEAST = "at_least"
AT_MOST = "at_most"


class Verdict(Enum):
    """The outcome of a gate."""

    passed = "passed"
    failed = "failed"
    inconclusive = "inconclusive"
    inconclusive_accepted = "inconclusive, accepted by the recipe"
    not_measured = "not measured"
    accepted = "not measured, accepted by the recipe"
    waived = "waived"


LETTING_THROUGH = (Verdict.passed, Verdict.inconclusive_accepted, Verdict.accepted, Verdict.waived)


@dataclass(frozen=True)
class Requirement:
    """The limit that a gate sets, and the confidence at which it has to be met."""

    gate: str  # field of the recipe's validate.budget
    direction: str  # AT_LEAST or AT_MOST
    limit: float
    confidence: float  # one-sided, 0 to 1

    def __str__(self) -> str:
        return f"{self.direction.replace('_', ' ')} {self.limit:g}"

    @property
    def alpha(self) -> float:
        """Return the significance level, 0 to 1."""
        return 1 - self.confidence

    def is_met_by(self, value: float) -> bool:
        """Return whether a value lies on the required side of the limit; the limit itself does."""
        if self.direction == AT_LEAST:
            return value >= self.limit
        return value <= self.limit


@dataclass(frozen=True)
class Decision:
    """The verdict on one gate, with the requirement and the measurement that led to it."""

    requirement: Requirement
    verdict: Verdict
    measurement: Measurement
    # The one-sided confidence bound compared with the limit; none for an exact number.
    bound: float | None = None
    note: str = ""  # the worst group, or what would settle an inconclusive gate
    waiver: Waiver | None = None

    @property
    def gate(self) -> str:
        """Return the gate's key in `validate.budget`."""
        return self.requirement.gate

    @property
    def lets_through(self) -> bool:
        """Return whether a bundle may ship with this verdict."""
        return self.verdict in LETTING_THROUGH

    @property
    def shortfall(self) -> str:
        """Return the requirement, the measured value and the difference, in one line."""
        requirement = f"{self.gate} {self.requirement}"
        value = self.measurement.value
        if value is None:
            return f"{requirement}: not measured"
        if self.verdict is Verdict.inconclusive:
            return f"{requirement}: {value:.4g}, inconclusive: {self.note}"
        difference = abs(value - self.requirement.limit)
        note = f" ({self.note})" if self.note else ""
        return f"{requirement}: {value:.4g}, missed by {difference:.3g}{note}"

    def measured_dict(self) -> dict[str, object]:
        """Return the entry of `measurements.json`: `to_dict` and the numbers behind the verdict."""
        numbers = {"measured": self.measurement.to_dict(), "proven": self.bound, "note": self.note}
        return {**self.to_dict(), **numbers}

    def to_dict(self) -> dict[str, object]:
        """Return the manifest's entry of the gate.

        It leaves out the measured value, which may differ from one run to the next.
        """
        entry: dict[str, object] = {
            "gate": self.gate,
            self.requirement.direction: self.requirement.limit,
            "confidence": self.requirement.confidence,
            "verdict": self.verdict.value,
        }
        if self.waiver:
            entry["waiver"] = vars(self.waiver)
        return entry
