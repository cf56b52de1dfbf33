"""Put into each target that says `quantize: auto` the first rung of its ladder that no measurement has ruled out.

A rung is an option of recipes/quantize/. It is ruled out by rules before any work, or by gates after it was built:
package leaves its verdict in artifacts/verdicts/, and the planner takes the next rung. What was passed over, and why,
stands in params.yaml beside the digest of the recipe that it was measured for: another recipe climbs anew, and a
clone that has measured nothing takes the same rung.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from edgebake import artifacts
from edgebake.compression.quantization.schemes import AUTO
from edgebake.errors import GateError, UnfitError
from edgebake.plan.compose import Target, compose_targets

Digest = Callable[[Target], str]  # of a target's whole recipe


@dataclass(frozen=True)
class Rung:
    """One option of a ladder; the last one of a record is the one that is built."""

    option: str
    recipe_sha256: str = ""
    missed: list[str] = field(
        default_factory=list
    )  # the gates that ruled it out, with what was measured
    refused: str = ""  # why it could not even be tried

    @property
    def is_out(self) -> bool:
        """Return whether it was passed over."""
        return bool(self.missed or self.refused)


Record = dict[str, list[Rung]]  # by target


def is_auto(target: Target) -> bool:
    """Return whether a target leaves its scheme to the ladder."""
    return target.recipe.quantize.scheme == AUTO


def climb(target: Target, written: Sequence[Rung], digest: Digest) -> tuple[Target, list[Rung]]:
    """Return the target on the first rung that is not out, and all rungs down to it.

    Raises:
        GateError: every rung is out; the text says by how much each missed.
    """
    known = {rung.option: rung for rung in written if rung.missed}
    found: list[Rung] = []
    for option in target.recipe.quantize.candidates or []:
        try:
            composed = compose_targets(
                [target.name], [f"quantize={option}", "quantize.candidates=null"]
            )[0]
        except UnfitError as error:
            found.append(Rung(option, refused=_reason(error)))
            continue
        sha256 = digest(composed)
        before = known.get(option)
        if before is None or before.recipe_sha256 != sha256:
            return composed, [*found, Rung(option, sha256)]
        found.append(before)
    listing = "\n".join(lines(found))
    raise GateError(f"{target.name}: no rung of quantize.candidates passes every gate\n{listing}")


def ruled_out(target: str, rung: Rung, planned_sha256: str) -> Rung | None:
    """Return the rung with the gates that it missed, if package has ruled it out for this very plan."""
    file = artifacts.VERDICTS / f"{target}.json"
    verdict = json.loads(file.read_text()) if file.exists() else {}
    if verdict.get("recipe_sha256") != planned_sha256 or not verdict["missed"]:
        return None
    return Rung(rung.option, rung.recipe_sha256, verdict["missed"])


def lines(rungs: Sequence[Rung]) -> list[str]:
    """Return a line per rung: what it missed, why it was refused, or that it is the one."""
    width = max(len(rung.option) for rung in rungs)
    return [f"  {rung.option:{width}}  {_fate(rung)}" for rung in rungs]


def from_plan(content: dict[str, Any]) -> Record:
    """Return what params.yaml remembers; nothing where somebody has broken it, so that planning mends it."""
    try:
        return {
            target: [Rung(**rung) for rung in rungs]
            for target, rungs in content.get("ladder", {}).items()
        }
    except (AttributeError, TypeError):
        return {}


def plain(record: Record) -> dict[str, Any]:
    """Return a record as what YAML can hold."""
    return {target: [asdict(rung) for rung in rungs] for target, rungs in record.items()}


def _fate(rung: Rung) -> str:
    if rung.refused:
        return f"not tried: {rung.refused}"
    return "; ".join(rung.missed) or "taken"


def _reason(error: UnfitError) -> str:
    """Return the first problem without the file: the ladder says what is asked for."""
    return str(error).splitlines()[0].partition(": ")[2]
