"""Choose which candidate of a target ships, from the judgments on all of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edgebake.evaluation.gates.judge import Judgment
from edgebake.recipe import Preference
from edgebake.recipe.stage_params import TargetParams

REASONS = {
    Preference.order: "the first that passes every gate",
    Preference.size: "the smallest file that passes every gate",
    Preference.latency: "the fastest on the device that passes every gate",
}


@dataclass(frozen=True)
class Choice:
    """The judged entries of one target of a release, and the one that ships."""

    target: str
    entries: tuple[str, ...]  # names in the plan; the target's own if it has no candidates
    ships: str | None  # one of the entries; none passes every gate: None
    line: str  # what ships, and what becomes of the others; empty for a target without candidates


def choose(targets: Mapping[str, TargetParams], judgments: Mapping[str, Judgment]) -> list[Choice]:
    """Return the choice for each target of a platform, in fallback order.

    Args:
        targets: parameters of the plan's entries, in fallback order.
        judgments: of those entries; one that is not built yet may be missing.
    """
    groups: dict[str, list[str]] = {}
    for entry, params in targets.items():
        name = params.candidate.of if params.candidate else entry
        groups.setdefault(name, []).append(entry)
    return [_choice(name, entries, targets, judgments) for name, entries in groups.items()]


def passes(judgment: Judgment) -> bool:
    """Return whether every gate lets a file through."""
    return all(decision.lets_through for decision in judgment.decisions)


def _choice(
    target: str,
    entries: list[str],
    targets: Mapping[str, TargetParams],
    judgments: Mapping[str, Judgment],
) -> Choice:
    passing = [name for name in entries if name in judgments and passes(judgments[name])]
    candidate = targets[entries[0]].candidate
    is_complete = all(name in judgments for name in entries)
    ships = None
    if passing and is_complete:
        preference = candidate.ships if candidate else Preference.order
        ships = min(passing, key=lambda name: _rank(judgments[name], preference))
    line = ""
    if candidate:
        parts = ", ".join(_fates(entries, targets, judgments, ships))
        line = f"candidates of {target}: {parts}"
    return Choice(target, tuple(entries), ships, line)


def _rank(judgment: Judgment, preference: Preference) -> float:
    """Return a number that is smallest for the preferred candidate; equal: the order decides."""
    if preference is Preference.order:
        return 0.0
    name = "size_mb" if preference is Preference.size else "latency_p90_ms"
    metric = judgment.evidence.metrics[name]
    if metric.value is None or metric.disturbed_by:
        return float("inf")
    return metric.value


def _fates(
    entries: list[str],
    targets: Mapping[str, TargetParams],
    judgments: Mapping[str, Judgment],
    ships: str | None,
) -> Iterator[str]:
    """Yield what becomes of each candidate of a target."""
    for entry in entries:
        candidate = targets[entry].candidate
        if candidate is None:
            continue
        if entry not in judgments:
            yield f"{candidate.option} is not built"
        elif entry == ships:
            yield f"{candidate.option} ships ({REASONS[candidate.ships]})"
        elif passes(judgments[entry]):
            yield f"{candidate.option} passes"
        else:
            yield f"{candidate.option} does not pass"
