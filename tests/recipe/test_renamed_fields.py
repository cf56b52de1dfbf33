"""Old names of fields are read for one release, and each one is named once with its new name."""

import shutil
import warnings
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgebake.cli.main import main
from edgebake.errors import RenamedFieldWarning
from edgebake.plan import compose
from edgebake.recipe import renamed_fields
from edgebake.recipe.stage_params import PARAMS, read, read_plan

ROOT = Path(__file__).parents[2]
HINT = "the next release reads the new name only"
# File -> new text -> old text, for every field that was renamed.
OLD_RECIPES = {
    "data/digits.yaml": {"color: grayscale": "colour: grey"},
    "model/ds_cnn.yaml": {"width_multiplier:": "width:"},
    "quantize/int8.yaml": {"samples: 100": "examples: 100"},
    "validate/realtime.yaml": {
        "accuracy_drop:": "loss:",
        "expected_calibration_error:": "calibration_error:",
        "accelerator_coverage:": "placement:",
    },
}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """Yield the working directory: a copy of the recipes, with today's names."""
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    with chdir(tmp_path):
        yield tmp_path


def make_old(project: Path) -> None:
    for name, texts in OLD_RECIPES.items():
        file = project / "recipes" / name
        text = file.read_text()
        for new, old in texts.items():
            assert text.count(new) == 1, (name, new)
            text = text.replace(new, old)
        file.write_text(text)


def test_recipes_with_old_names_compose_to_the_same_target(project: Path) -> None:
    expected = compose.compose_targets(["pixel_8"])
    make_old(project)
    with pytest.warns(RenamedFieldWarning):
        assert compose.compose_targets(["pixel_8"]) == expected


def test_check_prints_one_line_per_old_name(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_old(project)
    assert main(["check"]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert sorted(lines) == [
        f"edgebake: recipes/data/digits.yaml: data.color: grey is renamed to grayscale; {HINT}",
        f"edgebake: recipes/data/digits.yaml: data.colour: renamed to color; {HINT}",
        f"edgebake: recipes/model/ds_cnn.yaml: model.width: renamed to width_multiplier; {HINT}",
        "edgebake: recipes/quantize/int8.yaml: quantize.calibration.examples: renamed to samples; "
        f"{HINT}",
        "edgebake: recipes/validate/realtime.yaml: validate.budget.calibration_error: "
        f"renamed to expected_calibration_error; {HINT}",
        "edgebake: recipes/validate/realtime.yaml: validate.budget.loss: "
        f"renamed to accuracy_drop; {HINT}",
        "edgebake: recipes/validate/realtime.yaml: validate.budget.placement: "
        f"renamed to accelerator_coverage; {HINT}",
    ]


def test_new_names_are_read_in_silence(project: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", RenamedFieldWarning)
        compose.compose_targets(["pixel_8"], ["quantize.calibration.samples=7"])


def test_a_target_may_use_old_names_below_its_groups(project: Path) -> None:
    target = project / "recipes/target/pixel_8.yaml"
    target.write_text(target.read_text() + "\nvalidate: { budget: { loss: { at_most: 0.03 } } }\n")
    with pytest.warns(
        RenamedFieldWarning, match=r"^recipes/target/pixel_8\.yaml: validate\.budget\.loss: "
    ):
        recipe = compose.compose_targets(["pixel_8"])[0].recipe
    assert recipe.validate.budget.accuracy_drop is not None
    assert recipe.validate.budget.accuracy_drop.at_most == 0.03


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("model.width=0.5", "model.width_multiplier=0.5"),
        ("data.colour=grey", "data.color=grayscale"),
        ("+quantize.keep=float32", "+quantize.fallback_dtype=float32"),
        ("~validate.budget.loss", "~validate.budget.accuracy_drop"),
    ],
)
def test_overrides_may_use_old_names(override: str, expected: str) -> None:
    with pytest.warns(RenamedFieldWarning, match="^command line: "):
        assert renamed_fields.rename_override(override) == expected


@pytest.mark.parametrize("override", ["model.width_multiplier=0.5", "quantize=int8", "a=b=c"])
def test_other_overrides_stay_as_they_are(override: str) -> None:
    assert renamed_fields.rename_override(override) == override


def test_a_waiver_may_name_a_gate_by_its_old_name() -> None:
    options = {"waivers": [{"gate": "loss", "reason": "a trial"}]}
    with pytest.warns(
        RenamedFieldWarning, match=r"waivers\.gate: loss is renamed to accuracy_drop"
    ):
        renamed = renamed_fields.rename_in_file(options, "validate", "x.yaml")
    assert renamed == {"waivers": [{"gate": "accuracy_drop", "reason": "a trial"}]}


def test_a_plan_with_old_names_is_read(tmp_path: Path) -> None:
    plan: dict[str, Any] = yaml.safe_load((ROOT / PARAMS).read_text())
    expected = read_plan_in(tmp_path, plan)
    for variant in plan["quantize"].values():
        variant["training"] = variant.pop("qat")
        variant["keep"] = variant.pop("fallback_dtype")
        variant["ladder"] = variant.pop("candidates")
        if variant["calibration"]:
            variant["calibration"]["examples"] = variant["calibration"].pop("samples")
        variant["data"]["colour"] = {"grayscale": "grey"}[variant["data"].pop("color")]
    for variant in plan["train"].values():
        variant["model"]["width"] = variant["model"].pop("width_multiplier")
    for platform in plan["package"].values():
        for target in platform["targets"].values():
            target["budget"]["loss"] = target["budget"].pop("accuracy_drop")
    assert read_plan_in(tmp_path, plan) == expected
    with chdir(tmp_path):
        assert read("train", "digits-ds_cnn").model.width_multiplier == 1.0


def read_plan_in(folder: Path, plan: dict[str, Any]) -> dict[str, Any]:
    (folder / PARAMS).write_text(yaml.safe_dump(plan))
    with chdir(folder):
        return read_plan()
