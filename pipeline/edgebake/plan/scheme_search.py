"""Search for the scheme of targets with `quantize: auto`: the first one that passes every gate.

Candidates are options of recipes/quantize/, in the order of the recipe, cheapest first. The checks
of recipes refuse a candidate before any work; gates reject it after it was built: `package` writes
the missed gates to artifacts/verdicts/, and the planner takes the next candidate.

params.yaml records the candidates up to the current one, with the digest of the recipe they were
measured for. If the recipe changes, the search starts again. A clone of the project that has
measured nothing takes the same candidate.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypedDict

from edgebake import artifacts
from edgebake.compression.quantization.schemes import AUTO
from edgebake.documents import json_shape
from edgebake.errors import ArtifactError, GateError, UnfitError
from edgebake.plan.compose import Target, compose_targets
from edgebake.plan.variants import merge, target_params
from edgebake.recipe import Release
from edgebake.recipe.stage_params import Plan

PLAN_KEY = "candidates"  # of params.yaml
# The digest of a recipe does not depend on the release.
ANY_RELEASE = Release(
    name="",
    version="",
    author="",
    license="",
    description="",
    signature=None,
    encryption_key=None,
    targets=[],
)


class Verdict(TypedDict):
    """The content of artifacts/verdicts/<target>.json, as far as the search reads it."""

    recipe_sha256: str
    missed: list[str]


Digest = Callable[[Target], str]  # of the whole recipe of a target


@dataclass(frozen=True)
class Candidate:
    """An option of recipes/quantize/ that the search has tried, or is about to try."""

    option: str
    recipe_sha256: str = ""
    # The gates that rejected it, with the measured values.
    missed: list[str] = field(default_factory=list)
    # The reason why the checks of recipes refused it; empty if they did not.
    refused: str = ""

    @property
    def is_rejected(self) -> bool:
        """Return whether the search went on to the next candidate."""
        return bool(self.missed or self.refused)


Candidates = dict[str, list[Candidate]]  # by target, up to the current candidate


class SchemeSearch:
    """The search for the schemes of all targets of a release with `quantize: auto`."""

    def __init__(self, targets: Sequence[Target], candidates: Candidates) -> None:
        """Start with the candidates that are already known.

        Args:
            targets: all targets of the release.
            candidates: the candidates that an earlier plan recorded.
        """
        self._fixed_targets = [target for target in targets if not is_auto(target)]
        self._candidates: Candidates = {}
        for target in targets:
            if is_auto(target):
                self._candidates[target.name] = candidates.get(target.name, [])

    @classmethod
    def resume(cls, targets: Sequence[Target], plan: Plan) -> "SchemeSearch":
        """Continue the search that a plan records."""
        candidates = from_plan(plan)
        return cls(targets, candidates)

    def current(self, target: Target) -> Target:
        """Return a target with its current candidate; a target without `auto` as it is.

        Raises:
            GateError: all candidates were rejected.
        """
        if not is_auto(target):
            return target
        known = self._candidates[target.name]
        composed, candidates = next_candidate(target, known, self._digest)
        self._candidates[target.name] = candidates
        return composed

    def reject_failed(self, plan: Plan) -> bool:
        """Reject each current candidate that missed a gate when it was built from this plan.

        Returns:
            Whether a candidate was rejected.
        """
        is_any_rejected = False
        for target_name, candidates in self._candidates.items():
            params = target_params(plan, target_name)
            missed = _missed_gates(target_name, params["recipe_sha256"])
            if missed:
                current = candidates[-1]
                candidates[-1] = replace(current, missed=missed)
                is_any_rejected = True
        return is_any_rejected

    def record_in(self, plan: Plan) -> Plan:
        """Return a plan together with the candidates of every target."""
        if not self._candidates:
            return plan
        recorded = to_plain(self._candidates)
        return {**plan, PLAN_KEY: recorded}

    def _digest(self, target: Target) -> str:
        """Return the digest of a target's recipe.

        The other targets are merged for the teachers that they train.
        """
        plan = merge(ANY_RELEASE, [target, *self._fixed_targets])
        params = target_params(plan, target.name)
        sha256: str = params["recipe_sha256"]
        return sha256


def is_auto(target: Target) -> bool:
    """Return whether the scheme of a target is searched for."""
    return target.recipe.quantize.scheme == AUTO


def next_candidate(
    target: Target, known: Sequence[Candidate], digest: Digest
) -> tuple[Target, list[Candidate]]:
    """Find the first candidate of a target that is not rejected.

    Args:
        target: a target with `quantize: auto`.
        known: the candidates that were tried before; those without missed gates are ignored.
        digest: computes the digest of a recipe; a known candidate of another recipe is ignored.

    Returns:
        The target with that candidate, and all candidates up to and including it.

    Raises:
        GateError: all candidates were rejected; the message says by how much each missed a gate.
    """
    known_by_option = {candidate.option: candidate for candidate in known if candidate.missed}
    rejected: list[Candidate] = []
    for option in target.recipe.quantize.candidates or []:
        overrides = [f"quantize={option}", "quantize.candidates=null"]
        try:
            (composed,) = compose_targets([target.name], overrides)
        except UnfitError as error:
            refused = Candidate(option, refused=_reason(error))
            rejected.append(refused)
            continue
        sha256 = digest(composed)
        earlier = known_by_option.get(option)
        if earlier is None or earlier.recipe_sha256 != sha256:
            current = Candidate(option, sha256)
            return composed, [*rejected, current]
        rejected.append(earlier)
    listing = "\n".join(lines(rejected))
    raise GateError(f"{target.name}: no option of quantize.candidates passes every gate\n{listing}")


def lines(candidates: Sequence[Candidate]) -> list[str]:
    """Return a line for each candidate: missed gates, reason of refusal, or `taken`."""
    width = max(len(candidate.option) for candidate in candidates)
    return [f"  {candidate.option:{width}}  {_status(candidate)}" for candidate in candidates]


def from_plan(plan: Plan) -> Candidates:
    """Read the candidates that a plan records; none if the record is damaged."""
    candidates: Candidates = {}
    recorded = plan.get(PLAN_KEY, {})
    if json_shape.problem(recorded, dict[str, list[Candidate]]) is not None:
        return {}
    for target_name, entries in recorded.items():
        candidates[target_name] = [Candidate(**entry) for entry in entries]
    return candidates


def to_plain(candidates: Candidates) -> dict[str, Any]:
    """Return candidates as plain values for YAML."""
    plain: dict[str, Any] = {}
    for target_name, tried in candidates.items():
        plain[target_name] = [asdict(candidate) for candidate in tried]
    return plain


def _missed_gates(target_name: str, planned_sha256: str) -> list[str]:
    """Return the gates that a target missed when it was built from this recipe, if it was built."""
    file = artifacts.VERDICTS / f"{target_name}.json"
    if not file.exists():
        return []
    try:
        verdict = artifacts.read_json(file, Verdict)
    except ArtifactError:
        return []  # `package` did not write this file; it writes it again
    if verdict["recipe_sha256"] != planned_sha256:
        return []
    missed: list[str] = verdict["missed"]
    return missed


def _status(candidate: Candidate) -> str:
    if candidate.refused:
        return f"not tried: {candidate.refused}"
    return "; ".join(candidate.missed) or "taken"


def _reason(error: UnfitError) -> str:
    """Return the first problem of a recipe, without the name of the file."""
    first_line = str(error).splitlines()[0]
    _, _, problem = first_line.partition(": ")
    return problem
