"""Parse YAML of people and tools: bounded in size and depth, and with one meaning only; dump it.

Anchors, aliases, tags, merge keys and several documents are refused: recipes and plans need none of
them, and a few lines of aliases can stand for a billion values.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    MappingStartEvent,
    ScalarEvent,
)

from edgebake.documents import yaml_text
from edgebake.documents.yaml_text import StrictYamlError, refusal
from edgebake.terminal.printable import printable

MAX_BYTES = 1 << 20  # of a recipe
MAX_BYTES_OF_PLAN = 64 << 20  # of a file that edgebake or DVC writes
MAX_DEPTH = 64  # levels of mappings and lists inside each other
MAX_NUMBER = 100  # characters of a number
MAX_SHOWN = 40  # characters of a value in a message
MAX_WIDTH = 120  # characters of a line that is written, if its text has spaces

_NULL = re.compile(r"~|null|Null|NULL|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
# Numbers with leading zeros, and those with colons, are texts: YAML 1.1 reads 010 as 8.
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9_]*)")
_HEXADECIMAL = re.compile(r"[-+]?0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?([0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)")
_NAN = re.compile(r"\.(nan|NaN|NAN)")
# Texts here, and numbers for other readers, DVC among them: 08, 0o17, 1_0e1.
_OTHER_NUMBER = re.compile(r"[-+]?([0-9_]*\.?[0-9_]*([eE][-+]?[0-9_]+)?|0[bo][0-9_]+)")


class Dumper(yaml.SafeDumper):
    """Dump values so that `parse` returns them again: no alias, and no text that is a number."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - of PyYAML's signature
        """Write an object in every place that refers to it."""
        return True

    def represent_text(self, text: str) -> yaml.ScalarNode:
        """Quote a text that `parse` would read as another type; PyYAML's rules differ: 1e5."""
        style = None  # quotes only where PyYAML finds that the text needs them
        if not reads_as_text(text):
            style = "'"
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


Dumper.add_representer(str, Dumper.represent_text)


@dataclass
class _Collection:
    """A mapping or list whose end has not been read yet."""

    value: dict[str, Any] | list[Any]
    line: int
    lines: dict[str, int] = field(default_factory=dict)  # by key of a mapping
    key: str | None = None  # the key whose value comes next

    def add(self, value: object, line: int) -> None:
        """Add a key, the value of the last key, or an element of the list."""
        if isinstance(self.value, list):
            self.value.append(value)
        elif self.key is None:
            self.key = self._new_key(value, line)
        else:
            self.value[self.key] = value
            self.key = None

    def _new_key(self, key: object, line: int) -> str:
        if not isinstance(key, str):
            raise refusal(line, f"the key {shown(key)}", "expected a text as key")
        if key == "<<":
            raise refusal(line, "the merge key <<", "expected the keys themselves")
        if key in self.lines:
            problem = f"the key {printable(key, max_length=MAX_SHOWN)!r} is in line "
            problem += f"{self.lines[key]} already"
            raise refusal(line, problem, "expected each key once")
        self.lines[key] = line
        return key


def read(file: Path, max_bytes: int = MAX_BYTES) -> Any:
    """Return the value of a YAML file; None if it is empty.

    Raises:
        StrictYamlError: as `parse` does; the message has no name of the file.
        OSError: the file cannot be read.
    """
    if not file.is_file():
        problem = "a folder" if file.is_dir() else "not found"
        raise StrictYamlError(f"{problem}; expected a YAML file")
    with file.open("rb") as stream:
        data = stream.read(max_bytes + 1)
    return parse(data, max_bytes)


def parse(data: bytes, max_bytes: int = MAX_BYTES) -> Any:
    """Return the value of a YAML document in UTF-8; None if it is empty.

    Raises:
        StrictYamlError: it is larger than `max_bytes`, not UTF-8 without a byte order mark, not
            YAML, nested deeper than MAX_DEPTH, or it holds a control character, a mark of a merge
            conflict, an anchor, alias or tag, a key twice or a key that is no text.
    """
    text = yaml_text.decode(data, max_bytes)
    loader = yaml.CSafeLoader(text)
    try:
        return _build(_events(loader))
    except yaml.MarkedYAMLError as error:
        raise StrictYamlError(yaml_text.explain(error, text)) from None
    finally:
        loader.dispose()


