"""Targets laid side by side: equal work is planned once, other work under a name of its own."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest

from edgebake import artifacts
from edgebake.errors import PlanError
from edgebake.plan import changes, planner, variants
from edgebake.plan.changes import Change
from edgebake.plan.compose import Target
from edgebake.recipe import (
    Calibration,
    Ceiling,
    DType,
    Floor,
    Granularity,
    Quantize,
    Release,
    Waiver,
)
from edgebake.recipe.stage_params import Plan, read_plan

PARAMS = Path("params.yaml")
RELEASED = ("pixel_8", "android_any", "iphone_15", "iphone_se_3", "raspberry_pi_5")


def _like(composed: Target, target: str) -> Target:
    """Return the same recipe under another target's name, to edit."""
    return replace(deepcopy(composed), name=target)


@pytest.fixture(scope="module")
def five(release: Release, composed: dict[str, Target]) -> Plan:
    return variants.merge(release, [composed[name] for name in RELEASED])


@pytest.fixture(scope="module")
def reseeded(release: Release, composed: dict[str, Target]) -> Plan:
    """The same five targets, trained from other weights."""
    targets = [_like(composed[name], name) for name in RELEASED]
    for target in targets:
        target.recipe.train.seed = 77
    return variants.merge(release, targets)


def _recipes_say(planned: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner, "make", lambda: planned)


def test_five_targets_train_once_and_quantize_three_times_beside_their_float_parent(
    five: Plan,
) -> None:
    assert list(five["train"]) == list(five["prune"]) == ["digits-ds_cnn"]
    assert list(five["quantize"]) == [
        "digits-ds_cnn",
        "digits-ds_cnn-int8",
        "digits-ds_cnn-float16",
        "digits-ds_cnn-palettized",
    ]


def test_names_of_variants_are_the_options_on_the_way_and_none_is_not_named(five: Plan) -> None:
    assert list(five["convert"]) == [
        "digits-ds_cnn-litert",
        "digits-ds_cnn-int8-litert",
        "digits-ds_cnn-float16-litert",
        "digits-ds_cnn-float16-coreml",
        "digits-ds_cnn-palettized-coreml",
        "digits-ds_cnn-onnxruntime",
        "digits-ds_cnn-int8-onnxruntime",
    ]
    assert [name.rpartition("-")[2] for name in five["validate"]] == [
        "android",
        "android",
        "ios",
        "ios",
        "linux",
    ]


def test_each_section_names_the_variant_that_it_builds_on(five: Plan) -> None:
    validate = five["validate"]["digits-ds_cnn-float16-coreml-ios"]
    convert = five["convert"][validate["convert"]]
    quantize = five["quantize"][convert["quantize"]]
    assert five["prune"][quantize["prune"]]["train"] == validate["train"] == "digits-ds_cnn"


def test_a_bundle_holds_every_target_of_its_platform(five: Plan) -> None:
    assert {
        platform: list(section["targets"]) for platform, section in five["package"].items()
    } == {
        "android": ["pixel_8", "android_any"],
        "ios": ["iphone_15", "iphone_se_3"],
        "linux": ["raspberry_pi_5"],
    }


def test_a_second_target_with_other_epochs_carries_its_own_name_from_there_on(
    release: Release, composed: dict[str, Target]
) -> None:
    patient = _like(composed["pixel_8"], "patient")
    patient.recipe.train.epochs = 99
    found = variants.merge(release, [composed["pixel_8"], patient])
    assert list(found["train"]) == ["digits-ds_cnn", "digits-ds_cnn-patient"]
    assert list(found["convert"]) == [
        "digits-ds_cnn-litert",
        "digits-ds_cnn-int8-litert",
        "digits-ds_cnn-patient-litert",
        "digits-ds_cnn-patient-int8-litert",
    ]
    assert found["train"]["digits-ds_cnn-patient"]["epochs"] == 99
    assert (
        found["package"]["android"]["targets"]["patient"]["validate"]
        == "digits-ds_cnn-patient-int8-litert-android"
    )


