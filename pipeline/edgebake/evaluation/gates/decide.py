"""Decide each gate of a budget from the evidence on a target's file."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from edgebake.evaluation.gates.evidence import GateEvidence, TargetEvidence
from edgebake.evaluation.gates.hypothesis_tests import ExactValue, HypothesisTest
from edgebake.evaluation.gates.verdict import AT_LEAST, AT_MOST, Decision, Requirement, Verdict
from edgebake.evaluation.gates.waivers import apply_waiver
from edgebake.measurement import PREDICTED, not_measured
from edgebake.recipe import Budget, Evidence, Gate, Inconclusive, ParityGate, Waiver
from edgebake.runtimes.run_modes import HOST

# A metric that replaces one that was not measured: a fast enough 95th percentile proves the 90th.
UPPER_BOUNDS = {"latency_p90_ms": "latency_p95_ms"}
ESTIMATES = {"latency_p90_ms": "latency_predicted_ms"}
NOT_ON_DEVICE = (
    "only on this host, which is not the device; measure on the device, or set `evidence: host`"
)
ALONE = "expected a machine that does nothing else: run `edgebake build` again"
BLOCKS = "until then it blocks the release, unless the recipe has `inconclusive: passes`"


def decide(
    budget: Budget,
    evidence: TargetEvidence,
    waivers: Sequence[Waiver] = (),
    today: date | None = None,
) -> list[Decision]:
    """Return a decision for each gate of the budget, in its order.

    Args:
        budget: gates; null ones are left out.
        evidence: on the target's file.
        waivers: of gates that need not be passed.
        today: the day on which waivers are applied; none: the current day.
    """
    today = today or date.today()
    decisions = []
    for name, gate in budget.gates().items():
        decision = _decision(name, gate, evidence)
        decisions.append(apply_waiver(decision, waivers, today))
    return decisions


def requirement_of(name: str, gate: Gate) -> Requirement:
    """Return the limit of a gate and its direction."""
    if isinstance(gate, ParityGate) and gate.at_least is None:
        return Requirement(name, AT_MOST, gate.margin, gate.confidence)
    direction = AT_MOST
    if getattr(gate, AT_LEAST, None) is not None:
        direction = AT_LEAST
    limit = getattr(gate, direction)
    return Requirement(name, direction, limit, gate.confidence)


def _decision(name: str, gate: Gate, evidence: TargetEvidence) -> Decision:
    requirement = requirement_of(name, gate)
    measurement, test = _admissible(name, gate, evidence)
    if test is None:
        verdict = Verdict.not_measured if gate.required else Verdict.accepted
        return Decision(requirement, verdict, measurement)
    verdict = _verdict(requirement, gate, test)
    return Decision(
        requirement,
        verdict,
        measurement,
        test.bound(requirement),
        _note(requirement, verdict, test),
    )


def _verdict(requirement: Requirement, gate: Gate, test: HypothesisTest) -> Verdict:
    if test.proves(requirement):
        return Verdict.passed
    if test.disproves(requirement):
        return Verdict.failed
    if gate.inconclusive is Inconclusive.passes:
        return Verdict.inconclusive_accepted
    return Verdict.inconclusive


def _note(requirement: Requirement, verdict: Verdict, test: HypothesisTest) -> str:
    if verdict is Verdict.inconclusive:
        return f"{test.note(requirement)}; {BLOCKS}"
    if verdict is Verdict.inconclusive_accepted:
        return test.note(requirement)
    return test.detail


def _admissible(name: str, gate: Gate, evidence: TargetEvidence) -> GateEvidence:
    """Return the evidence on a gate; of one on speed or memory, only what its recipe admits."""
    admitted = getattr(gate, "evidence", None)
    if admitted is None:
        return _undisturbed(name, evidence, evidence.on(name, gate))
    measurement, test = _measured(name, gate, evidence)
    if measurement.where == HOST and admitted is Evidence.device:
        off_device = not_measured(measurement.unit, NOT_ON_DEVICE)
        return off_device, None
    measurement, test = _undisturbed(name, evidence, (measurement, test))
    if test is None and admitted is Evidence.predicted:
        prediction = _predicted(name, evidence)
        return prediction or (measurement, None)
    return measurement, test


def _measured(name: str, gate: Gate, evidence: TargetEvidence) -> GateEvidence:
    """Return the measurement of a gate's metric, or one that bounds it from above."""
    measurement, test = evidence.on(name, gate)
    bounding_name = UPPER_BOUNDS.get(name, "")
    if test or bounding_name not in evidence.metrics:
        return measurement, test
    bounding, bounding_test = evidence.on(bounding_name, gate)
    requirement = requirement_of(name, gate)
    # A higher percentile that is too slow proves nothing about the lower one.
    if bounding_test and bounding_test.proves(requirement):
        return bounding, bounding_test
    return measurement, test


def _undisturbed(name: str, evidence: TargetEvidence, measured: GateEvidence) -> GateEvidence:
    """Return the evidence on a gate, or none if it was timed beside other work."""
    measurement, _ = measured
    if not measurement.disturbed_by:
        return measured
    reason = f"{evidence.report}: {name}.disturbed_by: {measurement.disturbed_by}; {ALONE}"
    return not_measured(measurement.unit, reason), None


def _predicted(name: str, evidence: TargetEvidence) -> GateEvidence | None:
    """Return the estimate of a gate's metric from the device's facts, if there is one."""
    estimate_name = ESTIMATES.get(name, "")
    estimate = evidence.metrics.get(estimate_name)
    if estimate is None or estimate.value is None:
        return None
    prediction = replace(estimate, where=PREDICTED)
    return prediction, ExactValue(estimate.value)
