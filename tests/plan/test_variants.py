"""Merge targets into variants: equal work once, other work under a name of its own."""

from copy import deepcopy
from dataclasses import replace

import pytest

from edgebake.plan import variants
from edgebake.plan.compose import Target
from edgebake.recipe import Calibration, Ceiling, DType, Floor, Granularity, Quantize, Release
from edgebake.recipe.stage_params import Plan


def _like(target: Target, name: str) -> Target:
    """Return the same recipe under another target's name, to edit."""
    return replace(deepcopy(target), name=name)


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
    plan = variants.merge(release, [composed["pixel_8"], patient])
    assert list(plan["train"]) == ["digits-ds_cnn", "digits-ds_cnn-patient"]
    assert list(plan["convert"]) == [
        "digits-ds_cnn-litert",
        "digits-ds_cnn-int8-litert",
        "digits-ds_cnn-patient-litert",
        "digits-ds_cnn-patient-int8-litert",
    ]
    assert plan["train"]["digits-ds_cnn-patient"]["epochs"] == 99
    assert (
        plan["package"]["android"]["targets"]["patient"]["validate"]
        == "digits-ds_cnn-patient-int8-litert-android"
    )


def test_the_first_target_of_the_release_keeps_the_plain_name(
    release: Release, composed: dict[str, Target]
) -> None:
    patient = _like(composed["pixel_8"], "patient")
    patient.recipe.train.epochs = 99
    plan = variants.merge(release, [patient, composed["pixel_8"]])["train"]
    assert list(plan) == ["digits-ds_cnn", "digits-ds_cnn-pixel_8"]
    assert plan["digits-ds_cnn"]["epochs"] == 99


def test_a_target_called_like_an_option_takes_no_name_that_is_taken(
    release: Release, composed: dict[str, Target]
) -> None:
    plain, misnamed = _like(composed["pixel_8"], "plain"), _like(composed["pixel_8"], "float16")
    for target in (plain, misnamed):
        target.choices["quantize"], target.recipe.quantize = "none", Quantize("none")
    misnamed.recipe.quantize.granularity = Granularity.per_tensor
    plan = variants.merge(release, [plain, composed["android_any"], misnamed])["quantize"]
    assert list(plan) == ["digits-ds_cnn", "digits-ds_cnn-float16", "digits-ds_cnn-float16-float16"]
    assert plan["digits-ds_cnn-float16"]["scheme"] == "float16"


def test_targets_that_part_late_share_what_comes_before(
    release: Release, composed: dict[str, Target]
) -> None:
    careful = _like(composed["pixel_8"], "careful")
    careful.recipe.validate.runs = 2048
    plan = variants.merge(release, [composed["pixel_8"], careful])
    assert list(plan["convert"]) == ["digits-ds_cnn-litert", "digits-ds_cnn-int8-litert"]
    assert len(plan["train"]) == 1
    assert list(plan["validate"]) == [
        "digits-ds_cnn-int8-litert-android",
        "digits-ds_cnn-int8-litert-android-careful",
    ]


def test_targets_that_differ_in_budget_alone_share_every_measurement(
    release: Release, composed: dict[str, Target]
) -> None:
    strict = _like(composed["pixel_8"], "strict")
    strict.recipe.validate.budget.size_mb = Ceiling(at_most=1, required=True)
    plan = variants.merge(release, [composed["pixel_8"], strict])
    targets = plan["package"]["android"]["targets"]
    assert len(plan["validate"]) == 1
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
    plan = variants.merge(release, [lenient, strict])["quantize"]
    assert len(plan) == count
    gates = [section["accuracy"] and section["accuracy"]["at_least"] for section in plan.values()]
    assert gates == ([0.9, 0.97] if keep else [None])
