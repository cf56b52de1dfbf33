"""Check the options of `validate`, one test per rule."""

from dataclasses import replace
from pathlib import Path

import pytest

from edgebake.plan.checks import recipe as recipe_checks
from edgebake.plan.checks import validate
from edgebake.recipe import (
    Accelerator,
    Adb,
    Budget,
    Ceiling,
    Floor,
    Gate,
    Mac,
    MetricGate,
    ParityGate,
    PlacementFloor,
    Recipe,
    Recorded,
    SliceFloor,
    Ssh,
    TimedFloor,
    Waiver,
)
from edgebake.tasks.metric import Metric
from edgebake.tasks.outputs.classification import ACCURACY, Classification

CONFIDENCE = "expected 0.5 to 1, for example 0.95"


def test_measuring_says_enough(recipe: Recipe) -> None:
    recipe.validate.runs, recipe.validate.warmup = 199, -1
    assert recipe_checks.check(recipe) == [
        ("validate.runs", "199; expected 200 or more, fewer do not determine the 95th percentile"),
        ("validate.warmup", "-1; expected 0 or more"),
    ]


def test_a_measurement_is_repeated_in_batches_of_something(recipe: Recipe) -> None:
    recipe.validate.repeats = recipe.validate.batch = 0
    assert recipe_checks.check(recipe) == [
        ("validate.repeats", "0; expected 1 or more"),
        ("validate.batch", "0; expected 1 or more"),
    ]


@pytest.mark.parametrize("value", [0.0, -1.0, 3601.0, float("inf"), float("nan")])
def test_the_clock_runs_and_stops(recipe: Recipe, value: float) -> None:
    recipe.validate.seconds = recipe.validate.sustained_minutes = value
    expected = f"{value:g}; expected more than 0 and at most"
    assert recipe_checks.check(recipe) == [
        ("validate.seconds", f"{expected} 3600"),
        ("validate.sustained_minutes", f"{expected} 720"),
    ]


@pytest.mark.parametrize("value", [0.0, -1.0, 10_081.0, float("inf"), float("nan")])
def test_a_deadline_comes(recipe: Recipe, value: float) -> None:
    recipe.validate.deadline_minutes = value
    expected = f"{value:g}; expected more than 0 and at most 10080"
    assert recipe_checks.check(recipe) == [("validate.deadline_minutes", expected)]


@pytest.mark.parametrize("share", [0.0, 1.0, 5.0, float("nan")])
def test_precision_is_a_share(recipe: Recipe, share: float) -> None:
    recipe.validate.precision = share
    expected = f"{share:g}; expected a share between 0 and 1, for example 0.05"
    assert recipe_checks.check(recipe) == [("validate.precision", expected)]


@pytest.mark.parametrize("place", ["adb", "ssh", "recorded"])
def test_a_place_has_its_words_and_no_other_place_has_any(recipe: Recipe, place: str) -> None:
    words = {
        "adb": Adb(python="python3"),
        "ssh": Ssh(host="pi"),
        "recorded": Recorded(file="lab.json"),
    }
    setattr(recipe.validate, place, words[place])
    assert recipe_checks.check(recipe) == [
        (f"validate.{place}", "has options; expected null where `where` is host")
    ]
    recipe.validate.where = place
    assert recipe_checks.check(recipe) == []
    setattr(recipe.validate, place, None)
    assert recipe_checks.check(recipe) == [
        (f"validate.{place}", f"null; expected a mapping where `where` is {place}")
    ]


def test_a_mac_needs_no_words_and_has_none_elsewhere(core_ml_recipe: Recipe) -> None:
    core_ml_recipe.validate.where = "mac"
    assert recipe_checks.check(core_ml_recipe) == []
    core_ml_recipe.validate.mac = Mac(device="my iPhone")
    assert recipe_checks.check(core_ml_recipe) == []
    core_ml_recipe.validate.where = "host"
    assert recipe_checks.check(core_ml_recipe) == [
        ("validate.mac", "has options; expected null where `where` is host")
    ]