def test_the_first_target_of_the_release_keeps_the_plain_name(
    release: Release, composed: dict[str, Target]
) -> None:
    patient = _like(composed["pixel_8"], "patient")
    patient.recipe.train.epochs = 99
    found = variants.merge(release, [patient, composed["pixel_8"]])["train"]
    assert list(found) == ["digits-ds_cnn", "digits-ds_cnn-pixel_8"]
    assert found["digits-ds_cnn"]["epochs"] == 99


def test_a_target_called_like_an_option_takes_no_name_that_is_taken(
    release: Release, composed: dict[str, Target]
) -> None:
    plain, misnamed = _like(composed["pixel_8"], "plain"), _like(composed["pixel_8"], "float16")
    for target in (plain, misnamed):
        target.choices["quantize"], target.recipe.quantize = "none", Quantize("none")
    misnamed.recipe.quantize.granularity = Granularity.per_tensor
    found = variants.merge(release, [plain, composed["android_any"], misnamed])["quantize"]
    assert list(found) == [
        "digits-ds_cnn",
        "digits-ds_cnn-float16",
        "digits-ds_cnn-float16-float16",
    ]
    assert found["digits-ds_cnn-float16"]["scheme"] == "float16"


def test_targets_that_part_late_share_what_comes_before(
    release: Release, composed: dict[str, Target]
) -> None:
    careful = _like(composed["pixel_8"], "careful")
    careful.recipe.validate.runs = 2048
    found = variants.merge(release, [composed["pixel_8"], careful])
    assert list(found["convert"]) == ["digits-ds_cnn-litert", "digits-ds_cnn-int8-litert"]
    assert len(found["train"]) == 1
    assert list(found["validate"]) == [
        "digits-ds_cnn-int8-litert-android",
        "digits-ds_cnn-int8-litert-android-careful",
    ]


def test_targets_that_differ_in_budget_alone_share_every_measurement(
    release: Release, composed: dict[str, Target]
) -> None:
    strict = _like(composed["pixel_8"], "strict")
    strict.recipe.validate.budget.size_mb = Ceiling(at_most=1, required=True)
    found = variants.merge(release, [composed["pixel_8"], strict])
    targets = found["package"]["android"]["targets"]
    assert len(found["validate"]) == 1
    assert targets["strict"]["validate"] == targets["pixel_8"]["validate"]
    assert targets["strict"]["recipe_sha256"] != targets["pixel_8"]["recipe_sha256"]
    assert targets["strict"]["budget"]["size_mb"]["at_most"] == 1


@pytest.mark.parametrize(
    ("scheme", "keep", "count"), [("mixed", DType.float32, 2), ("int8", None, 1)]
)
def test_the_gates_are_part_of_quantize_only_where_they_decide_what_comes_out(
    release: Release, composed: dict[str, Target], scheme: str, keep: DType | None, count: int
) -> None:
    lenient, strict = _like(composed["pixel_8"], "lenient"), _like(composed["pixel_8"], "strict")
    calibration = Calibration("min_max", samples=100, seed=0)
    for target, share in ((lenient, 0.9), (strict, 0.97)):
        target.recipe.quantize = Quantize(
            scheme, calibration, Granularity.per_channel, fallback_dtype=keep
        )
        target.recipe.validate.budget.accuracy = Floor(at_least=share, required=True)
        target.recipe.validate.budget.speedup = None  # no float parent beside them
    found = variants.merge(release, [lenient, strict])["quantize"]
    assert len(found) == count
    gates = [section["accuracy"] and section["accuracy"]["at_least"] for section in found.values()]
    assert gates == ([0.9, 0.97] if keep else [None])


