"""Check the options of `prune`."""

import math
from collections.abc import Iterator

from edgebake import plugins
from edgebake.errors import Problem, listed
from edgebake.plan.checks.values import Interval, value_at
from edgebake.recipe import Prune, PruningTarget, Recipe

BETWEEN_0_AND_1 = Interval(0, 1, is_open_below=True, is_open_above=True)
ABOVE_0_UP_TO_1 = Interval(0, 1, is_open_below=True)
ONE_OR_MORE = Interval(1, math.inf)

INTERVALS: dict[str, Interval] = {
    "keep": BETWEEN_0_AND_1,
    "target.macs": BETWEEN_0_AND_1,
    "target.parameters": BETWEEN_0_AND_1,
    "target.latency": BETWEEN_0_AND_1,
    "floor": Interval(0, 1),
    "multiple": Interval(1, 1024),
    "steps": Interval(1, 100),
    "sparsity": BETWEEN_0_AND_1,
    "ramp": ABOVE_0_UP_TO_1,
    "pattern.kept": Interval(1, 32),
    "pattern.of": Interval(2, 32),
    "bits": Interval(1, 8),
    "fine_tune.epochs": ONE_OR_MORE,
    "fine_tune.batch_size": ONE_OR_MORE,
    "fine_tune.threads": ONE_OR_MORE,
    "fine_tune.learning_rate": ABOVE_0_UP_TO_1,
    "fine_tune.distill.alpha": Interval(0, 1),
    "fine_tune.distill.temperature": Interval(0, math.inf, is_open_below=True, is_open_above=True),
}


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield every problem of the options of pruning."""
    for rule in (_check_method_options, _check_intervals, _check_target, _check_combinations):
        for key, problem in rule(recipe.prune):
            yield f"prune.{key}", problem


def _check_method_options(prune: Prune) -> Iterator[Problem]:
    """Check that the options of the method have values, and all others are null.

    A method requires the options in WORDS, and one of the groups of options in ONE_OF.
    """
    method = plugins.load("prune.method", prune.method)
    specified: set[str] = set()
    for name, value in vars(prune).items():
        if name != "method" and value is not None:
            specified.add(name)
    alternatives = [set(group) for group in method.ONE_OF]
    options_of_alternatives = set().union(*alternatives)
    for name in method.WORDS:
        if name not in specified:
            yield name, f"null; the method {prune.method} expects it"
    for name in sorted(specified - set(method.WORDS) - options_of_alternatives):
        yield name, f"has a value; expected null for the method {prune.method}"
    chosen = specified & options_of_alternatives
    if alternatives and chosen not in alternatives:
        expected = " or ".join(" with ".join(group) for group in method.ONE_OF)
        problem = "null"
        if chosen:
            problem = f"{listed(chosen)} given"
        key = method.ONE_OF[0][0]
        yield key, f"{problem}; the method {prune.method} expects {expected}, and the others null"


def _check_intervals(prune: Prune) -> Iterator[Problem]:
    for key, interval in INTERVALS.items():
        number = value_at(prune, key)
        if number is not None and number not in interval:
            yield key, f"{number:g}; expected {interval}"


def _check_target(prune: Prune) -> Iterator[Problem]:
    if prune.target is None:
        return
    quantities = _quantities(prune.target)
    if len(quantities) != 1:
        problem = "asks for nothing"
        if quantities:
            problem = f"asks for {listed(quantities)}"
        expected = "expected one of macs, parameters, latency, and null for the others"
        yield "target", f"{problem}; {expected}"
    elif prune.target.latency is not None and prune.steps != 1:
        yield "steps", f"{prune.steps}; expected 1 where prune.target asks for latency"


def _quantities(target: PruningTarget) -> list[str]:
    return [name for name, value in vars(target).items() if value is not None]


def _check_combinations(prune: Prune) -> Iterator[Problem]:
    pattern = prune.pattern
    if pattern is not None and pattern.kept >= pattern.of:
        expected = f"expected fewer than the {pattern.of} of prune.pattern.of"
        yield "pattern.kept", f"{pattern.kept}; {expected}"
    epochs = 0
    if prune.fine_tune:
        epochs = prune.fine_tune.epochs
    if prune.steps is not None and prune.steps > epochs > 0:
        expected = f"expected at most the {epochs} of prune.fine_tune.epochs, one for each step"
        yield "steps", f"{prune.steps}; {expected}"
