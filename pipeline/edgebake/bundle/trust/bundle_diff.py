"""In which files, and in which part of each, two bundles differ.

A model is cut into the parts that its runtime knows, by the suffix of its path; JSON into keys, text into lines.
"""

import functools
import json
from bisect import bisect_left
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import PurePosixPath
from typing import Any

from edgebake import plugins
from edgebake.runtimes.interface import load_runtime

LIMIT = 10  # lines about one file
WIDTH = 60  # characters of a value
ABSENT: Any = object()  # of a key or an item; null is a value
Files = dict[str, bytes]


def differences(ours: Files, theirs: Files) -> list[str]:
    """Return one line for each difference between two bundles, sorted by path; none if they are equal."""
    one, other = _by_path(ours), _by_path(theirs)
    lines: list[str] = []
    for path in sorted(one.keys() | other.keys()):
        if path not in other:
            lines.append(f"{path}: only in ours")
        elif path not in one:
            lines.append(f"{path}: only in theirs")
        elif one[path] != other[path]:
            lines += _limited(path, list(_compared(path, one[path], other[path])))
    return lines


def _by_path(files: Files) -> dict[str, Files]:
    """Return the files by what they are one of: an .mlpackage is one thing, every other file is its own."""
    found: dict[str, Files] = {}
    for path, content in files.items():
        whole = next(
            (str(one) for one in PurePosixPath(path).parents if one.suffix in _runtimes()), path
        )
        found.setdefault(whole, {})[path.removeprefix(whole)] = content
    return found


@functools.cache
def _runtimes() -> dict[str, str]:
    """Return the runtime by the suffix of its model's path."""
    names = plugins.options("convert.runtime")
    return {PurePosixPath(load_runtime(name).facts.file).suffix: name for name in names}


def _limited(path: str, found: list[str]) -> list[str]:
    more = len(found) - LIMIT
    rest = [f"{path}: and {more} more"] if more > 0 else []
    return [f"{path}: {line}" for line in found[:LIMIT]] + rest


def _compared(path: str, ours: Files, theirs: Files) -> Iterator[str]:
    suffix = PurePosixPath(path).suffix
    if suffix in _runtimes():
        return _models(_runtimes()[suffix], ours, theirs)
    return (_json if suffix == ".json" else _text)(ours[""], theirs[""])


def _models(runtime: str, ours: Files, theirs: Files) -> Iterator[str]:
    try:
        one, other = _cut(runtime, ours, "ours"), _cut(runtime, theirs, "theirs")
    except ValueError as error:
        return _places(ours, theirs, str(error))
    names = [name for name in one | other if one.get(name) != other.get(name)]
    if not names:
        return _places(ours, theirs, "all parts are equal, header or layout differ")
    return (f"{name} {_how(name, one, other)}" for name in names)


def _cut(runtime: str, files: Files, whose: str) -> Files:
    """Return the parts of a model.

    Raises:
        ValueError: it is none.
    """
    file = load_runtime(runtime).facts.file
    cut = load_runtime(runtime).named_parts
    try:
        return cut({f"{file}{path}": data for path, data in files.items()})
    except Exception as error:  # what a parser raises of a damaged file is up to the damage
        why = _short(str(error) or type(error).__name__)
        raise ValueError(f"{whose} cannot be read as a model of {runtime}: {why}") from error


def _how(name: str, ours: Files, theirs: Files) -> str:
    if name not in theirs:
        return "is only in ours"
    return "differs" if name in ours else "is only in theirs"


def _json(ours: bytes, theirs: bytes) -> Iterator[str]:
    try:
        one, other = json.loads(ours.decode()), json.loads(theirs.decode())
    except ValueError as error:
        yield f"{_place(ours, theirs)}; cannot be read as JSON: {_short(str(error))}"
        return
    found = list(_keys("", one, other))
    yield from found or (
        f"the same JSON in other words, {line}" for line in _lines(ours.decode(), theirs.decode())
    )


def _keys(key: str, ours: Any, theirs: Any) -> Iterator[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in ours | theirs:
            inner = f"{key}.{name}" if key else name
            yield from _keys(inner, ours.get(name, ABSENT), theirs.get(name, ABSENT))
    elif isinstance(ours, list) and isinstance(theirs, list):
        for number, (one, other) in enumerate(zip_longest(ours, theirs, fillvalue=ABSENT)):
            yield from _keys(f"{key}[{number}]", one, other)
    elif _dumped(ours) != _dumped(theirs):  # as text: 1, 1.0 and true are equal in Python
        yield f"{key or 'all of it'}: ours {_short(_dumped(ours))}, theirs {_short(_dumped(theirs))}"


def _dumped(value: Any) -> str:
    return "absent" if value is ABSENT else json.dumps(value, ensure_ascii=False)


def _text(ours: bytes, theirs: bytes) -> Iterator[str]:
    """Yield the lines that differ, or the first byte if either is no text."""
    try:
        return _lines(ours.decode(), theirs.decode())
    except UnicodeDecodeError:
        return iter([_place(ours, theirs)])


def _lines(ours: str, theirs: str) -> Iterator[str]:
    pairs = zip_longest(ours.split("\n"), theirs.split("\n"))
    for number, (one, other) in enumerate(pairs, 1):
        if one != other:
            yield f"line {number}: ours {_quoted(one)}, theirs {_quoted(other)}"


def _quoted(line: str | None) -> str:
    return "absent" if line is None else repr(_short(line))


def _places(ours: Files, theirs: Files, why: str) -> Iterator[str]:
    """Yield where each file of a model differs."""
    for path in sorted(ours.keys() | theirs.keys()):
        one, other = ours.get(path, b""), theirs.get(path, b"")
        if one != other:
            yield f"{path.removeprefix('/')} {_place(one, other)}; {why}".lstrip()


def _place(ours: bytes, theirs: bytes) -> str:
    end = min(len(ours), len(theirs))
    first = bisect_left(
        range(end), True, key=lambda place: ours[: place + 1] != theirs[: place + 1]
    )
    return f"byte {first:,} is the first to differ, ours has {len(ours):,} bytes, theirs {len(theirs):,}"


def _short(text: str) -> str:
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 3]}..."
