"""Strip comments and docstrings from Python source, and list the modules and names it refers to.

Comments, docstrings and blank lines are removed by their positions in the text. The syntax tree is
not digested, because it differs between versions of Python.
"""

import ast
import functools
import io
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeGuard

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DOCUMENTED = (ast.Module, ast.ClassDef, *FUNCTIONS)


@dataclass(frozen=True)
class PluginCall:
    """A call of `plugins` with a constant: load("data.source", ...), or load_all("<package>")."""

    function: str
    key: str


@dataclass
class References:
    """References of a piece of code: imported modules, plugins, and every name that it uses."""

    imports: list[str] = field(default_factory=list)
    plugins: list[PluginCall] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    # Whether it calls `resources.files(__package__)`, to read the sources beside it as text.
    reads_own_folder: bool = False


@dataclass
class SourceReferences:
    """References of a module: of its top level, and of each function in it, by name."""

    top: References
    functions: dict[str, References]


def code_lines(text: str) -> str:
    """Return Python source without comments, docstrings and blank lines.

    Blank lines inside a string are part of its value and stay.
    """
    nodes = list(ast.walk(_parse(text)))
    docstrings = list(_docstrings(nodes))
    lines = text.splitlines()
    for row, column in _comments(text):
        line = lines[row - 1]
        lines[row - 1] = line[:column]
    for docstring in docstrings:
        _blank(lines, docstring)
    rows_inside_strings = set(_rows_inside_strings(nodes, docstrings))
    code: list[str] = []
    for row, line in enumerate(lines, start=1):
        if row in rows_inside_strings:
            code.append(line)
        elif line.strip():
            code.append(line.rstrip())
    return "\n".join(code)


def references(text: str, package: str) -> SourceReferences:
    """Return the references of a module.

    Args:
        text: its source.
        package: the package that it is in, for relative imports.
    """
    tree = _parse(text)
    functions: dict[str, References] = {}
    for node in ast.walk(tree):
        if isinstance(node, FUNCTIONS):
            # Functions of the same name share their references.
            function = functions.setdefault(node.name, References())
            children = ast.iter_child_nodes(node)
            _collect(children, package, function)
    top = References()
    statements = ast.iter_child_nodes(tree)
    _collect(statements, package, top)
    return SourceReferences(top, functions)


@functools.lru_cache(maxsize=1)
def _parse(text: str) -> ast.Module:
    """Return a syntax tree; code and references of a module are read one after the other."""
    return ast.parse(text)


def _comments(text: str) -> Iterator[tuple[int, int]]:
    if "#" not in text:
        return
    stream = io.StringIO(text)
    for token in tokenize.generate_tokens(stream.readline):
        if token.type == tokenize.COMMENT:
            yield token.start


def _docstrings(nodes: Iterable[ast.AST]) -> Iterator[ast.expr]:
    for node in nodes:
        if not isinstance(node, DOCUMENTED):
            continue
        if ast.get_docstring(node, clean=False) is None:
            continue
        statement = node.body[0]
        if isinstance(statement, ast.Expr):
            yield statement.value


def _blank(lines: list[str], node: ast.expr) -> None:
    """Remove the text of a node from the lines; its columns count bytes of UTF-8."""
    indices = [row - 1 for row in _rows(node)]
    first = indices[0]
    last = indices[-1]
    first_line = lines[first].encode()
    last_line = lines[last].encode()
    before = first_line[: node.col_offset]
    after = last_line[node.end_col_offset :]
    for index in indices:
        lines[index] = ""
    remainder = before + after
    lines[first] = remainder.decode()


def _rows_inside_strings(nodes: Iterable[ast.AST], docstrings: Iterable[ast.expr]) -> Iterator[int]:
    left_out = {id(node) for node in docstrings}
    for node in nodes:
        if id(node) in left_out:
            continue
        if isinstance(node, ast.JoinedStr) or _is_string(node):
            yield from _rows(node)


def _rows(node: ast.expr) -> range:
    last = node.end_lineno or node.lineno
    return range(node.lineno, last + 1)


def _is_string(node: ast.AST) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _collect(nodes: Iterable[ast.AST], package: str, references: References) -> None:
    """Add the references of nodes, without those in the bodies of functions."""
    for node in nodes:
        if isinstance(node, ast.If) and _is_name(node.test, "TYPE_CHECKING"):
            # The body is never run.
            _collect(node.orelse, package, references)
            continue
        _add_node(node, package, references)
        children: Iterable[ast.AST] = ast.iter_child_nodes(node)
        if isinstance(node, FUNCTIONS):
            children = [*node.decorator_list, node.args]
        _collect(children, package, references)


def _add_node(node: ast.AST, package: str, references: References) -> None:
    if isinstance(node, ast.Import):
        for alias in node.names:
            references.imports.append(alias.name)
    elif isinstance(node, ast.ImportFrom):
        references.imports += _imported_modules(node, package)
    elif isinstance(node, ast.Name):
        references.names.add(node.id)
    elif isinstance(node, ast.Attribute):
        references.names.add(node.attr)
    elif isinstance(node, ast.Call):
        _add_call(node, references)


def _imported_modules(node: ast.ImportFrom, package: str) -> list[str]:
    """Return the module of `from module import name`, and `module.name`, which may be one too."""
    module = node.module or ""
    if node.level:
        packages = package.split(".")
        depth = len(packages) - node.level + 1
        path = packages[:depth]
        if module:
            path.append(module)
        module = ".".join(path)
    modules = [module]
    for alias in node.names:
        modules.append(f"{module}.{alias.name}")
    return modules


def _add_call(node: ast.Call, references: References) -> None:
    """Add the names that a call of `getattr`, `resources` or `plugins` refers to."""
    constants: list[str] = []
    for argument in node.args:
        if _is_string(argument):
            constants.append(str(argument.value))
    function = node.func
    if _is_name(function, "getattr"):
        references.names.update(constants)
    if not isinstance(function, ast.Attribute):
        return
    if _is_name(function.value, "resources") and not constants:
        references.reads_own_folder = True
    if _is_name(function.value, "plugins") and constants:
        call = PluginCall(function.attr, constants[0])
        references.plugins.append(call)


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
