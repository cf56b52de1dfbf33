"""Refuse graphs of TensorFlow with an operator that is not on the list of those that only compute.

The list is compute_operators.yaml. An operator that TensorFlow adds is refused until it is listed.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from edgebake.errors import ModelError
from edgebake.terminal.printable import printable

if TYPE_CHECKING:
    import tensorflow as tf
    from tensorflow.core.framework.attr_value_pb2 import AttrValue
    from tensorflow.core.framework.function_pb2 import FunctionDef

    Nodes = Iterable[tf.compat.v1.NodeDef]
    Functions = Mapping[str, FunctionDef]  # of a graph's library, by name

LIST = Path(__file__).parent / "compute_operators.yaml"
CONSTANT = "Const"
SHOWN_OPERATORS = 12  # in a message


@dataclass(frozen=True)
class Operation:
    """A node of a graph: its operator, its name, and the function that it is in, if any."""

    operator: str
    name: str
    function: str = ""

    def __str__(self) -> str:
        text = f"operation '{printable(self.name)}'"
        if self.function:
            text += f" in the function '{printable(self.function)}'"
        return text


@functools.cache
def operators(*sections: str) -> frozenset[str]:
    """Return the operators in these sections of the list, of all groups."""
    document = yaml.safe_load(LIST.read_text())
    names: set[str] = set()
    for section in sections:
        for group in document[section].values():
            names.update(group)
    return frozenset(names)


def refuse_graph(graph: tf.compat.v1.GraphDef, file: str) -> None:
    """Refuse a frozen graph that does more than compute.

    Raises:
        ModelError: it, or a function of it, holds another operator than those of `compute`.
    """
    refuse_operations(unlisted_operations(graph, operators("compute")), file)
    functions = library(graph)
    nodes = [*graph.node]
    for function in functions.values():
        nodes += function.node_def
    refuse_nodes(nodes, functions, file)


def refuse_operations(operations: Iterable[Operation], file: str) -> None:
    """Refuse operations whose operators are not listed.

    Raises:
        ModelError: there are any; the message names their operators, and one operation.
    """
    by_operator: dict[str, Operation] = {}
    for operation in operations:
        by_operator.setdefault(operation.operator, operation)
    if not by_operator:
        return
    names = sorted(by_operator)
    text = ", ".join(printable(name) for name in names[:SHOWN_OPERATORS])
    hidden = len(names) - SHOWN_OPERATORS
    if hidden > 0:
        text += f" and {hidden} more"
    raise ModelError(
        f"{file}: holds operators that do more than compute: {text} ({by_operator[names[0]]}); "
        "expected a graph that only computes. Export the model without them"
    )


def library(graph: tf.compat.v1.GraphDef) -> dict[str, FunctionDef]:
    """Return the functions of a graph by name."""
    return {function.signature.name: function for function in graph.library.function}


def unlisted_operations(
    graph: tf.compat.v1.GraphDef, listed_operators: frozenset[str]
) -> Iterator[Operation]:
    """Yield the operations of a graph and of its functions whose operator is not listed."""
    for node in graph.node:
        if node.op not in listed_operators:
            yield Operation(node.op, node.name)
    for function in graph.library.function:
        for node in function.node_def:
            if node.op not in listed_operators:
                yield Operation(node.op, node.name, function.signature.name)


def refuse_nodes(nodes: Nodes, functions: Functions, file: str) -> None:
    """Refuse nodes that call what the graph does not hold, and constants that are no data.

    Raises:
        ModelError: a node calls a function that is not in the library, which TensorFlow would look
            for elsewhere, or is a constant of a handle.
    """
    for node in nodes:
        missing = [name for name in called_functions(node) if name not in functions]
        if missing:
            raise ModelError(
                f"{file}: operation '{printable(node.name)}' calls the function "
                f"'{printable(missing[0])}', which the graph does not hold; expected a graph with "
                "all of its functions. Export the model again"
            )
        if node.op == CONSTANT and _is_handle(node):
            raise ModelError(
                f"{file}: operation '{printable(node.name)}' is a constant handle of an object in "
                "memory; expected constants of numbers or text. Export the model without it"
            )


def called_functions(node: tf.compat.v1.NodeDef) -> Iterator[str]:
    """Yield the names of the functions in the attributes of a node, and in their attributes."""
    for attribute in node.attr.values():
        yield from _functions_in(attribute)


def _functions_in(attribute: AttrValue) -> Iterator[str]:
    functions = list(attribute.list.func)
    if attribute.HasField("func"):
        functions.append(attribute.func)
    for function in functions:
        yield function.name
        for child in function.attr.values():
            yield from _functions_in(child)


def _is_handle(node: tf.compat.v1.NodeDef) -> bool:
    """Return whether a constant stands for an object in memory: a resource or a variant."""
    from tensorflow import dtypes

    handles = (dtypes.resource.as_datatype_enum, dtypes.variant.as_datatype_enum)
    for attribute in node.attr.values():
        if attribute.type in handles or attribute.tensor.dtype in handles:
            return True
    return False
