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
from edgebake.recipe import Data, Gate, Inconclusive, Recipe

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
    waived = {waiver.gate for waiver in recipe.validate.waivers}
    for name, (best_result, condition) in BEST_RESULTS.items():
        gate: Gate | None = getattr(recipe.validate.budget, name)
        if gate is None or gate.inconclusive is Inconclusive.passes or name in waived:
            continue
        requirement = requirement_of(name, gate)
        best = best_result(examples)
        if not best.proves(requirement):
            key = f"validate.budget.{name}.{requirement.direction}"
            proven = f"{requirement.direction.replace('_', ' ')} {best.bound(requirement):.6f}"
            problem = (
                f"{requirement.limit:g}; {examples:,} test examples prove {proven}, {condition}, "
                f"at a confidence of {requirement.confidence:g}"
            )
            yield key, f"{problem}; expected {_way_out(requirement, best_result)}"


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
