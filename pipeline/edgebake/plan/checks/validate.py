"""Check the options of `validate`: latency measurement, gates and waivers."""

import math
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from edgebake import plugins
from edgebake.errors import DataError, Problem, listed, nearest
from edgebake.evaluation.gates.verdict import AT_LEAST, AT_MOST
from edgebake.plan.checks import data_code
from edgebake.recipe import Budget, Gate, Recipe, SliceFloor, Waiver, field_types
from edgebake.runtimes.interface import load_runtime
from edgebake.tasks.task import load_task
from edgebake.terminal.printable import printable

# Gates whose limit is a share, 0 to 1, beside those on the task's metrics. Others, such as a
# speedup or a size, have no upper end.
SHARES = (
    "macro_f1",
    "macro_f1_drop",
    "class_accuracy",
    "slice_accuracy",
    "expected_calibration_error",
    "parity",
    "parity_difference",
    "accelerator_coverage",
)
LIMITS = ("at_least", "at_most", "margin")  # fields of gates
# The longest durations, in the unit of their names: an hour; half a day, more than whose windows
# no recording may have; a week.
DURATIONS = {"seconds": 3600, "sustained_minutes": 720, "deadline_minutes": 10_080}


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield every problem of the options of validation."""
    for rule in RULES:
        yield from rule(recipe)


def _gates(recipe: Recipe) -> dict[str, Gate]:
    """Return the gates that are not null, by their key in the recipe."""
    budget = recipe.validate.budget
    of_metrics = budget.metrics or {}
    gates = {}
    for name, gate in budget.gates().items():
        group = "metrics." if name in of_metrics else ""
        gates[f"validate.budget.{group}{name}"] = gate
    return gates


def _shares(recipe: Recipe) -> set[str]:
    """Return the names of the gates whose limit is a share, 0 to 1."""
    task = load_task(recipe.task.output)
    score = task.METRICS[0]
    shares = set(SHARES)
    if score.unit == "share":
        shares.add("accuracy")
        shares.add("accuracy_drop")
    for metric in task.METRICS:
        if metric.unit == "share":
            shares.add(metric.word)
            shares.add(metric.drop_word)
    return shares


def _check_protocol(recipe: Recipe) -> Iterator[Problem]:
    protocol = recipe.validate
    if protocol.runs < 200:
        expected = "expected 200 or more, fewer do not determine the 95th percentile"
        yield "validate.runs", f"{protocol.runs}; {expected}"
    if protocol.warmup < 0:
        yield "validate.warmup", f"{protocol.warmup}; expected 0 or more"
    for name in ("repeats", "batch"):
        count = getattr(protocol, name)
        if count < 1:
            yield f"validate.{name}", f"{count}; expected 1 or more"
    for name, most in DURATIONS.items():
        duration = getattr(protocol, name)
        if duration is not None and not 0 < duration <= most:
            yield f"validate.{name}", f"{duration:g}; expected more than 0 and at most {most}"
    if not 0 < protocol.precision < 1:
        expected = "expected a share between 0 and 1, for example 0.05"
        yield "validate.precision", f"{protocol.precision:g}; {expected}"


def _check_connection(recipe: Recipe) -> Iterator[Problem]:
    """Check that the options of the device's connection are set, and those of others are null."""
    where = recipe.validate.where
    for name in ("adb", "ssh", "recorded"):
        is_set = getattr(recipe.validate, name) is not None
        if is_set and where != name:
            yield f"validate.{name}", f"has options; expected null where `where` is {where}"
        if not is_set and where == name:
            yield f"validate.{name}", f"null; expected a mapping where `where` is {name}"


def _check_runtime_of_device(recipe: Recipe) -> Iterator[Problem]:
    """Check that the device can run files of the runtime.

    A device of the project's plugins is not checked: what it runs is up to its author.
    """
    runtime, where = recipe.convert.runtime, recipe.validate.where
    known: set[str] = set()
    for name in plugins.options("convert.runtime"):
        known.update(load_runtime(name).facts.timed_at)
    devices = load_runtime(runtime).facts.timed_at
    if where in known and where not in devices:
        expected = f"one of {listed(devices)}" if devices else "a device of the project's own"
        yield "validate.where", f"{where}: expected {expected} for {runtime}"


def _check_mac(recipe: Recipe) -> Iterator[Problem]:
    where = recipe.validate.where
    if recipe.validate.mac is not None and where != "mac":
        yield "validate.mac", f"has options; expected null where `where` is {where}"


