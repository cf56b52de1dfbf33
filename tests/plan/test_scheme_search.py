"""Search for the scheme of `quantize: auto`: build the first candidate that is not rejected."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from edgebake import artifacts
from edgebake.errors import GateError, RecipeError
from edgebake.plan import planner, scheme_search, variants
from edgebake.plan.scheme_search import Candidate
from edgebake.recipe.stage_params import PARAMS, Plan, read_plan
from edgebake.stages import verdicts
from tests import measured
from tests.builds import edit
from tests.stages import alone

MISSED = "accuracy at least 0.95: 0.9, missed by 0.05"


@pytest.fixture
def auto(project: Path) -> Path:
    """A project that releases `x`, and what devices fall back to; its scheme is
    the first of dynamic, int8 and float16 with which every gate passes."""
    put_candidates("dynamic", "int8", "float16")
    put_target("x")
    release("x")
    return project


def put_candidates(*candidates: str) -> None:
    Path("recipes/quantize/auto.yaml").write_text(
        yaml.safe_dump({"scheme": "auto", "candidates": list(candidates)})
    )


def put_target(
    name: str, words: str = "", device: str = "pixel_8", convert: str = "litert"
) -> None:
    choices = {"device": device, "quantize": "auto", "convert": convert}
    lines = "".join(f"  - override /{group}: {choice}\n" for group, choice in choices.items())
    # Each for a chip of its own: a target whose devices all get another one first is refused.
    rule = f"device: {{ soc: [the chip of {name}] }}\n"
    Path(f"recipes/target/{name}.yaml").write_text(
        f"# @package _global_\ndefaults:\n{lines}{rule}{words}"
    )


def release(*names: str) -> None:
    file = Path("recipes/release.yaml")
    targets = ", ".join([*names, "android_any"])
    file.write_text(f"{file.read_text().partition('targets:')[0]}targets: [{targets}]\n")


def refused(**accuracy: float) -> None:
    """Let package judge the targets for Android.

    Args:
        accuracy: accuracy of a target by name; 0.97 for others.
    """
    found: dict[str, float] = {}
    for name, target in read_plan()["package"]["android"][
        "targets"
    ].items():  # some may share a file
        found[target["validate"]] = min(found.get(target["validate"], 1), accuracy.get(name, 0.97))
    for variant, share in found.items():
        measured.lay(variant, "android", right=round(share * 1000))
    with pytest.raises(GateError, match=r"^android: no bundle"):
        alone.run("package", "android")


def fates(target: str = "x") -> dict[str, Any]:
    """Return what params.yaml says of each candidate down to the one that is built."""
    return {
        candidate["option"]: candidate["refused"] or candidate["missed"]
        for candidate in read_plan()["candidates"][target]
    }


def built(stage: str) -> list[str]:
    """Return the variants of a stage, less those that the fallback alone needs."""
    return [name for name in read_plan()[stage] if "float16" not in name]


def _stages() -> Plan:
    return {stage: read_plan()[stage] for stage in variants.STAGES}


def test_the_cheapest_candidate_is_planned_as_if_the_target_had_named_it(auto: Path) -> None:
    planner.update()
    assert fates() == {"dynamic": []}
    searched = _stages()
    assert built("quantize") == ["digits-ds_cnn", "digits-ds_cnn-dynamic"]  # and its float parent
    edit(Path("recipes/target/x.yaml"), "quantize: auto", "quantize: dynamic")
    planner.update()
    assert _stages() == searched


def test_a_candidate_that_missed_a_gate_gives_way_to_the_next(auto: Path) -> None:
    planner.update()
    refused(x=0.9)
    planner.update()
    assert fates() == {"dynamic": [MISSED], "int8": []}
    assert built("validate") == ["digits-ds_cnn-int8-litert-android"]
    assert not artifacts.folder(
        "validate", "digits-ds_cnn-dynamic-litert-android", "android"
    ).exists()


def test_a_candidate_whose_file_does_not_suit_the_model_gives_way_to_the_next(auto: Path) -> None:
    planner.update()
    variant = "digits-ds_cnn-dynamic-litert"
    verdicts.reject_converted(variant, f"convert {variant}: model.tflite: 0 of 8 as its model")
    verdicts.reject_converted("digits-ds_cnn-other", "convert digits-ds_cnn-other: of no target")
    planner.update()
    assert fates() == {"dynamic": ["model.tflite: 0 of 8 as its model"], "int8": []}


def test_a_verdict_on_another_recipe_rules_nothing_out(auto: Path) -> None:
    planner.update()
    refused(x=0.9)
    edit(Path("recipes/validate/realtime.yaml"), "at_least: 0.95", "at_least: 0.85")
    planner.update()
    assert fates() == {"dynamic": []}


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("train/scratch", "epochs: 30", "epochs: 31"),
        ("validate/realtime", "at_least: 0.95", "at_least: 0.96"),
        ("device/pixel_8", "memory_mb: 7000", "memory_mb: 4096"),
    ],
)
def test_an_edited_recipe_starts_the_search_at_the_first_candidate_again(
    auto: Path, file: str, old: str, new: str
) -> None:
    planner.update()
    refused(x=0.9)
    planner.update()
    edit(Path(f"recipes/{file}.yaml"), old, new)
    planner.update()
    assert fates() == {"dynamic": []}


def test_an_edit_of_a_lower_candidate_leaves_the_ones_above_it_ruled_out(auto: Path) -> None:
    planner.update()
    refused(x=0.9)
    planner.update()
    before = read_plan()["candidates"]["x"]
    edit(Path("recipes/quantize/int8.yaml"), "samples: 100", "examples: 50")
    planner.update()
    after = read_plan()["candidates"]["x"]
    assert after[0] == before[0]
    assert (after[1]["option"], after[1]["missed"]) == ("int8", [])
    assert after[1]["recipe_sha256"] != before[1]["recipe_sha256"]


def test_a_new_first_candidate_is_tried_and_the_others_are_remembered(auto: Path) -> None:
    planner.update()
    refused(x=0.9)
    planner.update()
    put_candidates("int8_per_tensor", "dynamic", "int8")
    planner.update()
    assert fates() == {"int8_per_tensor": []}
    refused(x=0.9)
    planner.update()
    assert list(fates()) == ["int8_per_tensor", "dynamic"]


@pytest.mark.parametrize(
    ("device", "convert", "candidate", "reason"),
    [
        (
            "android_any",
            "litert",
            "int8",
            "quantize: the scheme int8 computes in int8, which Any Android device cannot "
            "run; it runs: float16, "
            "float32",
        ),
        (
            "pixel_8",
            "onnxruntime",
            "int16x8",
            "quantize: onnxruntime cannot carry int16x8; expected one of: dynamic, "
            "float16, int4_weights, int8, mixed, "
            "none",
        ),
        (
            "iphone_15",
            "coreml",
            "int8",
            "convert.coreml.minimum_deployment_target: iOS16; int8 expects iOS17 or newer",
        ),
    ],
)
def test_a_candidate_that_cannot_be_carried_is_passed_over_with_its_reason(
    auto: Path, device: str, convert: str, candidate: str, reason: str
) -> None:
    put_candidates(candidate, "float16")
    put_target("x", device=device, convert=convert)
    release("x", "ios_any")
    planner.update()
    assert fates() == {candidate: reason, "float16": []}


def test_a_candidate_that_could_not_be_carried_is_tried_once_it_can_be(auto: Path) -> None:
    put_candidates("int8", "float16")
    put_target("x", device="android_any")
    planner.update()
    edit(
        Path("recipes/device/android_any.yaml"),
        "dtypes: [float32, float16]",
        "dtypes: [float32, float16, int8]",
    )
    planner.update()
    assert fates() == {"int8": []}


def test_candidates_without_one_left_says_by_how_much_each_missed(auto: Path) -> None:
    put_target("x", device="android_any")
    planner.update()
    refused(x=0.9)
    planner.update()
    refused(x=0.92)
    written = PARAMS.read_bytes()
    with pytest.raises(GateError) as out:
        planner.update()
    assert str(out.value) == (
        "x: no option of quantize.candidates passes every gate\n"
        "  dynamic  accuracy at least 0.95: 0.9, missed by 0.05\n"
        "  int8     not tried: quantize: the scheme int8 computes in int8, which Any "
        "Android device cannot run; it "
        "runs: float16, float32\n"
        "  float16  accuracy at least 0.95: 0.92, missed by 0.03"
    )
    assert PARAMS.read_bytes() == written


def test_a_candidate_more_is_taken_where_all_others_were_out(auto: Path) -> None:
    put_candidates("dynamic", "float16")
    planner.update()
    refused(x=0.9)
    planner.update()
    refused(x=0.92)
    put_candidates("dynamic", "float16", "none")
    planner.update()
    assert fates() == {
        "dynamic": [MISSED],
        "float16": ["accuracy at least 0.95: 0.92, missed by 0.03"],
        "none": [],
    }


def test_every_missed_gate_stands_in_the_record(auto: Path) -> None:
    edit(
        Path("recipes/validate/realtime.yaml"),
        "speedup: { at_least: 0.5,",
        "speedup: { at_least: 2.5,",
    )
    planner.update()
    refused(x=0.9)
    planner.update()
    assert fates()["dynamic"] == [MISSED, "speedup at least 2.5: 2, missed by 0.5"]


def test_a_candidate_that_the_examples_cannot_decide_gives_way_and_says_what_would_decide(
    auto: Path,
) -> None:
    planner.update()
    refused(x=0.96)
    planner.update()
    (missed,) = fates()["dynamic"]
    assert missed.startswith(
        "accuracy at least 0.95: 0.96, inconclusive: about 285 more test examples would decide; "
    )
    assert list(fates()) == ["dynamic", "int8"]


def test_two_targets_on_one_candidate_share_their_work_and_step_down_together(auto: Path) -> None:
    put_target("y", "package: { threshold: 0.6 }\n")
    release("x", "y")
    planner.update()
    # A float parent is converted beside them.
    assert [len(built(stage)) for stage in ("train", "quantize", "convert", "validate")] == [
        1,
        2,
        2,
        1,
    ]
    refused(x=0.9, y=0.9)
    planner.update()
    assert fates("x") == fates("y") == {"dynamic": [MISSED], "int8": []}
    assert built("validate") == ["digits-ds_cnn-int8-litert-android"]


def test_a_target_that_passes_stays_where_its_neighbour_steps_down(auto: Path) -> None:
    put_target("y", "validate: { budget: { accuracy: { at_least: 0.85 } } }\n")
    release("x", "y")
    planner.update()
    refused(x=0.9, y=0.9)
    planner.update()
    assert fates("x") == {"dynamic": [MISSED], "int8": []}
    assert fates("y") == {"dynamic": []}
    assert built("quantize") == ["digits-ds_cnn", "digits-ds_cnn-int8", "digits-ds_cnn-dynamic"]


def test_a_neighbour_that_left_the_release_does_not_send_a_target_up_again(auto: Path) -> None:
    put_target("y", "train: { epochs: 31 }\n")
    release("y", "x")
    planner.update()
    refused(x=0.9, y=0.97)
    planner.update()
    release("x")
    planner.update()
    assert fates() == {"dynamic": [MISSED], "int8": []}
    assert list(read_plan()["candidates"]) == ["x"]


def test_lines_stand_in_columns_and_name_every_missed_gate() -> None:
    candidates = [
        Candidate("int8_per_tensor", "a1", missed=["size_mb at most 1: 2, missed by 1", MISSED]),
        Candidate("int8", refused="quantize: litert cannot carry it"),
        Candidate("none", "a2"),
    ]
    assert scheme_search.lines(candidates) == [
        f"  int8_per_tensor  size_mb at most 1: 2, missed by 1; {MISSED}",
        "  int8             not tried: quantize: litert cannot carry it",
        "  none             taken",
    ]
    assert [candidate.is_rejected for candidate in candidates] == [True, True, False]


def test_the_record_of_a_target_that_names_its_scheme_is_forgotten(auto: Path) -> None:
    planner.update()
    edit(Path("recipes/target/x.yaml"), "quantize: auto", "quantize: dynamic")
    planner.update()
    assert "candidates" not in read_plan()


def test_a_target_may_bring_candidates_of_its_own(auto: Path) -> None:
    put_target("x", "quantize: { candidates: [int8, float16] }\n")
    planner.update()
    assert fates() == {"int8": []}


def test_a_mistake_in_the_file_of_a_candidate_is_told_and_the_candidate_is_not_passed_over(
    auto: Path,
) -> None:
    edit(
        Path("recipes/quantize/dynamic.yaml"),
        "scheme: dynamic",
        "scheme: dynamic\ngranularty: per_channel",
    )
    with pytest.raises(
        RecipeError, match=r"^recipes/quantize/dynamic\.yaml: quantize\.granularty: unknown key"
    ):
        planner.update()


@pytest.mark.parametrize("record", ["[x]", "{x: [int8]}", "{x: [{option: int8, color: red}]}"])
def test_planning_mends_a_record_that_is_none(auto: Path, record: str) -> None:
    planner.update()
    alone.set_param("candidates", value=yaml.safe_load(record))
    planner.update()
    assert fates() == {"dynamic": []}


def test_a_candidate_does_not_search_itself(auto: Path) -> None:
    Path("recipes/quantize/other.yaml").write_text("scheme: auto\ncandidates: [int8]\n")
    put_candidates("other", "float16")
    with pytest.raises(
        RecipeError, match=r"^recipes/quantize/auto\.yaml: quantize\.candidates: other; expected"
    ):
        planner.update()
