"""Measurements and a budget in, a verdict per gate out.

Reads and writes nothing.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from pipeline.measurement import Measurement
from pipeline.recipe import Budget, Ceiling, Floor


class Verdict(Enum):
    """How a gate was decided."""

    passed = "passed"
    failed = "failed"
    not_measured = "not measured"
    accepted = "not measured, accepted by the recipe"


@dataclass(frozen=True)
class Decision:
    """One gate: what was asked, what was found, the verdict."""

    gate: str
    bound: str  # at_least or at_most
    limit: float
    verdict: Verdict
    measured: Measurement

    @property
    def lets_through(self) -> bool:
        """Return whether a bundle may ship with this verdict."""
        return self.verdict in (Verdict.passed, Verdict.accepted)

    @property
    def shortfall(self) -> str:
        """Return what was asked, what was measured, and by how much it missed."""
        asked = f"{self.gate} {self.bound.replace('_', ' ')} {self.limit:g}"
        if self.measured.value is None:
            return f"{asked}: not measured"
        return f"{asked}: {self.measured.value:.4g}, missed by {abs(self.measured.value - self.limit):.3g}"

    def to_dict(self) -> dict[str, Any]:
        """Return what a manifest says of a gate; the value itself may change from run to run and is not in it."""
        return {"gate": self.gate, self.bound: self.limit, "verdict": self.verdict.value}


def decide(budget: Budget, metrics: dict[str, Measurement]) -> list[Decision]:
    """Return a decision for each gate that the budget has, in its order."""
    return [_decision(name, gate, metrics[name]) for name, gate in vars(budget).items() if gate is not None]


def _decision(name: str, gate: Floor | Ceiling, measured: Measurement) -> Decision:
    bound, limit = ("at_least", gate.at_least) if isinstance(gate, Floor) else ("at_most", gate.at_most)
    return Decision(name, bound, limit, _verdict(gate, measured.value), measured)


def _verdict(gate: Floor | Ceiling, value: float | None) -> Verdict:
    if value is None:
        return Verdict.not_measured if gate.required else Verdict.accepted
    holds = value >= gate.at_least if isinstance(gate, Floor) else value <= gate.at_most
    return Verdict.passed if holds else Verdict.failed
