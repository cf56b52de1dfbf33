"""Reduce Python source to what can change its behaviour, and list the names and modules that it refers to.

Comments, docstrings and blank lines are left out by their positions in the text. The syntax tree itself is not
digested: its form differs between Python versions, the text does not.
"""

import ast
import io
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DOCUMENTED = (ast.Module, ast.ClassDef, *FUNCTIONS)


@dataclass(frozen=True)
class PluginCall:
    """A call of `plugins` with a constant: load("data.source", ...), or load_all("<package>")."""

    function: str
    key: str


@dataclass
class References:
    """What a piece of code refers to: imported modules, plugins, and every name that it uses."""

    imports: list[str] = field(default_factory=list)
    plugins: list[PluginCall] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    reads_own_folder: bool = False  # `resources.files(__package__)`: its sources are read as text


@dataclass
class SourceReferences:
    """The references of a module: at its top level, and by the name of each function in it."""

    top: References
    functions: dict[str, References]


def code_lines(text: str) -> str:
    """Return Python source without comments, docstrings and blank lines, whose removal changes no behaviour.

    A blank line inside a string is part of its value and stays.
    """
    tree = ast.parse(text)
    lines = text.splitlines()
    for row, column in _comments(text):
        lines[row - 1] = lines[row - 1][:column]
    for docstring in _docstrings(tree):
        _blank(lines, docstring)
    inside_strings = set(_rows_inside_strings(tree))
    kept = []
    for row, line in enumerate(lines, start=1):
        if row in inside_strings:
            kept.append(line)
        elif line.strip():
            kept.append(line.rstrip())
    return "\n".join(kept)


def references(text: str, package: str) -> SourceReferences:
    """Return what a module refers to.

    Args:
        text: its source.
        package: the package that it is in, for relative imports.
    """
    tree = ast.parse(text)
    functions: dict[str, References] = {}
    nested = [node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)]
    for node in nested:
        _collect(ast.iter_child_nodes(node), package, functions.setdefault(node.name, References()))
    top = References()
    _collect(ast.iter_child_nodes(tree), package, top)
    return SourceReferences(top, functions)


def _comments(text: str) -> Iterator[tuple[int, int]]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start


def _docstrings(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if not isinstance(node, DOCUMENTED) or ast.get_docstring(node, clean=False) is None:
            continue
        statement = node.body[0]
        if isinstance(statement, ast.Expr):
            yield statement.value


def _blank(lines: list[str], node: ast.expr) -> None:
    """Empty the part of the text that a node takes; its columns count bytes of UTF-8."""
    last = node.end_lineno or node.lineno
    before = lines[node.lineno - 1].encode()[: node.col_offset].decode()
    after = lines[last - 1].encode()[node.end_col_offset :].decode()
    for row in range(node.lineno, last + 1):
        lines[row - 1] = ""
    lines[node.lineno - 1] = before + after


def _rows_inside_strings(tree: ast.Module) -> Iterator[int]:
    docstrings = {id(node) for node in _docstrings(tree)}
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.JoinedStr) or (
            isinstance(node, ast.Constant) and isinstance(node.value, str)
        )
        if is_text and id(node) not in docstrings:
            yield from range(node.lineno, (node.end_lineno or node.lineno) + 1)  # type: ignore[attr-defined]


def _collect(nodes: Iterable[ast.AST], package: str, into: References) -> None:
    """Add what nodes refer to; a function's body is its own, except for the function's name."""
    for node in nodes:
        if isinstance(node, ast.If) and _is_name(node.test, "TYPE_CHECKING"):
            _collect(node.orelse, package, into)  # what stands in its body is never imported
            continue
        if isinstance(node, ast.Import):
            into.imports += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            into.imports += _imported(node, package)
        elif isinstance(node, ast.Name):
            into.names.add(node.id)
        elif isinstance(node, ast.Attribute):
            into.names.add(node.attr)
        elif isinstance(node, ast.Call):
            _add_call(node, into)
        if isinstance(node, FUNCTIONS):
            _collect([*node.decorator_list, node.args], package, into)
        else:
            _collect(ast.iter_child_nodes(node), package, into)


def _imported(node: ast.ImportFrom, package: str) -> list[str]:
    """Return the module of `from module import name`, and `module.name`, which may be a module too."""
    parents = package.split(".")
    base = ".".join(parents[: len(parents) - node.level + 1]) if node.level else ""
    module = ".".join(part for part in (base, node.module) if part)
    return [module, *(f"{module}.{alias.name}" for alias in node.names)]


def _add_call(node: ast.Call, into: References) -> None:
    arguments = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
    texts = [value for value in arguments if isinstance(value, str)]
    if _is_name(node.func, "getattr"):
        into.names.update(texts)
    if (
        isinstance(node.func, ast.Attribute)
        and _is_name(node.func.value, "resources")
        and not texts
    ):
        into.reads_own_folder = True
    is_plugin = isinstance(node.func, ast.Attribute) and _is_name(node.func.value, "plugins")
    if is_plugin and texts:
        into.plugins.append(PluginCall(node.func.attr, texts[0]))  # type: ignore[attr-defined]


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
