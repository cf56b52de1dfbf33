"""Refuse .tflite files with an operator that is not on the list of those that only compute.

The list is lite_operators.yaml. Custom operators, those of TensorFlow (Flex) among them, are on no
list.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from edgebake.errors import ModelError, listed
from edgebake.models.tflite import tables
from edgebake.terminal.printable import printable

if TYPE_CHECKING:
    from ai_edge_litert import schema_py_generated as schema

LIST = Path(__file__).parent / "lite_operators.yaml"


@functools.cache
def operators() -> frozenset[str]:
    """Return the names of all listed operators, as in LiteRT's schema."""
    document = yaml.safe_load(LIST.read_text())
    names: set[str] = set()
    for group in document.values():
        names.update(group)
    return frozenset(names)


def refuse_unlisted(model: schema.ModelT, file: str) -> None:
    """Refuse a model that holds an operator that is not listed, whether a graph uses it or not.

    Raises:
        ModelError: it holds one; the message names all of them.
    """
    unlisted: set[str] = set()
    for code in model.operatorCodes or []:
        if code.customCode or tables.builtin_name(code) not in operators():
            name = code.customCode or tables.builtin_name(code)
            if isinstance(name, bytes):
                name = name.decode(errors="replace")
            unlisted.add(printable(name, max_length=80))
    if unlisted:
        raise ModelError(
            f"{file}: holds the operators {listed(unlisted)}, which are none of LiteRT's that only "
            "compute; expected those. Convert the model without them"
        )
