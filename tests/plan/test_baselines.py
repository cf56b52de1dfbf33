"""Baselines of pruning are variants that nothing builds on, planned if a recipe asks for them."""

from copy import deepcopy
from dataclasses import replace

import pytest

from edgebake.plan import baselines, variants
from edgebake.plan.compose import Target
from edgebake.recipe import BaselineKind, Distill, Release

PRUNED = "digits-ds_cnn-channels"
SCRATCH = f"{PRUNED}-from_scratch"
TRAINED_ON = f"{PRUNED}-parent_trained_on"


@pytest.fixture
def pruned(composed: dict[str, Target]) -> Target:
    """A target whose recipe prunes channels, to edit."""
    return deepcopy(composed["galaxy_a14"])


def _named(target: Target, name: str) -> Target:
    return replace(deepcopy(target), name=name)


def test_a_baseline_names_what_it_is_trained_from(release: Release, pruned: Target) -> None:
    plan = variants.merge(release, [pruned])
    assert list(plan["baseline"]) == [SCRATCH, TRAINED_ON]
    scratch = plan["baseline"][SCRATCH]
    trained_on = plan["baseline"][TRAINED_ON]
    keys = ("kind", "prune", "source", "steps")
    assert [scratch[key] for key in keys] == [
        "from_scratch",
        PRUNED,
        f"artifacts/prune/{PRUNED}",
        None,
    ]
    assert [trained_on[key] for key in keys] == [
        "parent_trained_on",
        None,
        "artifacts/train/digits-ds_cnn",
        2,
    ]
    assert scratch["fine_tune"] == trained_on["fine_tune"] == plan["prune"][PRUNED]["fine_tune"]
    assert baselines.of_pruned(plan, PRUNED) == {
        BaselineKind.from_scratch: SCRATCH,
        BaselineKind.parent_trained_on: TRAINED_ON,
    }
    assert baselines.of_pruned(plan, "digits-ds_cnn") == {}


def test_baselines_change_no_other_variant(release: Release, pruned: Target) -> None:
    with_baselines = variants.merge(release, [pruned])
    pruned.recipe.prune.baselines = False
    without = variants.merge(release, [pruned])
    assert without["baseline"] == {}
    assert baselines.of_pruned(without, PRUNED) == {}
    assert {**with_baselines, "baseline": {}} == without


def test_the_original_model_is_trained_on_once_for_all_pruned_alike(
    release: Release, pruned: Target
) -> None:
    smaller = _named(pruned, "smaller")
    assert smaller.recipe.prune.target is not None
    smaller.recipe.prune.target.macs = 0.25
    taught = _named(pruned, "taught")
    assert taught.recipe.prune.fine_tune is not None
    taught.recipe.prune.fine_tune.distill = Distill(4.0, 0.3, None)
    longer = _named(pruned, "longer")
    assert longer.recipe.prune.fine_tune is not None
    longer.recipe.prune.fine_tune.epochs = 99
    plan = variants.merge(release, [pruned, smaller, taught, longer])
    assert list(plan["baseline"]) == [
        SCRATCH,
        TRAINED_ON,
        f"{PRUNED}-smaller-from_scratch",
        f"{PRUNED}-taught-from_scratch",
        f"{PRUNED}-longer-from_scratch",
        f"{PRUNED}-longer-parent_trained_on",
    ]
    assert baselines.of_pruned(plan, f"{PRUNED}-smaller") == {
        BaselineKind.from_scratch: f"{PRUNED}-smaller-from_scratch",
        BaselineKind.parent_trained_on: TRAINED_ON,
    }
