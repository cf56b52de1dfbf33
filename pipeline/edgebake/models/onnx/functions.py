"""Bound the functions that an ONNX file defines for itself, before they are inlined.

Functions that call each other ten times each, nine levels deep, are a billion operators in 3 KB.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from edgebake.terminal.printable import printable

if TYPE_CHECKING:
    import onnx

MAX_NODES = 1_000_000  # of a graph whose functions are inlined
# A function is named by its domain, its name and its overload.
FunctionKey = tuple[str, str, str]


def keys(model: onnx.ModelProto) -> set[FunctionKey]:
    """Return the functions that a model defines."""
    return {_key(function.domain, function) for function in model.functions}


def called_function(node: onnx.NodeProto) -> FunctionKey:
    """Return the function that a node calls, if the model defines one of its name."""
    return node.domain, node.op_type, node.overload


def check(model: onnx.ModelProto) -> None:
    """Refuse functions that call themselves, or that are too many operators when inlined.

    Raises:
        ValueError: there are such functions.
    """
    bodies: dict[FunctionKey, list[onnx.NodeProto]] = {}
    for function in model.functions:
        bodies[_key(function.domain, function)] = list(all_nodes(function.node))
    sizes: dict[FunctionKey, int] = {}
    for key in bodies:
        _measure(key, bodies, sizes)
    size = _size(all_nodes(model.graph.node), sizes)
    if size > MAX_NODES:
        raise ValueError(
            f"its functions are more than {MAX_NODES:,} operators when they are inlined; "
            "expected fewer"
        )


def all_nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    """Yield nodes, and those of the graphs in their attributes."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        yield node
        for attribute in node.attribute:
            waiting += attribute.g.node
            for graph in attribute.graphs:
                waiting += graph.node


def _key(domain: str, function: onnx.FunctionProto) -> FunctionKey:
    return domain, function.name, function.overload


def _measure(
    start: FunctionKey,
    bodies: dict[FunctionKey, list[onnx.NodeProto]],
    sizes: dict[FunctionKey, int],
) -> None:
    """Add the number of operators of a function, and of those that it calls, to `sizes`."""
    stack = [start]
    open_functions: set[FunctionKey] = set()
    while stack:
        key = stack[-1]
        if key in sizes:
            stack.pop()
            continue
        called = {called_function(node) for node in bodies[key]}
        unmeasured = [name for name in called if name in bodies and name not in sizes]
        if key in open_functions and unmeasured:
            raise ValueError(f"its function {printable(key[1])!r} calls itself; expected none to")
        open_functions.add(key)
        stack += unmeasured
        if not unmeasured:
            sizes[key] = _size(bodies[key], sizes)


def _size(nodes: Iterable[onnx.NodeProto], sizes: dict[FunctionKey, int]) -> int:
    size = 0
    for node in nodes:
        size += sizes.get(called_function(node), 1)
    return min(size, MAX_NODES + 1)
