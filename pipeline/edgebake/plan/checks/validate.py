"""What must hold between the words of `validate`, checked before any work starts."""

import math
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from edgebake import plugins
from edgebake.errors import DataError, listed, nearest
from edgebake.recipe import Adb, Gate, Recipe, SliceFloor, Waiver
from edgebake.runtimes.interface import load_runtime

Problem = tuple[str, str]

# Gates whose limit is a share; a speedup or a size has no top.
SHARES = (
    *(
        "accuracy",
        "accuracy_drop",
        "class_accuracy",
        "slice_accuracy",
        "expected_calibration_error",
    ),
    *("parity", "parity_difference", "accelerator_coverage"),
)


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield every problem of the words of `validate`."""
    yield from _measuring_says_enough(recipe)
    yield from _the_place_has_its_words(recipe)
    yield from _one_way_into_the_phone(recipe.validate.adb)
    yield from _limits_can_be_met(recipe)
    yield from _bounds_can_be_found(recipe)
    yield from _the_column_is_there(recipe)
    yield from _waivers_say_enough(recipe)


def _gates(recipe: Recipe) -> Iterator[tuple[str, Gate]]:
    return ((word, gate) for word, gate in vars(recipe.validate.budget).items() if gate is not None)


def _measuring_says_enough(recipe: Recipe) -> Iterator[Problem]:
    words = recipe.validate
    if words.runs < 200:
        yield (
            "validate.runs",
            f"{words.runs}; expected 200 or more, fewer say nothing about the 95th percentile",
        )
    if words.warmup < 0:
        yield "validate.warmup", f"{words.warmup}; expected 0 or more"
    for word in ("repeats", "batch"):
        if getattr(words, word) < 1:
            yield f"validate.{word}", f"{getattr(words, word)}; expected 1 or more"
    for word in ("seconds", "sustained_minutes"):
        value = getattr(words, word)
        if value is not None and not 0 < value <= 3600:
            yield f"validate.{word}", f"{value:g}; expected more than 0 and at most 3600"
    if not 0 < words.precision < 1:
        yield (
            "validate.precision",
            f"{words.precision:g}; expected a share between 0 and 1, for example 0.05",
        )


def _the_place_has_its_words(recipe: Recipe) -> Iterator[Problem]:
    words = recipe.validate
    for place in ("adb", "ssh", "recorded"):
        has = getattr(words, place) is not None
        if has and words.where != place:
            yield f"validate.{place}", f"has words; expected null where `where` is {words.where}"
        if not has and words.where == place:
            yield f"validate.{place}", f"null; expected its words where `where` is {place}"
    yield from _the_place_runs_the_runtime(recipe)
    if words.mac is not None and words.where != "mac":
        yield "validate.mac", f"has words; expected null where `where` is {words.where}"


def _the_place_runs_the_runtime(recipe: Recipe) -> Iterator[Problem]:
    """Yield a place that runs files of other runtimes alone; a project's own device runs what its author says."""
    runtime, where = recipe.convert.runtime, recipe.validate.where
    places = {
        name: load_runtime(name).facts.timed_at for name in plugins.options("convert.runtime")
    }
    known = {place for timed_at in places.values() for place in timed_at}
    if where in known and where not in places[runtime]:
        expected = (
            f"one of {listed(places[runtime])}"
            if places[runtime]
            else "a device of the project's own"
        )
        yield "validate.where", f"{where}: expected {expected} for {runtime}"


def _one_way_into_the_phone(words: Adb | None) -> Iterator[Problem]:
    if words is None:
        return
    if (words.benchmark_model is None) == (words.python is None):
        yield "validate.adb", "expected either benchmark_model or python, the other null"
    if words.benchmark_model is not None and not Path(words.benchmark_model).is_file():
        yield (
            "validate.adb.benchmark_model",
            f"{words.benchmark_model}: no such file; expected Google's binary",
        )


def _limits_can_be_met(recipe: Recipe) -> Iterator[Problem]:
    for word, gate in _gates(recipe):
        bound = "at_least" if hasattr(gate, "at_least") else "at_most"
        limit = getattr(gate, bound)
        top = 1.0 if word in SHARES else float("inf")
        if not 0 <= limit <= top or not math.isfinite(limit):
            expected = "0 to 1" if top == 1 else "0 or more"
            yield f"validate.budget.{word}.{bound}", f"{limit:g}; expected {expected}"


def _bounds_can_be_found(recipe: Recipe) -> Iterator[Problem]:
    for word, gate in _gates(recipe):
        if not 0.5 <= gate.confidence < 1:
            yield (
                f"validate.budget.{word}.confidence",
                f"{gate.confidence:g}; expected 0.5 to 1, for example 0.95",
            )


def _the_column_is_there(recipe: Recipe) -> Iterator[Problem]:
    gate = recipe.validate.budget.slice_accuracy
    if not isinstance(gate, SliceFloor):
        return
    try:
        known = plugins.load("data.source", recipe.data.source).columns(recipe.data)
    except DataError:  # data_rules says so, or DVC has not fetched it yet
        return
    if gate.column not in known:
        hint = f"expected one of: {listed(known)}{nearest(gate.column, known)}"
        yield (
            "validate.budget.slice_accuracy.column",
            f"{gate.column}: {recipe.data.source} has no such column; {hint}",
        )


def _waivers_say_enough(recipe: Recipe) -> Iterator[Problem]:
    gates = [word for word, _ in _gates(recipe)]
    for number, waiver in enumerate(recipe.validate.waivers):
        for word, problem in _waiver(waiver, gates):
            yield f"validate.waivers.{number}.{word}", problem


def _waiver(waiver: Waiver, gates: list[str]) -> Iterator[Problem]:
    if waiver.gate not in gates:
        expected = f"expected one of: {listed(gates)}{nearest(waiver.gate, gates)}"
        yield "gate", f"{waiver.gate}: the budget has no such gate; {expected}"
    for word in ("reason", "by"):
        if not getattr(waiver, word).strip():
            yield word, "empty; expected who waives the gate, and why"
    try:
        date.fromisoformat(waiver.until)
    except ValueError:
        yield "until", f"{waiver.until}; expected a date, for example 2027-01-31"
