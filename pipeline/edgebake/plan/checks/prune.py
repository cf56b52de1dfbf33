"""What must hold between the words of `prune`: a part of pipeline/edgebake/plan/checks/recipe.py."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from edgebake import plugins
from edgebake.errors import listed
from edgebake.recipe import Prune, Recipe

Problem = tuple[str, str]

# Least and most of each number; a bound in OPEN is not itself allowed.
BOUNDS: dict[str, tuple[float, float]] = {
    "keep": (0, 1),
    "target.macs": (0, 1),
    "target.parameters": (0, 1),
    "target.latency": (0, 1),
    "floor": (0, 1),
    "multiple": (1, 1024),
    "steps": (1, 100),
    "sparsity": (0, 1),
    "ramp": (0, 1),
    "pattern.kept": (1, 32),
    "pattern.of": (2, 32),
    "bits": (1, 8),
    "fine_tune.epochs": (1, math.inf),
    "fine_tune.batch_size": (1, math.inf),
    "fine_tune.threads": (1, math.inf),
    "fine_tune.learning_rate": (0, 1),
    "fine_tune.distill.alpha": (0, 1),
    "fine_tune.distill.temperature": (0, math.inf),
}
OPEN_BELOW = (
    "keep",
    "sparsity",
    "ramp",
    "learning_rate",
    "temperature",
    "macs",
    "parameters",
    "latency",
)
OPEN_ABOVE = ("keep", "sparsity", "macs", "parameters", "latency", "temperature")


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield every problem of how a recipe prunes."""
    for rule in (_method_has_its_words, _numbers_are_in_bounds, _words_fit_each_other):
        yield from ((f"prune.{key}", text) for key, text in rule(recipe.prune))


def _method_has_its_words(words: Prune) -> Iterator[Problem]:
    module = plugins.load("prune.method", words.method)
    given = {word for word, value in vars(words).items() if value is not None} - {"method"}
    ways = [set(way) for way in module.ONE_OF]
    for word in module.WORDS:
        if word not in given:
            yield word, f"null; the method {words.method} expects it"
    for word in sorted(given - set(module.WORDS) - set().union(*ways)):
        yield word, f"has a value; expected null for the method {words.method}"
    chosen = given & set().union(*ways)
    if ways and chosen not in ways:
        expected = " or ".join(" with ".join(way) for way in module.ONE_OF)
        found = f"{listed(chosen)} given" if chosen else "null"
        yield (
            module.ONE_OF[0][0],
            f"{found}; the method {words.method} expects {expected}, and the others null",
        )


def _numbers_are_in_bounds(words: Prune) -> Iterator[Problem]:
    for key, (least, most) in BOUNDS.items():
        number = _at(words, key)
        if number is None:
            continue
        word = key.rpartition(".")[2]
        low = number > least if word in OPEN_BELOW else number >= least
        high = number < most if word in OPEN_ABOVE else number <= most
        if not (low and high):
            yield key, f"{number:g}; expected {_span(word, least, most)}"


def _span(word: str, least: float, most: float) -> str:
    low = f"more than {least:g}" if word in OPEN_BELOW else f"{least:g} or more"
    if most == math.inf:
        return low
    if word not in OPEN_BELOW and word not in OPEN_ABOVE:
        return f"{least:g} to {most:g}"
    return f"{low} and {'less than' if word in OPEN_ABOVE else 'at most'} {most:g}"


def _words_fit_each_other(words: Prune) -> Iterator[Problem]:
    if words.target is not None:
        goals = [word for word, value in vars(words.target).items() if value is not None]
        if len(goals) != 1:
            found = listed(goals) if goals else "nothing"
            yield (
                "target",
                f"asks for {found}; expected one of macs, parameters, latency, and null for the others",
            )
        elif words.target.latency is not None and words.steps != 1:
            yield "steps", f"{words.steps}; expected 1 where prune.target asks for latency"
    if words.pattern is not None and words.pattern.kept >= words.pattern.of:
        yield (
            "pattern.kept",
            f"{words.pattern.kept}; expected fewer than the {words.pattern.of} of prune.pattern.of",
        )
    epochs = words.fine_tune.epochs if words.fine_tune else 0
    if words.steps is not None and words.steps > epochs > 0:
        yield (
            "steps",
            f"{words.steps}; expected at most the {epochs} of prune.fine_tune.epochs, one for each step",
        )


def _at(words: Prune, key: str) -> Any:
    value: Any = words
    for word in key.split("."):
        value = getattr(value, word, None)
    return value
