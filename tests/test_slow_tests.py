"""The docstring of a slow test, or of its file, says what it guards and why it is slow.

The longest files run first.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import order

FOLDER = Path(__file__).parent
MARK = "pytest.mark.slow"
FILES = [
    file
    for file in sorted(FOLDER.rglob("test_*.py"))
    if MARK in file.read_text() and file != Path(__file__)
]
WORDS = ("Guards ", "Slow: ")


def slow_tests(module: ast.Module) -> Iterator[ast.FunctionDef]:
    """Yield the tests of a file that are marked, or all of them where the file is."""
    assignments = [node for node in module.body if isinstance(node, ast.Assign)]
    whole = any(MARK in ast.unparse(node.value) for node in assignments)
    tests = [
        node
        for node in module.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    for test in tests:
        if whole or any(MARK in ast.unparse(mark) for mark in test.decorator_list):
            yield test


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(FOLDER)))
def test_a_slow_test_says_what_it_guards_and_why_it_takes_long(file: Path) -> None:
    module = ast.parse(file.read_text())
    of_the_file = ast.get_docstring(module) or ""
    for test in slow_tests(module):
        docstring = f"{of_the_file}\n{ast.get_docstring(test) or ''}"
        assert [word for word in WORDS if word not in docstring] == [], test.name


def test_the_longest_files_are_there_and_take_their_place() -> None:
    files = [FOLDER / name for name in order.LONG]
    assert [file for file in files if not file.is_file()] == []
    others = [FOLDER / "test_layout.py", Path("/elsewhere/test_layout.py")]
    assert sorted([*others, *reversed(files)], key=order.position) == [*files, *others]
