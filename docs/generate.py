"""Write the pages of docs/ that come from the code: dataclasses, the parser, tables of models.

`make docs` runs it; tests/docs/test_generate.py fails if a page is not what it would write.
"""

import argparse
import ast
import dataclasses
import inspect
import os
import re
import textwrap
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints
from unittest.mock import patch

from docs import models_page
from edgebake.cli.main import GROUPS, parser
from edgebake.recipe import Candidates, Recipe, Release
from edgebake.recipe.files import find, groups
from edgebake.recipe.missing import MISSING
from edgebake.recipe.quantize import WordOrWords

FOLDER = Path(__file__).parent
GENERATED = "<!-- Written by `make docs`; edit the source that it names instead. -->"
DATACLASSES = "pipeline/edgebake/recipe/"
PARSER = "pipeline/edgebake/cli/"
WIDTH = 88
TYPE_NAMES = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "true or false",
    NoneType: "null",
    WordOrWords: "text, list of text or null",
}


def main() -> None:
    """Write all pages."""
    for path, text in pages().items():
        (FOLDER / path).write_text(text)


def pages() -> dict[str, str]:
    """Return the text of each generated page, by its path below docs/."""
    return {
        "reference/recipe_fields.md": "\n".join(recipe_fields()) + "\n",
        "reference/command_line.md": "\n".join(command_line()) + "\n",
        "guides/models.md": "\n".join(models()) + "\n",
    }


def recipe_fields() -> Iterator[str]:
    """Yield the lines of the reference of all fields of recipes/."""
    yield "# Fields of recipes"
    yield ""
    yield GENERATED
    yield ""
    yield f"Source: the dataclasses in [`{DATACLASSES}`](../../{DATACLASSES})."
    yield ""
    yield "A target is composed of one option of each group, see [recipes](../guides/recipes.md)."
    yield "Each group is a folder of `recipes/`. `edgebake show TARGET` prints every value of a"
    yield "target, and the file that it comes from. A field without a default has to be given."
    options = groups()
    hints = get_type_hints(Recipe)
    page = _Page()
    for group in dataclasses.fields(Recipe):
        if group.name not in options:
            continue
        yield ""
        yield f"## {group.name}"
        yield ""
        yield from page.describe(group.name, hints[group.name])
        yield from _options(group.name, options.get(group.name, []))
    yield ""
    yield "## candidates"
    yield ""
    yield from page.describe("candidates", Candidates)
    yield ""
    yield "## release.yaml"
    yield ""
    yield from page.describe("", Release)


def _options(group: str, names: list[str]) -> Iterator[str]:
    """Yield the options of a group, each with the comment at the top of its file."""
    if not names:
        return
    yield ""
    yield f"### Options of {group}"
    yield ""
    yield "| option | comment of its file |"
    yield "|---|---|"
    for name in names:
        comment: list[str] = []
        for line in find(f"{group}/{name}").read_text().splitlines():
            if not line.startswith("#"):
                break
            comment.append(line.removeprefix("#").strip())
        yield f"| `{name}` | {_markdown(' '.join(comment))} |"


class _Page:
    """The tables of dataclasses, each written once."""

    def __init__(self) -> None:
        self._described: dict[Any, str] = {}  # dataclass -> dotted key of its table

    def describe(self, key: str, schema: Any) -> Iterator[str]:
        """Yield the table of a dataclass, then those of the dataclasses in its fields."""
        self._described[schema] = key
        yield from textwrap.wrap(_markdown(inspect.getdoc(schema) or ""), 100)
        yield ""
        yield "| field | type | default | meaning |"
        yield "|---|---|---|---|"
        comments = field_comments(schema)
        hints = get_type_hints(schema)
        nested: dict[Any, str] = {}
        for field in dataclasses.fields(schema):
            path = f"{key}.{field.name}" if key else field.name
            hint = hints[field.name]
            meaning = " ".join([comments[field.name], *_enum_values(hint)]).strip()
            type_name = _type_name(hint)
            for inner in _types(hint):
                if not dataclasses.is_dataclass(inner):
                    continue
                described = self._described.get(inner) or nested.setdefault(inner, path)
                if described != path:
                    type_name = type_name.replace("fields below", f"as `{described}`")
            yield f"| `{path}` | {type_name} | {_default(field)} | {_markdown(meaning)} |"
        for inner, path in nested.items():
            yield ""
            yield f"### {path}"
            yield ""
            yield from self.describe(path, inner)