def test_a_waiver_measures_nothing_again_and_is_another_recipe(
    release: Release, composed: dict[str, Target]
) -> None:
    before = variants.merge(release, [composed["pixel_8"]])
    pixel = _like(composed["pixel_8"], "pixel_8")
    pixel.recipe.validate.waivers = [
        Waiver(gate="size_mb", reason="one release", by="Ada", until="2027-01-31")
    ]
    found = [change.key for change in changes.compare(before, variants.merge(release, [pixel]))]
    assert found == [
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


def test_the_plan_is_that_of_the_released_targets(project: Path, planned: Plan) -> None:
    assert planner.make() == planned


def test_update_writes_the_plan_and_has_nothing_to_do_the_second_time(
    project: Path, planned: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    _recipes_say(planned, monkeypatch)
    found = planner.update()
    assert "+ train.digits-ds_cnn" in map(str, found)
    assert PARAMS.read_text().startswith("# Written by `edgebake plan`")
    assert _stages() == planned
    assert planner.OK.read_bytes() == b"ok\n"
    assert planner.update() == []


def test_check_passes_on_a_fresh_plan_and_lists_what_a_stale_one_misses(
    project: Path, five: Plan, reseeded: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    planner.write(five)
    _recipes_say(five, monkeypatch)
    planner.check()
    _recipes_say(reseeded, monkeypatch)
    with pytest.raises(
        PlanError, match=r"run `edgebake plan` and commit it:\n  train.digits-ds_cnn.seed: 1 -> 77"
    ):
        planner.check()
    assert _stages() == five


def test_repro_goes_on_after_an_edited_number(
    project: Path, five: Plan, reseeded: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    planner.write(five)
    _recipes_say(reseeded, monkeypatch)
    assert "  train.digits-ds_cnn.seed: 1 -> 77" in map(str, planner.update(in_repro=True))
    assert _stages() == reseeded


def test_repro_keeps_what_an_experiment_set_until_a_recipe_is_edited(
    project: Path, five: Plan, reseeded: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    planner.write(five)
    _recipes_say(five, monkeypatch)
    PARAMS.write_text(PARAMS.read_text().replace("epochs: 30", "epochs: 3"))
    assert planner.update(in_repro=True) == []
    assert read_plan()["train"]["digits-ds_cnn"]["epochs"] == 3
    _recipes_say(reseeded, monkeypatch)
    planner.update(in_repro=True)
    assert _stages() == reseeded


def test_planning_by_hand_takes_an_experiments_value_back(
    project: Path, five: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    planner.write(five)
    _recipes_say(five, monkeypatch)
    PARAMS.write_text(PARAMS.read_text().replace("epochs: 30", "epochs: 3"))
    assert list(map(str, planner.update())) == ["  train.digits-ds_cnn.epochs: 3 -> 30"]
    assert _stages() == five


def test_planning_mends_a_plan_that_is_none(
    project: Path, five: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    PARAMS.write_text("train: [a]\n")
    _recipes_say(five, monkeypatch)
    planner.update()
    assert _stages() == five


def _stages() -> Plan:
    return {stage: variants for stage, variants in read_plan().items() if stage != "plan"}


def test_repro_stops_where_dvc_has_to_read_the_plan_again(
    project: Path,
    five: Plan,
    release: Release,
    composed: dict[str, Target],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    planner.write(five)
    android = variants.merge(release, [composed["pixel_8"], composed["android_any"]])
    _recipes_say(android, monkeypatch)
    with pytest.raises(
        PlanError, match=r"it is written now: run `dvc repro` again\n(.*\n)*- package.ios"
    ):
        planner.update(in_repro=True)
    assert _stages() == android


def test_outputs_of_variants_that_are_gone_are_removed_and_the_others_stay(
    project: Path, five: Plan
) -> None:
    orphans = [artifacts.folder("train", "old"), artifacts.folder("validate", "old", "android")]
    kept = [
        artifacts.folder("train", "digits-ds_cnn"),
        artifacts.folder("validate", "digits-ds_cnn-int8-litert-android", "android"),
    ]
    for folder in orphans + kept:
        artifacts.write_files(folder, {"metrics.json": b"{}"})
    planner.write(five)
    assert [folder.exists() for folder in orphans] == [False, False]
    assert [folder.exists() for folder in kept] == [True, True]


def test_a_variant_that_moved_to_another_platform_leaves_nothing_behind(
    project: Path, five: Plan
) -> None:
    moved = artifacts.folder("validate", "digits-ds_cnn-int8-litert-android", "linux")
    artifacts.write_files(moved, {"metrics.json": b"{}"})
    planner.write(five)
    assert not moved.exists()
