"""Expand a target with `candidates` into one target for each, all of which are built and judged.

Other than the scheme search of `quantize: auto`, which stops at the first that passes, a release
has all of them, and `package` decides which one ships.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from edgebake.errors import RecipeError, UnfitError
from edgebake.plan.compose import Target, compose_targets
from edgebake.recipe import CandidateParams
from edgebake.recipe.files import shown_option


def expand_all(targets: Sequence[Target], overrides: Sequence[str] = ()) -> list[Target]:
    """Return the targets, and in place of each with candidates its candidates.

    Args:
        targets: composed with the overrides.
        overrides: values and options to replace, in Hydra's syntax.

    Raises:
        RecipeError: a candidate does not fit the runtime or the device of its target.
    """
    expanded: list[Target] = []
    for target in targets:
        expanded += _expand(target, overrides)
    return expanded


def _expand(target: Target, overrides: Sequence[str]) -> Iterator[Target]:
    candidates = target.recipe.candidates
    if candidates is None:
        yield target
        return
    for option in candidates.quantize:
        chosen = [*overrides, f"quantize={option}", "candidates=null"]
        try:
            (composed,) = compose_targets([target.name], chosen)
        except UnfitError as error:
            _, _, problem = str(error).splitlines()[0].partition(": ")
            file = shown_option("target", target.name)
            raise RecipeError(f"{file}: candidates.quantize: {option}: {problem}") from None
        yield replace(
            composed,
            name=f"{target.name}-{option}",
            candidate=CandidateParams(of=target.name, option=option, ships=candidates.ships),
        )