def field_comments(schema: type) -> dict[str, str]:
    """Return the comment above each field of a dataclass, those of its bases included."""
    comments: dict[str, str] = {}
    for base in reversed(schema.__mro__):
        if dataclasses.is_dataclass(base):
            comments.update(_comments_above(base))
    return comments


def _comments_above(schema: type) -> dict[str, str]:
    """Return the comment above each assignment in the body of a class."""
    source = textwrap.dedent(inspect.getsource(schema))
    lines = source.splitlines()
    class_node = ast.parse(source).body[0]
    assert isinstance(class_node, ast.ClassDef)
    comments: dict[str, str] = {}
    for statement in class_node.body:
        if not isinstance(statement, ast.AnnAssign | ast.Assign):
            continue
        targets = [statement.target] if isinstance(statement, ast.AnnAssign) else statement.targets
        comment: list[str] = []
        for line in reversed(lines[: statement.lineno - 1]):
            if not line.strip().startswith("#"):
                break
            comment.insert(0, line.strip().removeprefix("#").strip())
        comments[ast.unparse(targets[0])] = " ".join(comment)
    return comments


def _types(hint: Any) -> list[Any]:
    """Return the types in a type hint: those of a union, and those of list items."""
    if get_origin(hint) is None:
        return [hint]
    types: list[Any] = []
    for argument in get_args(hint):
        types += _types(argument)
    return types


def _type_name(hint: Any) -> str:
    if isinstance(hint, UnionType):
        return " or ".join(_type_name(argument) for argument in get_args(hint))
    if get_origin(hint) is list:
        return f"list of {_type_name(get_args(hint)[0])}"
    if get_origin(hint) is dict:
        return f"mapping of names to {_type_name(get_args(hint)[1])}"
    if dataclasses.is_dataclass(hint):
        return "fields below"
    if issubclass(hint, Enum):
        return ", ".join(f"`{member.value}`" for member in hint)
    return TYPE_NAMES[hint]


def _enum_values(hint: Any) -> Iterator[str]:
    """Yield a sentence per value of an enumeration that has comments."""
    for enumeration in _types(hint):
        if isinstance(enumeration, type) and issubclass(enumeration, Enum):
            comments = _comments_above(enumeration)
            for member in enumeration:
                if comments[member.name]:
                    yield f"`{member.value}`: {comments[member.name]}"


def _default(field: "dataclasses.Field[Any]") -> str:
    if field.default == MISSING:
        return ""
    if field.default_factory is list:
        return "`[]`"
    if field.default is dataclasses.MISSING:
        return "" if field.default_factory is dataclasses.MISSING else "as below"
    default = field.default
    if default is None:
        return "null"
    if isinstance(default, bool):
        return str(default).lower()
    return f"`{default.value if isinstance(default, Enum) else default}`"


def _markdown(text: str) -> str:
    """Return text on one line, safe in a cell of a table."""
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


def command_line() -> Iterator[str]:
    """Yield the lines of the reference of all verbs."""
    yield "# Command line"
    yield ""
    yield GENERATED
    yield ""
    yield f"Source: the verbs in [`{PARSER}`](../../{PARSER}). `edgebake --help` lists them,"
    yield "`edgebake VERB --help` shows what stands here."
    yield ""
    yield "Exit codes: 0, done; 1, an error that you can correct, which standard error names; 2,"
    yield "wrong usage; 129, 130 and 143, stopped by SIGHUP, SIGINT (Ctrl-C) and SIGTERM."
    helps = verb_helps()
    for group in GROUPS:
        yield ""
        yield f"## {group.title[0].upper()}{group.title[1:]}"
        for verb in group.verbs:
            yield ""
            yield f"### edgebake {verb.name}"
            yield ""
            yield "```text"
            yield helps[verb.name]
            yield "```"


def models() -> Iterator[str]:
    """Yield the lines of the guide to models."""
    yield "# What goes where: models, runtimes, schemes"
    yield ""
    yield GENERATED
    yield ""
    yield "Which model files edgebake reads, and what it can make of them. The tables are those"
    yield "that decide. [Bring your own](bring_your_own.md) is the walk-through."
    yield ""
    yield from models_page.lines()


def verb_helps() -> dict[str, str]:
    """Return the help of each verb as an 88 columns wide terminal shows it."""
    helps: dict[str, str] = {}
    with patch.dict(os.environ, COLUMNS=str(WIDTH)):  # the width of a terminal, for argparse
        for action in parser()._actions:
            if isinstance(action, argparse._SubParsersAction):
                for name, verb_parser in action.choices.items():
                    helps[name] = verb_parser.format_help().rstrip()
    return helps


if __name__ == "__main__":
    main()
