"""Merge the recipes of all targets into variants, so that equal work is done once.

A variant is one stage with one set of parameters. Targets whose parameters are equal up to a stage
share its variant.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from edgebake.plan import baselines, resolve
from edgebake.plan.compose import Target, option
from edgebake.recipe import BaselineKind, Protect, Release
from edgebake.recipe.lineage import recipe_digest, trace
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.recipe.stage_params import STAGE_PARAMS, Plan
from edgebake.recipe.typed_values import to_plain

STAGES = tuple(STAGE_PARAMS)
STAGES_OF_FLOAT_PARENT = ("data", "train", "prune", "quantize", "convert")

NONE = "none"  # the option of prune and quantize that changes nothing

Params = dict[str, Any]  # parameters of one variant, as YAML holds them


def merge(release: Release, targets: Sequence[Target]) -> Plan:
    """Resolve the recipes of targets, and merge equal parameters into one variant.

    A variant is named after the options of the first target that needs it.
    """
    plan: Plan = {stage: {} for stage in STAGES}
    for target in targets:
        _add_target(plan, release, target)
    # After all targets were added, because a later one may train a teacher.
    for bundle in plan["package"].values():
        for params in bundle["targets"].values():
            stages = trace(plan, params["validate"])
            params["recipe_sha256"] = recipe_digest(stages, params)
    return plan


def target_params(plan: Plan, target_name: str) -> Params:
    """Return the parameters of the stage `package` for one target of the plan."""
    for bundle in plan["package"].values():
        if target_name in bundle["targets"]:
            params: Params = bundle["targets"][target_name]
            return params
    raise KeyError(target_name)


def _add_target(plan: Plan, release: Release, target: Target) -> None:
    recipe = target.recipe
    info = resolve.release_info(release)
    variants: resolve.Variants = {}
    if recipe.validate.budget.speedup:
        float_parent = _float_parent(target)
        parent_variants = _add_variants(plan, info, float_parent, STAGES_OF_FLOAT_PARENT, {})
        variants["float_parent"] = parent_variants["convert"]
    all_stages = tuple(resolve.RESOLVERS)
    variants = _add_variants(plan, info, target, all_stages, variants)
    _add_baselines_of_pruning(plan, target, variants)
    bundles = plan["package"]
    platform = recipe.device.platform.value
    if platform not in bundles:
        params_of_bundle = resolve.package_params(release)
        bundles[platform] = to_plain(params_of_bundle)
    params = replace(resolve.target_params(recipe, variants), candidate=target.candidate)
    targets = bundles[platform]["targets"]
    targets[target.name] = to_plain(params)


def _add_baselines_of_pruning(plan: Plan, target: Target, variants: resolve.Variants) -> None:
    """Add the models that a pruned one is compared with, if the recipe asks for them.

    No other variant builds on them.
    """
    if not target.recipe.prune.baselines:
        return
    pruned = variants["prune"]
    for kind in BaselineKind:
        params = baselines.resolve(plan, pruned, kind)
        _add_variant(plan["baseline"], _append(pruned, kind.value), params, target.name)


def _float_parent(target: Target) -> Target:
    """Return what a target's speedup refers to: its model in its runtime, not compressed."""
    recipe = target.recipe
    convert = replace(recipe.convert, input=None, output=None, ort_format=False)
    # The float parent is not shipped. Without protection, targets can share it.
    package = replace(recipe.package, protect=Protect.none)
    recipe = replace(
        recipe,
        prune=option("prune", NONE),
        quantize=option("quantize", NONE),
        convert=convert,
        package=package,
    )
    choices = {**target.choices, "prune": NONE, "quantize": NONE}
    return replace(target, recipe=recipe, choices=choices)


def _add_variants(
    plan: Plan, info: ReleaseInfo, target: Target, stages: Sequence[str], variants: resolve.Variants
) -> resolve.Variants:
    """Add the variants of a target to the plan.

    Returns:
        `variants` and the name of the variant of each stage.
    """
    variants = dict(variants)
    name = ""
    for stage in stages:
        resolver = resolve.RESOLVERS[stage]
        params = to_plain(resolver(target.recipe, variants, info))
        name = _append(name, resolve.option_name(stage, target))
        name = _add_variant(plan[stage], name, params, target.name)
        variants[stage] = name
    return variants


def _append(variant: str, option_name: str) -> str:
    """Append an option to the name of a variant; `none` changes nothing and is omitted."""
    if option_name == NONE:
        return variant
    if not variant:
        return option_name
    return f"{variant}-{option_name}"


def _add_variant(variants: dict[str, Params], name: str, params: Params, target_name: str) -> str:
    """Return the name of the variant with these parameters, adding it if there is none.

    The first target to use a name gets it. Other parameters under the same name get the name of
    their target appended, so that an edited value never renames the variant of another target.
    """
    for known_name, known_params in variants.items():
        if known_params == params:
            return known_name
    unique_name = name
    # Appended repeatedly, because a target may be named like an option, for example `float16`.
    while unique_name in variants:
        unique_name = f"{unique_name}-{target_name}"
    variants[unique_name] = params
    return unique_name
