"""Plan the float baseline of a target with a speedup gate, in the target's own runtime."""

from copy import deepcopy
from dataclasses import replace

from edgebake.plan import variants
from edgebake.plan.compose import Target
from edgebake.recipe import DType, Protect, Quantize, Release, TimedCeiling
from edgebake.recipe.stage_params import Plan


def _like(composed: Target, target: str) -> Target:
    """Return the same recipe under another target's name, to edit."""
    return replace(deepcopy(composed), name=target)


def _parents(found: Plan) -> dict[str, str]:
    """Return the baseline of each variant of validate: a variant of convert."""
    return {name: section["float_parent"] for name, section in found["validate"].items()}


def test_a_target_with_a_speedup_gate_brings_its_float_parent_and_no_other_does(
    planned: Plan,
) -> None:
    assert _parents(planned) == {
        "digits-ds_cnn-int8-litert-android": "digits-ds_cnn-litert",
        "digits-ds_cnn-channels-int8-litert-android": "digits-ds_cnn-litert",
        "digits-ds_cnn-float16-litert-android": "digits-ds_cnn-litert",
        # Untimed: its own file.
        "digits-ds_cnn-float16-coreml-ios": "digits-ds_cnn-float16-coreml",
        "digits-ds_cnn-palettized-coreml-ios": "digits-ds_cnn-palettized-coreml",
        "digits-ds_cnn-int8-onnxruntime-linux": "digits-ds_cnn-onnxruntime",
        # A float model is its own baseline.
        "digits-ds_cnn-onnxruntime-linux": "digits-ds_cnn-onnxruntime",
    }


def test_a_float_parent_is_converted_once_per_runtime_and_validated_only_where_it_ships(
    planned: Plan,
) -> None:
    parents = ["digits-ds_cnn-litert", "digits-ds_cnn-onnxruntime"]
    converted = [
        name
        for name, section in planned["convert"].items()
        if section["quantize"] == "digits-ds_cnn"
    ]
    assert converted == parents
    validated = {section["convert"] for section in planned["validate"].values()}
    assert set(parents) & validated == {"digits-ds_cnn-onnxruntime"}  # which linux_any ships
    assert planned["quantize"]["digits-ds_cnn"]["scheme"] == "none"


def test_a_pruned_target_is_counted_against_the_whole_model(
    release: Release, composed: dict[str, Target]
) -> None:
    found = variants.merge(release, [composed["galaxy_a14"]])
    assert list(found["prune"]) == ["digits-ds_cnn", "digits-ds_cnn-channels"]
    assert list(found["quantize"]) == ["digits-ds_cnn", "digits-ds_cnn-channels-int8"]
    assert found["quantize"]["digits-ds_cnn"]["prune"] == "digits-ds_cnn"
    assert found["prune"]["digits-ds_cnn"]["method"] == "none"
    assert _parents(found) == {"digits-ds_cnn-channels-int8-litert-android": "digits-ds_cnn-litert"}


def test_targets_without_a_speedup_gate_bring_no_float_parent(
    release: Release, composed: dict[str, Target]
) -> None:
    pixel, galaxy = (_like(composed[name], name) for name in ("pixel_8", "galaxy_a14"))
    for target in (pixel, galaxy):
        target.recipe.validate.budget.speedup = None
    found = variants.merge(release, [pixel, galaxy])
    assert list(found["quantize"]) == ["digits-ds_cnn-int8", "digits-ds_cnn-channels-int8"]
    assert list(found["convert"]) == [
        "digits-ds_cnn-int8-litert",
        "digits-ds_cnn-channels-int8-litert",
    ]
    assert list(_parents(found).values()) == list(found["convert"])


def test_a_stripped_target_shares_its_parent_with_one_that_is_not(
    release: Release, composed: dict[str, Target]
) -> None:
    pixel, stripped = (_like(composed["pixel_8"], name) for name in ("pixel_8", "stripped"))
    stripped.recipe.package.protect = Protect.strip
    found = variants.merge(release, [pixel, stripped])
    assert {name: section["strip"] for name, section in found["convert"].items()} == {
        "digits-ds_cnn-litert": False,
        "digits-ds_cnn-int8-litert": False,
        "digits-ds_cnn-int8-litert-stripped": True,
    }
    assert set(_parents(found).values()) == {"digits-ds_cnn-litert"}


def test_a_float_target_is_its_own_parent(release: Release, composed: dict[str, Target]) -> None:
    plain = _like(composed["pixel_8"], "plain")
    plain.choices["quantize"], plain.recipe.quantize = "none", Quantize("none")
    found = variants.merge(release, [plain])
    assert list(found["convert"]) == ["digits-ds_cnn-litert"]
    assert _parents(found) == {"digits-ds_cnn-litert-android": "digits-ds_cnn-litert"}


def test_a_parent_takes_and_gives_floats_whatever_its_child_is_fed(
    release: Release, composed: dict[str, Target]
) -> None:
    fed = _like(composed["pixel_8"], "fed")
    fed.recipe.convert.input = fed.recipe.convert.output = DType.int8
    found = variants.merge(release, [composed["android_any"], fed])["convert"]
    assert list(found) == [
        "digits-ds_cnn-litert",
        "digits-ds_cnn-float16-litert",
        "digits-ds_cnn-int8-litert",
    ]
    parent, child = found["digits-ds_cnn-litert"], found["digits-ds_cnn-int8-litert"]
    assert (parent["input"], parent["output"]) == (None, None)
    assert (child["input"], child["output"]) == ("int8", "int8")


def test_a_gate_of_speed_without_one_of_speedup_needs_no_parent(
    release: Release, composed: dict[str, Target]
) -> None:
    timed = _like(composed["iphone_15"], "timed")
    timed.recipe.validate.budget.latency_p90_ms = TimedCeiling(at_most=50, required=True)
    assert list(variants.merge(release, [timed])["convert"]) == ["digits-ds_cnn-float16-coreml"]
