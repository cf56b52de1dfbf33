"""Check that the test split is large enough to prove what a budget demands.

A gate that blocks if its test is inconclusive could never pass otherwise, and that would be known
only after the whole build.
"""

from collections.abc import Callable, Iterator, Sequence

from edgebake import plugins
from edgebake.data.splits import split_sizes
from edgebake.errors import EdgebakeError, Problem, RecipeError
from edgebake.evaluation.gates.decide import requirement_of
from edgebake.evaluation.gates.hypothesis_tests import HypothesisTest, PairedTest, ProportionTest
from edgebake.evaluation.gates.verdict import Requirement
from edgebake.plan.checks import data_code
from edgebake.plan.compose import Target, origins
from edgebake.recipe import Data, Gate, Inconclusive, Recipe, parity_twins
from edgebake.recipe.stage_params import Plan
from edgebake.recipe.validate import ParityGate
from edgebake.tasks.task import load_task

MAX_EXAMPLES = 10_000_000

BestResult = Callable[[int], HypothesisTest]  # of a number of test examples


def _all_right(n: int) -> HypothesisTest:
    return ProportionTest(right=n, n=n)


def _no_answer_changed(n: int) -> HypothesisTest:
    return PairedTest(lost=0, won=0, n=n)


BEST_RESULTS: dict[str, tuple[BestResult, str]] = {
    "accuracy": (_all_right, "even if every answer is right"),
    "accuracy_drop": (_no_answer_changed, "even if no answer changes"),
}


def check_targets(targets: Sequence[Target]) -> None:
    """Refuse budgets with a gate that no result on the test split could pass.

    A target whose data cannot be counted is left out: its code is not run, or DVC has not fetched
    them.

    Raises:
        RecipeError: names file and key of each such gate, and what would let it pass.
    """
    sizes: dict[str, int | None] = {}
    for target in targets:
        data = target.recipe.data
        key = repr(data)
        if key not in sizes:
            sizes[key] = _size_of_test_split(data)
        size = sizes[key]
        problems = list(check(target.recipe, size)) if size else []
        if problems:
            files = origins(target.name)
            lines = [f"{files[key]}: {key}: {problem}" for key, problem in problems]
            raise RecipeError("\n".join(lines))


def check_parity(plan: Plan, targets: Sequence[Target]) -> None:
    """Refuse gates on parity that no result on the test split could pass.

    Left out are targets whose model no other runtime holds, since their gate is not measured, and
    candidates, of which another one can ship.

    Args:
        plan: of the release.
        targets: those of the plan.

    Raises:
        RecipeError: names file and key of such a gate, and what would let it pass.
    """
    for target in targets:
        gate = target.recipe.validate.budget.parity
        if gate is None or target.candidate is not None:
            continue
        platform = plan["package"][target.recipe.device.platform.value]
        variant = platform["targets"][target.name]["validate"]
        if _may_be_unproven("parity", gate, target.recipe) or not parity_twins.of(plan, variant):
            continue
        size = _size_of_test_split(target.recipe.data)
        problem = _parity_problem(gate, size) if size else None
        if problem:
            key, text = problem
            raise RecipeError(f"{origins(target.name)[key]}: {key}: {text}")


def _parity_problem(gate: ParityGate, examples: int) -> Problem | None:
    best_result = _no_answer_changed
    if gate.at_least is not None:
        best_result = _all_right
    return _problem("parity", gate, (best_result, "even if all answers are the same"), examples)


def _size_of_test_split(data: Data) -> int | None:
    if data_code.is_withheld(data):
        return None
    try:
        counts = plugins.load("data.source", data.source).count(data)
    except EdgebakeError:
        return None
    return split_sizes(counts, data.splits)["test"]


def check(recipe: Recipe, examples: int) -> Iterator[Problem]:
    """Yield each gate that no result on the test split could pass.

    Args:
        recipe: whose budget is checked.
        examples: number of examples in the test split.
    """
    if recipe.data.splits.column is not None:
        return  # what groups of examples prove depends on how many groups there are
    task = load_task(recipe.task.output)
    score = task.METRICS[0]
    if score.exact != "share":
        return  # counts of right answers say nothing of its bounds
    for name, best in BEST_RESULTS.items():
        gate: Gate | None = getattr(recipe.validate.budget, name)
        if gate is None or _may_be_unproven(name, gate, recipe):
            continue
        problem = _problem(name, gate, best, examples)
        if problem:
            yield problem


def _may_be_unproven(name: str, gate: Gate, recipe: Recipe) -> bool:
    waived = {waiver.gate for waiver in recipe.validate.waivers}
    return gate.inconclusive is Inconclusive.passes or name in waived


def _problem(name: str, gate: Gate, best: tuple[BestResult, str], examples: int) -> Problem | None:
    """Return the key of a gate that its best result would not pass, and what would help."""
    best_result, condition = best
    requirement = requirement_of(name, gate)
    test = best_result(examples)
    if test.proves(requirement):
        return None
    field = requirement.direction
    if isinstance(gate, ParityGate) and gate.at_least is None:
        field = "margin"
    proven = f"{requirement.direction.replace('_', ' ')} {test.bound(requirement):.6f}"
    problem = (
        f"{requirement.limit:g}; {examples:,} test examples prove {proven}, {condition}, "
        f"at a confidence of {requirement.confidence:g}"
    )
    key = f"validate.budget.{name}.{field}"
    return key, f"{problem}; expected {_way_out(requirement, best_result)}"


def _way_out(requirement: Requirement, best_result: BestResult) -> str:
    needed = _examples_needed(requirement, best_result)
    more = "" if needed is None else f"{needed:,} or more test examples, "
    return f"{more}another limit, a lower confidence, or `inconclusive: passes`"


def _examples_needed(requirement: Requirement, best_result: BestResult) -> int | None:
    """Return the fewest examples whose best result proves a requirement; none if no number does."""
    high = 1
    while not best_result(high).proves(requirement):
        high *= 2
        if high > MAX_EXAMPLES:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        if best_result(middle).proves(requirement):
            high = middle
        else:
            low = middle
    return high
