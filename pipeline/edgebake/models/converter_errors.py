"""Errors of converters in one line: the library, the operators and their layers, what to do.

The libraries raise any exception, of many lines, some of them about the library's own code.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from edgebake import plugins
from edgebake.errors import ConversionError, EdgebakeError, listed
from edgebake.terminal.printable import printable

if TYPE_CHECKING:
    import tensorflow as tf

MAX_LENGTH = 300  # characters of a library's own message
SHOWN_LAYERS = 3


@contextmanager
def in_one_line(library: str, task: str = "convert") -> Iterator[None]:
    """Turn any exception of a library into a ConversionError that names it.

    Those of the disk and of a project's plugins stay as they are.

    Args:
        library: its name.
        task: what it does to a model, a verb.

    Raises:
        ConversionError: the library raised an exception.
    """
    try:
        yield
    except (EdgebakeError, OSError):
        raise
    except Exception as error:
        if plugins.error_in_plugin(error):
            raise
        lines = [line for line in str(error).splitlines() if line.strip()]
        summary = lines[0].strip() if lines else "no message"
        text = printable(f"{type(error).__name__}: {summary}", max_length=MAX_LENGTH)
        raise ConversionError(
            f"{library} cannot {task} the model ({text}); expected a model, and a scheme, for "
            "which it can; the log of the stage has all that it says"
        ) from error


def unknown_operators(
    library: str, function: tf.types.experimental.ConcreteFunction, operators: Collection[str]
) -> ConversionError:
    """Return an error that names operators of TensorFlow, and the layers that compute them.

    Args:
        library: that does not know them.
        function: frozen, of the model.
        operators: kinds of operators in it.
    """
    layers: dict[str, None] = {}  # an ordered set
    for operation in function.graph.get_operations():
        if operation.type in operators:
            layers[layer_of(operation.name)] = None
    names = ", ".join(list(layers)[:SHOWN_LAYERS])
    hidden = len(layers) - SHOWN_LAYERS
    if hidden > 0:
        names += f" and {hidden} more"
    return ConversionError(
        f"{library} knows no operator for TensorFlow's {listed(operators)}, in the layers "
        f"{printable(names)}; expected a model without these, or a target of another runtime"
    )


def layer_of(operator: str) -> str:
    """Return the Keras layer of an operator of TensorFlow, by the operator's name.

    For example, functional_1/conv2d_3_1/Relu6 belongs to conv2d_3: Keras adds a number to the name
    of a layer in its scope. Functions of Keras have no layer, only the name of the operator.
    """
    _, *scopes = operator.split("/")
    if len(scopes) < 2:
        return "/".join(scopes) or operator
    layer, _, number = scopes[0].rpartition("_")
    if layer and number.isdigit():
        return layer
    return scopes[0]
