"""A budget and what was found in, a decision per gate out."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from edgebake.evaluation.gates.evidence import GateEvidence, TargetEvidence
from edgebake.evaluation.gates.hypothesis_tests import ExactValue, HypothesisTest
from edgebake.evaluation.gates.verdict import Decision, Requirement, Verdict
from edgebake.evaluation.gates.waivers import waived
from edgebake.measurement import PREDICTED, not_measured
from edgebake.recipe import Budget, Evidence, Gate, Inconclusive, Waiver
from edgebake.runtimes.run_modes import HOST

# What may stand in for a metric that was not measured: a higher percentile that is fast enough proves the lower one.
BOUNDED_BY = {"latency_p90_ms": "latency_p95_ms"}
ESTIMATES = {"latency_p90_ms": "latency_predicted_ms"}


def decide(
    budget: Budget,
    findings: TargetEvidence,
    waivers: Sequence[Waiver] = (),
    today: date | None = None,
) -> list[Decision]:
    """Return a decision for each gate that the budget has, in its order; `today` is for waivers."""
    decisions = [
        _decision(word, gate, findings) for word, gate in vars(budget).items() if gate is not None
    ]
    return [waived(one, waivers, today or date.today()) for one in decisions]


def asked_by(word: str, gate: Gate) -> Requirement:
    """Return what a gate asks."""
    bound = "at_least" if hasattr(gate, "at_least") else "at_most"
    return Requirement(word, bound, getattr(gate, bound), gate.confidence)


def _decision(word: str, gate: Gate, findings: TargetEvidence) -> Decision:
    asked = asked_by(word, gate)
    measured, sample = _found(word, gate, findings)
    if sample is None:
        return Decision(
            asked, Verdict.not_measured if gate.required else Verdict.accepted, measured
        )
    verdict = _verdict(asked, gate, sample)
    return Decision(asked, verdict, measured, sample.bound(asked), _note(asked, verdict, sample))


def _verdict(asked: Requirement, gate: Gate, sample: HypothesisTest) -> Verdict:
    if sample.proves(asked):
        return Verdict.passed
    if sample.disproves(asked):
        return Verdict.failed
    accepted = gate.inconclusive is Inconclusive.passes
    return Verdict.inconclusive_accepted if accepted else Verdict.inconclusive


def _note(asked: Requirement, verdict: Verdict, sample: HypothesisTest) -> str:
    if verdict is Verdict.inconclusive:
        return f"{sample.note(asked)}; until then it blocks the release, unless the recipe says `inconclusive: passes`"
    return sample.note(asked) if verdict is Verdict.inconclusive_accepted else sample.detail


def _found(word: str, gate: Gate, findings: TargetEvidence) -> GateEvidence:
    """Return what a gate is decided from; of a timed one, only what counts as evidence."""
    evidence = getattr(gate, "evidence", None)
    if evidence is None:
        return findings.of(word, gate)
    found = _measured(word, gate, findings)
    if found[1] is None and evidence is Evidence.predicted:
        return _estimated(word, found, findings)
    if found[0].where == HOST and evidence is Evidence.device:
        reason = (
            "on this host alone, and it is not the device; measure there, or say `evidence: host`"
        )
        return not_measured(found[0].unit, reason), None
    return found


def _measured(word: str, gate: Gate, findings: TargetEvidence) -> GateEvidence:
    measured, sample = findings.of(word, gate)
    other = BOUNDED_BY.get(word, "")
    if sample is None and other in findings.metrics:
        bounding, proof = findings.of(other, gate)
        # One that is too slow says nothing of the lower percentile.
        if proof is not None and proof.proves(asked_by(word, gate)):
            return bounding, proof
    return measured, sample


def _estimated(word: str, found: GateEvidence, findings: TargetEvidence) -> GateEvidence:
    estimate = findings.metrics.get(ESTIMATES.get(word, ""))
    if estimate is None or estimate.value is None:
        return found
    return replace(estimate, where=PREDICTED), ExactValue(estimate.value)
