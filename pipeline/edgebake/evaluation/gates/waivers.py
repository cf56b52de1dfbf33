"""Somebody's word that a gate need not be passed, for a while."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from edgebake.evaluation.gates.verdict import Decision, Verdict
from edgebake.recipe import Waiver


def waived(decision: Decision, waivers: Sequence[Waiver], today: date) -> Decision:
    """Return a decision with the waiver of its gate: one that has run out changes no verdict, and says so."""
    found = next((one for one in waivers if one.gate == decision.gate), None)
    if found is None:
        return decision
    if decision.lets_through:
        return replace(decision, waiver=found)
    if has_expired(found, today):
        said = f"the waiver by {found.by} ended on {found.until}"
        note = f"{decision.note}; {said}" if decision.note else said
        return replace(decision, verdict=Verdict.failed, note=note, waiver=found)
    note = f"{decision.verdict.value}; waived by {found.by} until {found.until}: {found.reason}"
    return replace(decision, verdict=Verdict.waived, note=note, waiver=found)


def has_expired(waiver: Waiver, today: date) -> bool:
    """Return whether a waiver's last day is over."""
    return date.fromisoformat(waiver.until) < today
