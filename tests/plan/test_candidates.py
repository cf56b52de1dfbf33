"""A target with candidates is planned as one entry for each, all of which are built."""

from pathlib import Path

import pytest

from edgebake.errors import RecipeError
from edgebake.plan import planner
from edgebake.plan.candidates import expand_all
from edgebake.plan.compose import compose_targets
from edgebake.recipe.stage_params import Plan, read_plan
from tests.builds import edit

TARGET = Path("recipes/target/pixel_8.yaml")


@pytest.fixture
def compared(project: Path) -> Path:
    """A project whose pixel_8 compares int8 with float16."""
    put_candidates("[int8, float16]")
    return project


def put_candidates(options: str) -> None:
    text = TARGET.read_text().replace("  - override /quantize: int8\n", "")
    TARGET.write_text(f"{text}candidates: {{ quantize: {options}, ships: size }}\n")


def _android() -> Plan:
    targets: Plan = read_plan()["package"]["android"]["targets"]
    return targets


def test_every_candidate_is_an_entry_in_the_place_of_its_target(compared: Path) -> None:
    planner.update()
    targets = _android()
    assert list(targets) == ["pixel_8-int8", "pixel_8-float16", "galaxy_a14", "android_any"]
    assert targets["pixel_8-float16"]["candidate"] == {
        "of": "pixel_8",
        "option": "float16",
        "ships": "size",
    }
    assert targets["pixel_8-int8"]["validate"] == "digits-ds_cnn-int8-litert-android"
    assert targets["android_any"]["candidate"] is None
    # It is the same file.
    assert targets["pixel_8-float16"]["validate"] == targets["android_any"]["validate"]


def test_overrides_hold_for_every_candidate(compared: Path) -> None:
    overrides = ["train.epochs=3"]
    targets = compose_targets(["pixel_8"], overrides)
    expanded = expand_all(targets, overrides)
    assert [target.name for target in expanded] == ["pixel_8-int8", "pixel_8-float16"]
    assert [target.recipe.train.epochs for target in expanded] == [3, 3]
    assert [target.choices["quantize"] for target in expanded] == ["int8", "float16"]


def test_one_that_does_not_fit_is_refused_before_any_work(project: Path) -> None:
    put_candidates("[int8, palettized]")
    with pytest.raises(RecipeError, match=r"candidates\.quantize: palettized: .* cannot carry"):
        planner.check_release()


def test_two_targets_for_one_device_are_refused_without_candidates(project: Path) -> None:
    Path("recipes/target/pixel_8_float.yaml").write_text(TARGET.read_text())
    edit(Path("recipes/release.yaml"), "  - pixel_8\n", "  - pixel_8\n  - pixel_8_float\n")
    with pytest.raises(RecipeError, match="no device tries it first"):
        planner.make()
