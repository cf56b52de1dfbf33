"""Plan the baselines of pruning: models that a pruned one is compared with, in the report alone.

A baseline is resolved from the parameters of the pruned variant. Pruned variants for which it would
be trained alike share it.
"""

from dataclasses import replace
from typing import Any

from edgebake import artifacts
from edgebake.recipe import BaselineKind
from edgebake.recipe.baseline import BaselineParams
from edgebake.recipe.stage_params import Plan, PruneParams, parse
from edgebake.recipe.typed_values import to_plain

Params = dict[str, Any]  # parameters of one variant, as YAML holds them


def resolve(plan: Plan, variant: str, kind: BaselineKind) -> Params:
    """Return the parameters of a baseline of a variant of `prune`.

    Raises:
        ValueError: the variant is not fine-tuned; the checks of recipes allow that for the method
            `none` only.
    """
    pruned: PruneParams = parse("prune", variant, plan["prune"][variant])
    if pruned.fine_tune is None:
        raise ValueError(f"prune.{variant}: {pruned.method} without fine-tuning")
    params = BaselineParams(
        kind=kind,
        fine_tune=replace(pruned.fine_tune, distill=None),
        steps=pruned.steps or 1,
        train=pruned.train,
        prune=None,
        source=artifacts.folder("train", pruned.train).as_posix(),
        examples=pruned.examples,
        task=pruned.task,
        data=pruned.data,
        data_file=pruned.data_file,
        tools=plan["train"][pruned.train]["tools"],
    )
    if kind is BaselineKind.from_scratch:
        source = artifacts.folder("prune", variant).as_posix()
        params = replace(params, steps=None, prune=variant, source=source)
    plain: Params = to_plain(params)
    return plain


def of_pruned(plan: Plan, variant: str) -> dict[BaselineKind, str]:
    """Return the planned baselines of a variant of `prune`: variants of `baseline` by kind."""
    baselines: dict[BaselineKind, str] = {}
    if not plan["prune"][variant]["fine_tune"]:
        return baselines
    for kind in BaselineKind:
        params = resolve(plan, variant, kind)
        for name, planned in plan["baseline"].items():
            if planned == params:
                baselines[kind] = name
    return baselines
