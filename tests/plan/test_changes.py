"""Compare plans: variants that came and went, values that changed, the graph that DVC reads."""

from copy import deepcopy
from pathlib import Path

from edgebake.plan import changes, variants
from edgebake.plan.changes import Change
from edgebake.plan.compose import Target
from edgebake.recipe import Release, Waiver
from edgebake.recipe.stage_params import Plan


def test_a_waiver_measures_nothing_again_and_is_another_recipe(
    release: Release, composed: dict[str, Target]
) -> None:
    before = variants.merge(release, [composed["pixel_8"]])
    pixel = deepcopy(composed["pixel_8"])
    pixel.recipe.validate.waivers = [
        Waiver(gate="size_mb", reason="one release", by="Ada", until="2027-01-31")
    ]
    keys = [change.key for change in changes.compare(before, variants.merge(release, [pixel]))]
    assert keys == [
        "package.android.targets.pixel_8.waivers",
        "package.android.targets.pixel_8.recipe_sha256",
    ]


def test_a_value_of_the_first_stage_changes_every_digest_and_no_name(
    five: Plan, reseeded: Plan
) -> None:
    changed = [change.key for change in changes.compare(five, reseeded)]
    assert changed[0] == "train.digits-ds_cnn.seed"
    assert [key.rpartition(".")[2] for key in changed[1:]] == ["recipe_sha256"] * 5


def test_changes_name_variants_that_came_and_went_and_single_values() -> None:
    before = {"train": {"a": {"epochs": 3, "model": {"width": 1.0}}, "gone": {"epochs": 1}}}
    after = {
        "train": {"a": {"epochs": 4, "model": {"width": 1.0}}, "new": {"epochs": 1}},
        "prune": {},
    }
    assert [str(change) for change in changes.compare(before, after)] == [
        "+ train.new",
        "- train.gone",
        "  train.a.epochs: 3 -> 4",
    ]


def test_a_gate_that_became_null_is_a_change() -> None:
    before = {"package": {"ios": {"targets": {"a": {"budget": {"accuracy_drop": 0.1}}}}}}
    after = {"package": {"ios": {"targets": {"a": {"budget": {"accuracy_drop": None}}}}}}
    assert changes.compare(before, after) == [
        Change("package.ios.targets.a.budget.accuracy_drop", 0.1, None)
    ]


def test_equal_plans_have_no_changes(five: Plan) -> None:
    assert changes.compare(five, deepcopy(five)) == []


def test_a_number_keeps_the_shape(project: Path, five: Plan, reseeded: Plan) -> None:
    assert changes.dvc_graph(five) == changes.dvc_graph(reseeded)


def test_a_path_that_dvc_names_changes_the_shape(project: Path, five: Plan) -> None:
    moved = deepcopy(five)
    moved["train"]["digits-ds_cnn"]["data_file"] = "elsewhere"
    assert changes.dvc_graph(moved) != changes.dvc_graph(five)


def test_a_variant_that_went_changes_the_shape(project: Path, five: Plan) -> None:
    fewer = deepcopy(five)
    del fewer["validate"]["digits-ds_cnn-float16-coreml-ios"]
    assert changes.dvc_graph(fewer) != changes.dvc_graph(five)
