"""What a delegate of LiteRT wants of an operator, and what LiteRT's analyzer says of a file."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from ai_edge_litert._pywrap_analyzer_wrapper import ModelAnalyzer

from edgebake.runtimes.delegates.table import Delegate
from edgebake.runtimes.litert import FILE
from edgebake.runtimes.litert.workload import File

WARNING = "GPU COMPATIBILITY WARNING: "
OPERATOR = re.compile(r"\s*Op#(\d+) ")


def unsupported_operators(files: dict[str, bytes], delegate: Delegate) -> dict[int, str]:
    """Return why operators fall off, by their place among those that run."""
    if delegate.operators is None:
        return {}
    file = File(files)
    objections = dict(_objections(ModelAnalyzer(files[FILE], False, True)))
    found = {}
    for place, number in enumerate(file.running()):
        reason = objections.get(number) or _unmet(
            file, number, delegate.operators.get(file.kind(number), {})
        )
        if reason:
            found[place] = f"{file.kind(number)} {reason}"
    return found


def _objections(report: str) -> Iterator[tuple[int, str]]:
    """Yield what the analyzer says against an operator, by its number; the version of 2026 says nothing."""
    number = None
    for line in report.splitlines():
        if operator := OPERATOR.match(line):
            number = int(operator[1])
        elif line.startswith(WARNING) and number is not None and "Subgraph#" not in line:
            yield number, line.removeprefix(WARNING)


def _unmet(file: File, number: int, wanted: dict[str, Any]) -> str:
    """Return what of the delegate's table does not hold for an operator; empty: all holds."""
    reasons = (CHECKS[word](file, number, value) for word, value in wanted.items())
    return next((reason for reason in reasons if reason), "")


def _live(file: File, number: int, wanted: list[int]) -> str:
    inputs = [one for one in file.graph.operators[number].inputs if one >= 0]
    found = sum(one not in file.constants for one in inputs)
    return (
        ""
        if found in wanted
        else f"has {found} inputs that are no constants, expected {_any(wanted)}"
    )


def _inputs(file: File, number: int, wanted: list[int]) -> str:
    found = len(file.graph.operators[number].inputs)
    return "" if found in wanted else f"has {found} inputs, expected {_any(wanted)}"


def _ranks(file: File, number: int, wanted: dict[int, list[int]]) -> str:
    for place, ranks in wanted.items():
        found = len(file.shape(file.graph.operators[number].inputs[place]))
        if found not in ranks:
            return f"has an input of {found} dimensions, expected {_any(ranks)}"
    return ""


def _shapes(file: File, number: int, wanted: dict[int, list[list[int]]]) -> str:
    for place, shapes in wanted.items():
        found = file.shape(file.graph.operators[number].inputs[place])
        if found not in shapes:
            return f"has an input of shape {found}, expected {_any(shapes)}"
    return ""


def _options(file: File, number: int, wanted: dict[str, list[float]]) -> str:
    options = file.graph.operators[number].builtinOptions
    for name, values in wanted.items():
        found = getattr(options, name, values[0])
        if found not in values:
            return f"has {name} {found}, expected {_any(values)}"
    return ""


def _one_filter(file: File, number: int, _: bool) -> str:
    item = file.graph.operators[number]
    filters, channels = item.builtinOptions.depthMultiplier, file.shape(item.inputs[0])[3]
    return (
        ""
        if filters == 1 or channels == 1
        else f"has {filters} filters for each of {channels} channels, expected 1"
    )


def _any(values: list[Any]) -> str:
    return " or ".join(map(str, values))


# What the words of pipeline/edgebake/runtimes/delegates/litert_gpu.yaml mean.
CHECKS: dict[str, Callable[[File, int, Any], str]] = {
    "inputs": _inputs,
    "live": _live,
    "one_filter": _one_filter,
    "options": _options,
    "ranks": _ranks,
    "shapes": _shapes,
}
