"""Evidence is read from the artifacts of validate and parity."""

from pathlib import Path

from edgebake import artifacts
from edgebake.evaluation.gates import evidence, judging
from edgebake.evaluation.gates.hypothesis_tests import PairedTest, ProportionTest
from edgebake.evaluation.gates.judge import PARITY
from edgebake.evaluation.gates.right_answers import grouped_test, share_rows
from edgebake.plan import planner
from edgebake.recipe.stage_params import Plan
from edgebake.tasks.outputs.classification import ACCURACY
from tests import measured

VARIANT = "digits-ds_cnn-int8-litert-android"


def _row(label: str, answer: str, float_answer: str) -> dict[str, str]:
    return {"label": label, "answer": answer, "float_answer": float_answer}


def test_pairs_count_what_either_model_alone_gets_right() -> None:
    rows = [
        _row("1", "1", "1"),
        _row("1", "0", "1"),
        _row("2", "0", "2"),
        _row("1", "1", "0"),
        _row("1", "0", "0"),
    ]
    right = share_rows(ACCURACY, rows)
    test = judging.drop_test(ACCURACY, right.before, right.now)
    assert test == PairedTest(lost=2, won=1, n=5)


def test_groups_are_sorted_by_name() -> None:
    rows = [
        _row("b", "b", "b"),
        _row("a", "b", "a"),
        _row("b", "a", "b"),
        _row("a", "a", "a"),
        _row("b", "b", "b"),
    ]
    groups = grouped_test(rows, "label").groups
    assert list(groups.items()) == [("a", ProportionTest(1, 2)), ("b", ProportionTest(2, 3))]


def test_all_that_validate_left_is_read(project: Path, planned: Plan) -> None:
    planner.write(planned)
    folder = measured.lay(VARIANT, "android", right=97, lost=2, n=100)
    compared = measured.comparison(1, 100)
    measured.lay_parity("android", {VARIANT: [compared]})
    target = evidence.read(folder, PARITY / "android.json")
    assert target.value_of(ACCURACY)[1] == ProportionTest(97, 100)
    assert target.drop_of(ACCURACY)[1] == PairedTest(2, 0, 100)
    assert target.metrics == measured.metrics(97, 2, 100)
    assert set(target.resamples) == set(measured.RESAMPLED)
    assert target.comparisons == [compared]


def test_a_model_without_a_twin_is_told_from_a_comparison_that_has_not_run(
    project: Path, planned: Plan
) -> None:
    planner.write(planned)
    folder = measured.lay(VARIANT, "android")
    before = evidence.read(folder, PARITY / "android.json")
    assert before.no_parity == "artifacts/parity/android.json does not exist: run `dvc repro`"
    measured.lay_parity("android", {VARIANT: []})
    after = evidence.read(folder, PARITY / "android.json")
    assert (after.comparisons, after.no_parity) == (
        [],
        "no file of another runtime in the release holds the same model",
    )
    assert artifacts.verify(folder) == folder