@pytest.mark.parametrize("is_both", [True, False])
def test_one_way_leads_into_a_phone(recipe: Recipe, tmp_path: Path, is_both: bool) -> None:
    binary = tmp_path / "benchmark_model"
    binary.write_bytes(b"ELF")
    recipe.validate.where = "adb"
    recipe.validate.adb = Adb(benchmark_model=str(binary), python="python3") if is_both else Adb()
    expected = "expected either benchmark_model or python, the other null"
    assert recipe_checks.check(recipe) == [("validate.adb", expected)]
    recipe.validate.adb = Adb(benchmark_model=str(binary))
    assert recipe_checks.check(recipe) == []


def test_googles_binary_is_there(recipe: Recipe, tmp_path: Path) -> None:
    recipe.validate.where, recipe.validate.adb = "adb", Adb(benchmark_model=str(tmp_path))
    expected = f"{tmp_path}: no such file; expected Google's binary"
    assert recipe_checks.check(recipe) == [("validate.adb.benchmark_model", expected)]


def test_budget_can_be_met(recipe: Recipe) -> None:
    recipe.validate.budget.accuracy = Floor(at_least=95, required=True)
    recipe.validate.budget.frames_per_second = TimedFloor(at_least=-1, required=True)
    assert recipe_checks.check(recipe) == [
        ("validate.budget.accuracy.at_least", "95; expected 0 to 1"),
        ("validate.budget.frames_per_second.at_least", "-1; expected 0 or more"),
    ]


SHARES: dict[str, Gate] = {
    "macro_f1": Floor(at_least=1.5, required=True),
    "macro_f1_drop": Ceiling(at_most=1.5, required=True),
    "accuracy": Floor(at_least=1.5),
    "accuracy_drop": Ceiling(at_most=1.5),
    "class_accuracy": Floor(at_least=1.5),
    "slice_accuracy": SliceFloor(at_least=1.5, column="ink"),
    "expected_calibration_error": Ceiling(at_most=1.5),
    "parity": ParityGate(at_least=1.5),
    "parity_difference": Ceiling(at_most=1.5),
    "accelerator_coverage": PlacementFloor(at_least=1.5, accelerator=Accelerator.gpu),
}


@pytest.mark.parametrize("word", SHARES)
def test_no_share_is_above_1(recipe: Recipe, word: str) -> None:
    setattr(recipe.validate.budget, word, SHARES[word])
    bound = "at_least" if hasattr(SHARES[word], "at_least") else "at_most"
    assert recipe_checks.check(recipe) == [
        (f"validate.budget.{word}.{bound}", "1.5; expected 0 to 1")
    ]


def test_a_margin_of_parity_is_a_share(recipe: Recipe) -> None:
    recipe.validate.budget.parity = ParityGate(required=False, margin=2)
    assert recipe_checks.check(recipe) == [("validate.budget.parity.margin", "2; expected 0 to 1")]


OTHERS = ("false_alarms_per_hour", "metrics")  # tests/plan/checks/test_stream.py, and below


@pytest.mark.parametrize("word", sorted(set(Budget.__dataclass_fields__) - {*SHARES, *OTHERS}))
def test_what_is_no_share_has_no_top_but_is_a_number(recipe: Recipe, word: str) -> None:
    is_floor = word in ("speedup", "frames_per_second")
    for limit, problem in ((1e9, None), (float("inf"), "inf; expected 0 or more")):
        gate = Floor(at_least=limit) if is_floor else Ceiling(at_most=limit)
        setattr(recipe.validate.budget, word, gate)
        key = f"validate.budget.{word}.{'at_least' if is_floor else 'at_most'}"
        assert recipe_checks.check(recipe) == ([(key, problem)] if problem else [])


@pytest.mark.parametrize("confidence", [0.4, 1.0, 95.0, float("nan")])
def test_no_gate_asks_for_certainty_or_for_less_than_a_coin(
    recipe: Recipe, confidence: float
) -> None:
    recipe.validate.budget.accuracy = Floor(at_least=0.95, required=True, confidence=confidence)
    expected = f"{confidence:g}; expected 0.5 to 1, for example 0.95"
    assert recipe_checks.check(recipe) == [("validate.budget.accuracy.confidence", expected)]


class Counting(Classification):
    """A task of a project, with a share and an error of its own."""

    METRICS: tuple[Metric, ...] = (  # type: ignore[assignment]
        replace(ACCURACY, word="exact_count"),
        replace(ACCURACY, word="near"),
        replace(ACCURACY, word="error", unit="birds", exact=None, rises=False),
    )


