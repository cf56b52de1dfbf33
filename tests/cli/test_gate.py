"""`edgebake gate`: a changed budget is decided again; nothing else may have changed."""

from pathlib import Path

import pytest

from edgebake.cli.main import main
from edgebake.plan import planner
from edgebake.recipe.stage_params import Plan
from tests import measured
from tests.builds import edit

VARIANT = "digits-ds_cnn-int8-litert-android"


@pytest.fixture
def built(project: Path, planned: Plan) -> Path:
    """A project with pixel_8 measured: 540 examples, 7 wrong, as its float parent."""
    planner.write(planned)
    measured.lay(VARIANT, "android", right=533, lost=0, n=540)
    measured.lay_parity("android", {VARIANT: [measured.comparison(0, 540)]})
    return project


def _rows(printed: str) -> dict[str, list[str]]:
    lines = [line.split() for line in printed.splitlines() if line.strip().startswith("pixel_8 ")]
    return {columns[1]: columns[2:] for columns in lines}


def test_every_gate_is_shown_with_its_bound_and_how_many(
    built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gate", "pixel_8"]) == 0
    printed = capsys.readouterr().out
    rows = _rows(printed)
    # 0.9758: the lower bound of 533 of 540 at 0.95; 0.00557: of no difference in 540.
    assert " ".join(rows["accuracy"]).startswith(
        "at least 0.95 0.987 0.9758 at 0.95 540 host (some CPU, 1 thread)"
    )
    assert " ".join(rows["accuracy_drop"]).startswith("at most 0.02 0 0.00557 at 0.95 540 ")
    assert all(columns[-1] in ("passed", "recipe") for columns in rows.values())
    assert "pixel_8, class_accuracy: worst is 0: 53 of 54" in printed
    assert (
        f"host: some CPU, Linux 6.1, governor performance, some runtime 1.0, file {measured.SHA256}"
        in printed
    )
    counted = "76,800,000 multiply-accumulates, 1,000 parameters, activation peak 1.0 kB"
    assert f"counted in the file: {counted}" in printed
    reason = "the peak compute and bandwidth of a core of Google Pixel 8 are"
    assert f"predicted by roofline: not measured: {reason}" in printed
    assert (
        "predicted on cpu (kernels of the runtime): 100% of operators, 100% of multiply-accumulates"
        in printed
    )


def test_an_override_is_decided_again_without_measuring(
    built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gate", "pixel_8", "validate.budget.accuracy.at_least=0.98"]) == 1
    printed = capsys.readouterr().out
    assert _rows(printed)["accuracy"][-1] == "inconclusive"
    assert "more test examples would decide; until then it blocks the release" in printed


def test_an_edited_recipe_is_decided_again_before_it_is_planned(
    built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(
        built / "recipes/validate/realtime.yaml",
        "size_mb: { at_most: 20,",
        "size_mb: { at_most: 0.01,",
    )
    assert main(["gate", "pixel_8"]) == 1
    assert _rows(capsys.readouterr().out)["size_mb"][-1] == "failed"


def test_a_waiver_is_shown(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(
        built / "recipes/validate/realtime.yaml",
        "size_mb: { at_most: 20,",
        "size_mb: { at_most: 0.01,",
    )
    waiver = "{ gate: size_mb, reason: one release, by: Ada, until: '2999-12-31' }"
    edit(built / "recipes/validate/realtime.yaml", "waivers: []", f"waivers: [{waiver}]")
    assert main(["gate", "pixel_8"]) == 0
    printed = capsys.readouterr().out
    assert _rows(printed)["size_mb"][-1] == "waived"
    assert "waiver: pixel_8, size_mb, by Ada until 2999-12-31: one release" in printed


def test_a_recipe_that_says_otherwise_of_the_model_is_refused(
    built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gate", "pixel_8", "train.epochs=3"]) == 1
    assert capsys.readouterr().err.strip() == (
        "edgebake: pixel_8: its recipe differs from params.yaml in more than its gates; "
        "expected the recipe that was measured: run `edgebake build`"
    )


def test_a_target_that_was_not_measured_is_refused(
    built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gate", "raspberry_pi_5"]) == 1
    assert "dvc repro" in capsys.readouterr().err


def test_a_target_that_does_not_exist_is_refused_with_the_nearest(
    built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gate", "pixel_9"]) == 1
    assert "did you mean 'pixel_8'?" in capsys.readouterr().err


def test_the_gates_of_all_candidates_are_shown_and_which_of_them_ships(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = project / "recipes/target/pixel_8.yaml"
    edit(target, "  - override /quantize: int8\n", "")
    with target.open("a") as file:
        file.write("candidates: { quantize: [int8, float16], ships: order }\n")
    planner.update()
    measured.lay(VARIANT, "android", right=500, lost=0, n=540)
    measured.lay("digits-ds_cnn-float16-litert-android", "android", right=535, lost=0, n=540)
    assert main(["gate", "pixel_8"]) == 0
    printed = capsys.readouterr().out
    cells = [row.split()[:2] for row in printed.splitlines()]
    assert ["pixel_8-int8", "accuracy"] in cells
    assert ["pixel_8-float16", "accuracy"] in cells
    line = "candidates of pixel_8: int8 does not pass, float16 ships (the first that passes every"
    assert line in printed
    assert main(["table"]) == 0
    assert line in capsys.readouterr().out
    assert main(["gate", "pixel_8", "validate.budget.accuracy.at_least=0.999"]) == 1
