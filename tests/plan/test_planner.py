"""Write and update params.yaml, and remove the outputs of variants that are gone."""

from pathlib import Path

import pytest

from edgebake import artifacts
from edgebake.errors import PlanError
from edgebake.plan import planner, variants
from edgebake.plan.compose import Target
from edgebake.recipe import Release
from edgebake.recipe.stage_params import Plan, read_plan

PARAMS = Path("params.yaml")


def _recipes_say(planned: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner, "make", lambda: planned)


def test_the_plan_is_that_of_the_released_targets(project: Path, planned: Plan) -> None:
    assert planner.make() == planned


def test_update_writes_the_plan_and_has_nothing_to_do_the_second_time(
    project: Path, planned: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    _recipes_say(planned, monkeypatch)
    differences = planner.update()
    assert "+ train.digits-ds_cnn" in map(str, differences)
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
        PlanError, match=r"the file was written again: run `dvc repro` again\n(.*\n)*- package.ios"
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