COUNTING = [
    ("near", MetricGate(at_least=0.5), None),
    ("near_drop", MetricGate(at_most=0.02), None),
    ("error", MetricGate(at_most=2.5), None),
    ("near", MetricGate(at_least=1.5), (".at_least", "1.5; expected 0 to 1")),
    ("error", MetricGate(at_most=-1), (".at_most", "-1; expected 0 or more")),
    ("near", MetricGate(), ("", "has none; expected a value of at_least alone")),
    ("near", MetricGate(at_most=0.5), ("", "has at_most; expected a value of at_least alone")),
    (
        "error",
        MetricGate(at_least=0.5, at_most=2.5),
        ("", "has at_least, at_most; expected a value of at_most alone"),
    ),
    ("near", MetricGate(at_least=1, confidence=2), (".confidence", f"2; {CONFIDENCE}")),
    (
        "eror",
        MetricGate(at_most=1),
        (
            "",
            "classification has no such metric; expected one of: error, error_drop, exact_count, "
            "exact_count_drop, near, near_drop; did you mean 'error'?",
        ),
    ),
    (
        "accuracy",
        MetricGate(at_least=0.5),
        ("", "a gate of the budget itself; expected it as validate.budget.accuracy"),
    ),
]


@pytest.mark.parametrize(("word", "gate", "problem"), COUNTING)
def test_a_metric_of_a_task_can_be_gated(
    recipe: Recipe,
    word: str,
    gate: MetricGate,
    problem: tuple[str, str] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(validate, "load_task", lambda _: Counting())
    recipe.validate.budget.metrics = {word: gate}
    expected = []
    if problem is not None:
        field, text = problem
        expected = [(f"validate.budget.metrics.{word}{field}", text)]
    assert recipe_checks.check(recipe) == expected


def test_a_gate_on_a_metric_can_be_waived(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validate, "load_task", lambda _: Counting())
    recipe.validate.budget.metrics = {"near": MetricGate(at_least=0.5)}
    recipe.validate.waivers = [Waiver(gate="near", reason="new", by="Ada", until="2999-12-31")]
    assert recipe_checks.check(recipe) == []


def test_a_slice_is_of_a_column_that_the_data_has(recipe: Recipe, tmp_path: Path) -> None:
    recipe.validate.budget.slice_accuracy = SliceFloor(at_least=0.9, column="inc", required=True)
    expected = "inc: digits has no such column; expected one of: ink; did you mean 'ink'?"
    assert recipe_checks.check(recipe) == [("validate.budget.slice_accuracy.column", expected)]
    recipe.validate.budget.slice_accuracy.column = "ink"
    assert recipe_checks.check(recipe) == []


WAIVER = {"gate": "size_mb", "reason": "one release", "by": "Ada", "until": "2027-01-31"}


@pytest.mark.parametrize(
    ("word", "value", "problem"),
    [
        (
            "gate",
            "sizes_mb",
            "sizes_mb: the budget has no such gate; expected one of: accuracy, accuracy_drop, "
            "class_accuracy, latency_p90_ms, parity, size_mb, speedup; did you mean 'size_mb'?",
        ),
        (
            "gate",
            "accelerator_coverage",
            "accelerator_coverage: the budget has no such gate; expected one of: accuracy, "
            "accuracy_drop, class_accuracy, latency_p90_ms, parity, size_mb, speedup",
        ),
        ("reason", " ", "empty; expected who waives the gate, and why"),
        ("by", "", "empty; expected who waives the gate, and why"),
        ("until", "2027-02-30", "2027-02-30; expected a date, for example 2027-01-31"),
        ("until", "soon", "soon; expected a date, for example 2027-01-31"),
    ],
)
def test_a_waiver_says_which_gate_why_who_and_until_when(
    recipe: Recipe, word: str, value: str, problem: str
) -> None:
    recipe.validate.waivers = [Waiver(**WAIVER)]
    assert recipe_checks.check(recipe) == []
    recipe.validate.waivers = [Waiver(**WAIVER), Waiver(**{**WAIVER, word: value})]
    assert recipe_checks.check(recipe) == [(f"validate.waivers.1.{word}", problem)]
