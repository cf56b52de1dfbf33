"""Check operators against the conditions of a LiteRT delegate, and ask LiteRT's own analyzer."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ai_edge_litert._pywrap_analyzer_wrapper import ModelAnalyzer

from edgebake.runtimes.delegates.table import Delegate
from edgebake.runtimes.litert import FILE
from edgebake.runtimes.litert.workload import TfliteFile

WARNING = "GPU COMPATIBILITY WARNING: "
OPERATOR = re.compile(r"\s*Op#(\d+) ")


def unsupported_operators(files: dict[str, bytes], delegate: Delegate) -> dict[int, str]:
    """Return why the delegate cannot run an operator, by its index among those that run."""
    if delegate.operators is None:
        return {}
    file = TfliteFile(files)
    warnings = dict(_analyzer_warnings(ModelAnalyzer(files[FILE], False, True)))
    reasons = {}
    for index, number in enumerate(file.running()):
        kind = file.kind(number)
        conditions = delegate.operators.get(kind, {})
        reason = warnings.get(number) or _unmet_condition(file, number, conditions)
        if not reason and delegate.max_dimensions is not None:
            reason = _too_many_dimensions(file, number, delegate.max_dimensions)
        if reason:
            reasons[index] = f"{kind} {reason}"
    return reasons


def _analyzer_warnings(report: str) -> Iterator[tuple[int, str]]:
    """Yield the analyzer's warnings by operator number; the analyzer of 2026 gives none."""
    number = None
    for line in report.splitlines():
        if operator := OPERATOR.match(line):
            number = int(operator[1])
        elif line.startswith(WARNING) and number is not None and "Subgraph#" not in line:
            yield number, line.removeprefix(WARNING)


def _unmet_condition(file: TfliteFile, number: int, conditions: dict[str, Any]) -> str:
    """Return the first condition that an operator does not meet; empty: it meets all."""
    for condition, expected in conditions.items():
        reason = CHECKS[condition](file, number, expected)
        if reason:
            return reason
    return ""


def _too_many_dimensions(file: TfliteFile, number: int, most: int) -> str:
    operator = file.graph.operators[number]
    for tensor in (*operator.inputs, *operator.outputs):
        dimensions = len(file.shape(tensor)) if tensor >= 0 else 0
        if dimensions > most:
            return f"has a tensor of {dimensions} dimensions, expected at most {most}"
    return ""


def _check_live(file: TfliteFile, number: int, expected: list[int]) -> str:
    count = 0
    for tensor in file.graph.operators[number].inputs:
        if tensor >= 0 and tensor not in file.constants:
            count += 1
    if count in expected:
        return ""
    return f"has {count} inputs that are no constants, expected {_any_of(expected)}"


def _check_inputs(file: TfliteFile, number: int, expected: list[int]) -> str:
    count = len(file.graph.operators[number].inputs)
    if count in expected:
        return ""
    return f"has {count} inputs, expected {_any_of(expected)}"


def _check_ranks(file: TfliteFile, number: int, expected: dict[int, list[int]]) -> str:
    inputs = file.graph.operators[number].inputs
    for index, ranks in expected.items():
        rank = len(file.shape(inputs[index]))
        if rank not in ranks:
            return f"has an input of {rank} dimensions, expected {_any_of(ranks)}"
    return ""


def _check_shapes(file: TfliteFile, number: int, expected: dict[int, list[list[int]]]) -> str:
    inputs = file.graph.operators[number].inputs
    for index, shapes in expected.items():
        shape = file.shape(inputs[index])
        if shape not in shapes:
            return f"has an input of shape {shape}, expected {_any_of(shapes)}"
    return ""


def _check_options(file: TfliteFile, number: int, expected: dict[str, list[float]]) -> str:
    options = file.graph.operators[number].builtinOptions
    for name, values in expected.items():
        value = getattr(options, name, values[0])
        if value not in values:
            return f"has {name} {value}, expected {_any_of(values)}"
    return ""


def _check_one_filter(file: TfliteFile, number: int, _expected: bool) -> str:
    operator = file.graph.operators[number]
    filters = operator.builtinOptions.depthMultiplier
    channels = file.shape(operator.inputs[0])[3]
    if filters == 1 or channels == 1:
        return ""
    return f"has {filters} filters for each of {channels} channels, expected 1"


def _check_distinct_inputs(file: TfliteFile, number: int, _expected: bool) -> str:
    inputs = list(file.graph.operators[number].inputs)
    if len(set(inputs)) == len(inputs):
        return ""
    return "reads the same tensor twice"


def _any_of(values: Sequence[object]) -> str:
    return " or ".join(str(value) for value in values)


# The conditions of pipeline/edgebake/runtimes/delegates/litert_gpu.yaml.
CHECKS: dict[str, Callable[[TfliteFile, int, Any], str]] = {
    "distinct_inputs": _check_distinct_inputs,
    "inputs": _check_inputs,
    "live": _check_live,
    "one_filter": _check_one_filter,
    "options": _check_options,
    "ranks": _check_ranks,
    "shapes": _check_shapes,
}
