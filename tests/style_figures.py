"""Figures of how much one line asks a reader to hold, counted from the source: docs/adr/0027.

As a program: `python -m tests.style_figures pipeline/edgebake/bundle` prints the figures of a
folder, and `--list` every place that raises them.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LAYOUT = (
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
)
# Names that do not say what a value is.
FORBIDDEN_NAMES = frozenset(
    {"found", "one", "other", "words", "asked", "said", "told", "kept", "held", "brought"}
    | {"agreed", "given", "wanted", "seen", "known_as", "thing", "things", "place", "stuff"}
)
RIDDLE = re.compile(r"^(What|Which|How|Where|Who|Whose|Why|Under which)\b|\bin, .*\bout\b")
SHAPE = re.compile(r"\[[a-zA-Z0-9_][\w ]*(?:,\s*[\w. *+/-]+)*\]|shape")
ARRAYS = re.compile(r"\b(NDArray|ndarray|ArrayLike|Floats|Integers|Array)\b")


@dataclass
class Figures:
    """The counts of some source files, and where each count comes from."""

    code_lines: int = 0
    body_lines: int = 0
    body_tokens: int = 0
    functions: int = 0
    array_functions: int = 0
    places: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, file: Path, line: int, detail: str = "") -> None:
        """Note one place of a kind."""
        self.places.setdefault(kind, []).append(f"{file}:{line}: {kind} {detail}".rstrip())

    def count(self, kind: str) -> int:
        """Return how many places of a kind there are."""
        return len(self.places.get(kind, ()))

    def per_thousand(self, kind: str) -> float:
        """Return the places of a kind per 1,000 lines of code."""
        return 1000 * self.count(kind) / max(self.code_lines, 1)

    def tokens_per_line(self) -> float:
        """Return the tokens of an average line of a function's body."""
        return self.body_tokens / max(self.body_lines, 1)


def count(files: Iterator[Path] | list[Path]) -> Figures:
    """Return the figures of Python files."""
    figures = Figures()
    for file in files:
        _count_file(file, figures)
    return figures


def _count_file(file: Path, figures: Figures) -> None:
    text = file.read_text(encoding="utf-8")
    tree = ast.parse(text)
    docstring_lines = _docstring_lines(tree)
    tokens_of = _tokens_by_line(text, docstring_lines)
    figures.code_lines += len(tokens_of)
    for number, line in enumerate(text.splitlines(), start=1):
        if "noqa" in line and re.search(r"# (ruff: )?noqa(: [A-Z0-9, ]+)?$", line):
            figures.add("noqa without a reason", file, number)
        if number in tokens_of:
            for _ in re.findall(r"\bAny\b", line.split("#")[0]):
                figures.add("Any", file, number)
    first_line = (ast.get_docstring(tree) or "").split("\n")[0]
    if RIDDLE.search(first_line):
        figures.add("riddle as module docstring", file, 1, first_line)
    _count_expressions(tree, file, figures)
    for node in ast.walk(tree):
        if isinstance(node, FUNCTIONS):
            _count_function(node, tokens_of, file, figures)


def _docstring_lines(tree: ast.Module) -> set[int]:
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.Module)) and ast.get_docstring(node):
            docstring = node.body[0]
            lines.update(range(docstring.lineno, (docstring.end_lineno or 0) + 1))
    return lines


def _tokens_by_line(text: str, docstring_lines: set[int]) -> dict[int, int]:
    """Return the number of tokens on each line of code. Lines of long strings count as code."""
    tokens: dict[int, int] = {}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in LAYOUT or token.start[0] in docstring_lines:
            continue
        tokens[token.start[0]] = tokens.get(token.start[0], 0) + 1
        for line in range(token.start[0] + 1, token.end[0] + 1):
            tokens.setdefault(line, 0)
    return tokens


def _count_expressions(tree: ast.Module, file: Path, figures: Figures) -> None:
    for node in ast.walk(tree):
        if isinstance(node, COMPREHENSIONS):
            inner = [below for below in ast.walk(node) if isinstance(below, COMPREHENSIONS)]
            if len(inner) > 1 or len(node.generators) > 1:
                figures.add("nested comprehension", file, node.lineno)
        elif isinstance(node, ast.IfExp):
            figures.add("conditional expression", file, node.lineno)
            inside = [below for below in ast.walk(node) if isinstance(below, ast.IfExp)]
            if len(inside) > 1:
                figures.add("nested conditional expression", file, node.lineno)


def _count_function(
    node: ast.FunctionDef | ast.AsyncFunctionDef,
    tokens_of: dict[int, int],
    file: Path,
    figures: Figures,
) -> None:
    figures.functions += 1
    start = node.body[0].lineno
    lines = [line for line in range(start, (node.end_lineno or start) + 1) if line in tokens_of]
    figures.body_lines += len(lines)
    figures.body_tokens += sum(tokens_of[line] for line in lines)
    forbidden = sorted(_names(node) & FORBIDDEN_NAMES)
    if forbidden:
        figures.add("forbidden name", file, node.lineno, f"{node.name}: {', '.join(forbidden)}")
    docstring = ast.get_docstring(node)
    public = not node.name.startswith("_")
    if public and docstring and ARRAYS.search(_signature(node)):
        figures.array_functions += 1
        if not SHAPE.search(docstring):
            figures.add("array without a shape", file, node.lineno, node.name)


def _names(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Return the names of a function's parameters and variables."""
    names = {argument.arg for argument in ast.walk(function.args) if isinstance(argument, ast.arg)}
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def _signature(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    signature = ast.unparse(function.args)
    if function.returns:
        signature += f" {ast.unparse(function.returns)}"
    return signature


def table(figures: Figures) -> Iterator[str]:
    """Yield the figures, one per line."""
    share = figures.count("forbidden name") / max(figures.functions, 1)
    without_shape = figures.count("array without a shape") / max(figures.array_functions, 1)
    yield f"{figures.code_lines} lines of code, {figures.functions} functions"
    yield f"tokens per line of a body: {figures.tokens_per_line():.2f}"
    for kind in ("nested comprehension", "conditional expression", "Any"):
        yield f"{kind} per 1,000 lines: {figures.per_thousand(kind):.2f}"
    yield f"functions with a forbidden name: {share:.1%}"
    yield f"array functions whose docstring gives shapes: {1 - without_shape:.1%}"
    for kind in (
        "nested conditional expression",
        "noqa without a reason",
        "riddle as module docstring",
    ):
        yield f"{kind}: {figures.count(kind)}"


def main() -> None:
    """Print the figures of folders and files."""
    paths = [Path(argument) for argument in sys.argv[1:] if not argument.startswith("--")]
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files += sorted(path.rglob("*.py"))
        else:
            files.append(path)
    figures = count(files)
    print("\n".join(table(figures)))
    if "--list" in sys.argv:
        for kind in figures.places:
            print("\n".join(figures.places[kind]))


if __name__ == "__main__":
    main()