def _events(loader: yaml.CSafeLoader) -> Iterator[Any]:
    while loader.check_event():
        yield loader.get_event()


def _build(events: Iterator[Any]) -> Any:
    """Return the value that a stream of events describes; without recursion, however deep it is."""
    values: list[Any] = []
    top = _Collection(values, line=1)  # a list of the one document
    open_collections = [top]
    documents = 0
    for event in events:
        line = event.start_mark.line + 1
        parent = open_collections[-1]
        if isinstance(event, DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise refusal(line, "a second document", "expected only one in a file")
        elif isinstance(event, CollectionStartEvent):
            _refuse_properties(event, line)
            child = _Collection({} if isinstance(event, MappingStartEvent) else [], line)
            open_collections.append(child)
            if len(open_collections) - 1 > MAX_DEPTH:
                expected = f"expected at most {MAX_DEPTH} levels of mappings and lists"
                raise refusal(line, "nested too deep", expected)
        elif isinstance(event, CollectionEndEvent):
            open_collections.pop()
            open_collections[-1].add(parent.value, parent.line)
        elif isinstance(event, AliasEvent | ScalarEvent):
            _refuse_properties(event, line)
            parent.add(_scalar(event, line), line)
    return values[0] if values else None


def _refuse_properties(event: Any, line: int) -> None:
    if isinstance(event, AliasEvent):
        raise refusal(line, f"the alias *{event.anchor}", "expected the value itself")
    if event.anchor is not None:
        expected = "expected the value alone: aliases are not read"
        raise refusal(line, f"the anchor &{event.anchor}", expected)
    if event.tag is not None:
        tag = printable(event.tag, max_length=MAX_SHOWN)
        raise refusal(line, f"the tag {tag}", "expected the value alone")


def _scalar(event: Any, line: int) -> str | int | float | bool | None:
    """Return the value of a scalar; one in quotes is always a text."""
    text: str = event.value
    is_plain = event.implicit[0]
    if not is_plain:
        return text
    return _plain_value(text, line)


def _plain_value(text: str, line: int) -> str | int | float | bool | None:
    """Return the value of a scalar without quotes."""
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text) or _FALSE.fullmatch(text):
        return text.lower() == "true"
    if text[0] in "+-.0123456789":
        return _number(text, line)
    return text


def _number(text: str, line: int) -> str | int | float:
    """Return the number that a plain scalar stands for; the text itself if it is none."""
    if len(text) > MAX_NUMBER:
        if text[:MAX_NUMBER].strip("+-.0123456789_eE"):
            return text
        expected = f"expected at most {MAX_NUMBER}, or quotes around a text"
        raise refusal(line, f"a number of {len(text):,} characters", expected)
    number: str | int | float = text
    if _INTEGER.fullmatch(text):
        number = int(text.replace("_", ""))
    elif _HEXADECIMAL.fullmatch(text):
        number = int(text, 16)
    elif _FLOAT.fullmatch(text):
        number = float(text.replace("_", ""))
    elif _INFINITE.fullmatch(text) or _NAN.fullmatch(text):
        number = float(text.replace(".", ""))
    return number


def dump(value: object) -> str:
    """Return a YAML document that `parse` reads as the same value, with keys in their order."""
    text: str = yaml.dump(value, Dumper=Dumper, sort_keys=False, width=MAX_WIDTH)
    return text


def reads_as_text(text: str) -> bool:
    """Return whether `parse` and DVC read a scalar as a text if it stands without quotes."""
    if _OTHER_NUMBER.fullmatch(text):
        return False
    try:
        return isinstance(_plain_value(text, line=1), str)
    except StrictYamlError:
        return False


def shown(value: object) -> str:
    """Return a value as it is named in messages: texts in quotes, others as in YAML."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return repr(printable(value, max_length=MAX_SHOWN))
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return printable(value, max_length=MAX_SHOWN)
