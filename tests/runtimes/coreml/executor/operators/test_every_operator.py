"""Every operator that the executor supports has a worked example in this folder."""

import ast
from collections.abc import Iterator
from pathlib import Path

from edgebake.runtimes.coreml.executor.registry import TRANSLATORS
from edgebake.runtimes.coreml.executor.translation import supported_operators

SOURCES = sorted(Path(__file__).parent.glob("test_*.py"))


def _first_texts(source: Path) -> Iterator[str]:
    """Yield the first text of calls and rows of parameters, where tests name their operator."""
    for node in ast.walk(ast.parse(source.read_text())):
        values: list[ast.expr] = []
        if isinstance(node, ast.Call):
            values = node.args
        elif isinstance(node, ast.Tuple):
            values = node.elts
        if values and isinstance(values[0], ast.Constant) and isinstance(values[0].value, str):
            yield values[0].value


def test_every_supported_operator_has_an_example() -> None:
    named = {text for source in SOURCES for text in _first_texts(source)}
    assert sorted(set(supported_operators()) - named) == []
    assert len(set(supported_operators()) & named) >= 145


def test_a_module_that_registers_operators_has_a_module_of_tests() -> None:
    modules = {translator.__module__ for translator in TRANSLATORS.values()}
    names = {module.rpartition(".")[2] for module in modules if ".operators." in module}
    assert len(names) >= 17
    assert sorted(names - {source.stem.removeprefix("test_") for source in SOURCES}) == []
