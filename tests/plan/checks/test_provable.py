"""Gates that no result on a test split could pass are refused, with what would let them pass."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from edgebake.errors import Problem, RecipeError
from edgebake.plan.checks import provable
from edgebake.plan.compose import Target, compose_release, compose_targets
from edgebake.plan.variants import merge
from edgebake.recipe import Budget, Ceiling, Floor, Inconclusive, ParityGate, Recipe, Waiver
from edgebake.tasks.outputs.classification import MACRO_F1


def _problems(n: int, waivers: tuple[Waiver, ...] = (), **gates: Any) -> list[Problem]:
    recipe = Recipe()
    budget: dict[str, Any] = dict.fromkeys(vars(Budget()))
    recipe.validate.budget = Budget(**(budget | gates))
    recipe.validate.waivers = list(waivers)
    return list(provable.check(recipe, n))


def test_540_examples_prove_no_drop_below_0_56_points() -> None:
    drop = Ceiling(at_most=0.005, required=True)
    assert _problems(540, accuracy_drop=drop) == [
        (
            "validate.budget.accuracy_drop.at_most",
            "0.005; 540 test examples prove at most 0.005570, even if no answer changes, at a "
            "confidence of 0.95; expected 602 or more test examples, another limit, a lower "
            "confidence, or `inconclusive: passes`",
        )
    ]
    assert _problems(602, accuracy_drop=drop) == []
    assert _problems(601, accuracy_drop=drop)
    assert _problems(540, accuracy_drop=replace(drop, at_most=0.0056)) == []


def test_the_fewest_examples_that_prove_a_floor_are_those_of_the_binomial() -> None:
    """All of n right prove a share p at 95 % where p^n <= 0.05: 0.99 from n = 299 on."""
    floor = Floor(at_least=0.99, required=True)
    assert _problems(299, accuracy=floor) == []
    [(key, problem)] = _problems(298, accuracy=floor)
    assert key == "validate.budget.accuracy.at_least"
    assert problem == (
        "0.99; 298 test examples prove at least 0.989998, even if every answer is right, at a "
        "confidence of 0.95; expected 299 or more test examples, another limit, a lower "
        "confidence, or `inconclusive: passes`"
    )


def test_a_share_of_one_is_proven_by_no_number_of_examples() -> None:
    [(_, problem)] = _problems(100, accuracy=Floor(at_least=1, required=True))
    assert problem.endswith(
        "; expected another limit, a lower confidence, or `inconclusive: passes`"
    )


@pytest.mark.parametrize("name", ["accuracy", "accuracy_drop"])
def test_a_gate_that_need_not_be_proven_is_not_refused(name: str) -> None:
    gates = {"accuracy": Floor(at_least=1), "accuracy_drop": Ceiling(at_most=0)}
    strict: Any = gates[name]
    lenient = replace(strict, inconclusive=Inconclusive.passes)
    waiver = Waiver(gate=name, reason="known", by="Ada", until="2099-01-01")
    assert _problems(10, waivers=(), **{name: strict})
    assert _problems(10, waivers=(), **{name: lenient}) == []
    assert _problems(10, waivers=(waiver,), **{name: strict}) == []


@pytest.mark.parametrize(
    ("gate", "key", "limit"),
    [
        (ParityGate(margin=0.001), "margin", "0.001; 540 test examples prove at most 0.005570"),
        (
            ParityGate(at_least=0.999),
            "at_least",
            "0.999; 540 test examples prove at least 0.994468",
        ),
    ],
)
def test_parity_between_runtimes_has_to_be_provable(gate: ParityGate, key: str, limit: str) -> None:
    targets = [replace_budget(target, gate) for target in compose_targets(["pixel_8", "linux_any"])]
    plan = merge(compose_release(), targets)
    provable.check_parity(plan, targets)  # int8 and float: no other runtime holds the same model
    names = ["android_any", "linux_any"]
    targets = [replace_budget(target, gate) for target in compose_targets(names)]
    with pytest.raises(RecipeError) as refused:
        provable.check_parity(merge(compose_release(), targets), targets)
    message = str(refused.value)
    assert f"validate.budget.parity.{key}: {limit}, even if all answers are the same, at" in message
    assert message.endswith("another limit, a lower confidence, or `inconclusive: passes`")


def replace_budget(target: Target, gate: ParityGate) -> Target:
    target.recipe.validate.budget.parity = gate
    return target


def test_counts_of_answers_say_nothing_of_a_score_that_is_no_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert _problems(24, accuracy=Floor(at_least=0.99, required=True))
    task = SimpleNamespace(METRICS=(MACRO_F1,))
    monkeypatch.setattr(provable, "load_task", lambda _: task)
    assert not _problems(24, accuracy=Floor(at_least=0.99, required=True))