def _check_adb(recipe: Recipe) -> Iterator[Problem]:
    adb = recipe.validate.adb
    if adb is None:
        return
    if (adb.benchmark_model is None) == (adb.python is None):
        yield "validate.adb", "expected either benchmark_model or python, the other null"
    if adb.benchmark_model is not None and not Path(adb.benchmark_model).is_file():
        problem = f"{adb.benchmark_model}: no such file"
        yield "validate.adb.benchmark_model", f"{problem}; expected Google's binary"


def _check_limits(recipe: Recipe) -> Iterator[Problem]:
    shares = _shares(recipe)
    for gate_key, gate in _gates(recipe).items():
        for direction in LIMITS:
            limit = getattr(gate, direction, None)
            key = f"{gate_key}.{direction}"
            if limit is None:
                continue
            if gate_key.rpartition(".")[2] in shares:
                if not 0 <= limit <= 1:
                    yield key, f"{limit:g}; expected 0 to 1"
            elif not (limit >= 0 and math.isfinite(limit)):
                yield key, f"{limit:g}; expected 0 or more"


def _check_confidence(recipe: Recipe) -> Iterator[Problem]:
    for key, gate in _gates(recipe).items():
        if not 0.5 <= gate.confidence < 1:
            expected = "expected 0.5 to 1, for example 0.95"
            yield f"{key}.confidence", f"{gate.confidence:g}; {expected}"


def _check_metrics(recipe: Recipe) -> Iterator[Problem]:
    """Check that `metrics` names metrics of the task, each with the limit that it can have."""
    directions = {}
    task = load_task(recipe.task.output)
    for metric in task.METRICS:
        direction = AT_MOST
        if metric.rises:
            direction = AT_LEAST
        directions[metric.word] = direction
        directions[metric.drop_word] = AT_MOST
    fields = field_types.keys_of(Budget)
    own_words = [word for word in directions if word not in fields]
    for word, gate in (recipe.validate.budget.metrics or {}).items():
        key = f"validate.budget.metrics.{printable(word)}"
        if word in fields:
            yield key, f"a gate of the budget itself; expected it as validate.budget.{word}"
        elif word not in directions:
            problem = f"{recipe.task.output} has no such metric"
            yield key, f"{problem}; expected one of: {listed(own_words)}{nearest(word, own_words)}"
        else:
            limits = [limit for limit in LIMITS if getattr(gate, limit, None) is not None]
            if limits != [directions[word]]:
                yield key, f"has {listed(limits)}; expected a value of {directions[word]} alone"


def _check_slice_column(recipe: Recipe) -> Iterator[Problem]:
    gate = recipe.validate.budget.slice_accuracy
    if not isinstance(gate, SliceFloor) or data_code.is_withheld(recipe.data):
        return
    source = recipe.data.source
    try:
        columns = plugins.load("data.source", source).columns(recipe.data)
    except DataError:
        # DVC has not fetched the dataset yet, or checks of `data` report the problem.
        return
    if gate.column not in columns:
        problem = f"{gate.column}: {source} has no such column"
        expected = f"expected one of: {listed(columns)}{nearest(gate.column, columns)}"
        yield "validate.budget.slice_accuracy.column", f"{problem}; {expected}"


def _check_waivers(recipe: Recipe) -> Iterator[Problem]:
    gates = list(recipe.validate.budget.gates())
    for number, waiver in enumerate(recipe.validate.waivers):
        for name, problem in _check_waiver(waiver, gates):
            yield f"validate.waivers.{number}.{name}", problem


def _check_waiver(waiver: Waiver, gates: list[str]) -> Iterator[Problem]:
    if waiver.gate not in gates:
        expected = f"expected one of: {listed(gates)}{nearest(waiver.gate, gates)}"
        yield "gate", f"{waiver.gate}: the budget has no such gate; {expected}"
    for name in ("reason", "by"):
        if not getattr(waiver, name).strip():
            yield name, "empty; expected who waives the gate, and why"
    try:
        date.fromisoformat(waiver.until)
    except ValueError:
        yield "until", f"{waiver.until}; expected a date, for example 2027-01-31"


RULES = (
    _check_protocol,
    _check_connection,
    _check_runtime_of_device,
    _check_mac,
    _check_adb,
    _check_limits,
    _check_confidence,
    _check_metrics,
    _check_slice_column,
    _check_waivers,
)
