"""No operator that the executor covers goes without a worked example in this folder."""

import ast
from collections.abc import Iterator
from pathlib import Path

from edgebake.runtimes.coreml.executor import operators
from edgebake.runtimes.coreml.executor.translation import supported_operators

SOURCES = sorted(Path(__file__).parent.glob("test_*.py"))


def _named(source: Path) -> Iterator[str]:
    """Yield the words that stand first in a call or in a row of parameters, where tests name their operator."""
    for node in ast.walk(ast.parse(source.read_text())):
        first = (
            node.args[:1]
            if isinstance(node, ast.Call)
            else node.elts[:1]
            if isinstance(node, ast.Tuple)
            else []
        )
        yield from (
            one.value
            for one in first
            if isinstance(one, ast.Constant) and isinstance(one.value, str)
        )


def test_every_operator_that_is_covered_has_an_example() -> None:
    named = {name for source in SOURCES for name in _named(source)}
    assert sorted(set(supported_operators()) - named) == []
    assert len(set(supported_operators()) & named) >= 145


def test_a_module_of_operators_has_a_module_of_tests() -> None:
    modules = {path.stem for path in Path(operators.__path__[0]).glob("[!_]*.py")} - {"windows"}
    assert sorted(modules - {source.stem.removeprefix("test_") for source in SOURCES}) == []
