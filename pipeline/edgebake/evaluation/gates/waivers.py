"""Waivers: a named person accepts a failed gate until a date."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from edgebake.evaluation.gates.verdict import Decision, Verdict
from edgebake.recipe import Waiver


def apply_waiver(decision: Decision, waivers: Sequence[Waiver], today: date) -> Decision:
    """Return a decision with the waiver of its gate applied; an expired one waives nothing."""
    waiver = _waiver_of(decision, waivers)
    if waiver is None:
        return decision
    decision = replace(decision, waiver=waiver)
    if decision.lets_through:
        return decision
    if has_expired(waiver, today):
        note = f"the waiver by {waiver.by} ended on {waiver.until}"
        if decision.note:
            note = f"{decision.note}; {note}"
        return replace(decision, verdict=Verdict.failed, note=note)
    note = f"{decision.verdict.value}; waived by {waiver.by} until {waiver.until}: {waiver.reason}"
    return replace(decision, verdict=Verdict.waived, note=note)


def _waiver_of(decision: Decision, waivers: Sequence[Waiver]) -> Waiver | None:
    for waiver in waivers:
        if waiver.gate == decision.gate:
            return waiver
    return None


def has_expired(waiver: Waiver, today: date) -> bool:
    """Return whether a waiver's last day is over."""
    return date.fromisoformat(waiver.until) < today
