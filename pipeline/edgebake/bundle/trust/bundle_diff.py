"""List the differences between two bundles, by file and by part of a file.

A model is split into the parts that its runtime defines, JSON into keys and text into lines. The
suffix of a path tells which of these it is.
"""

import functools
import json
from bisect import bisect_left
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import PurePosixPath

from edgebake import plugins
from edgebake.bundle import numbers_file
from edgebake.runtimes.interface import Files, load_runtime

MAX_LINES = 10  # about one file
VALUE_WIDTH = 60  # characters of a value
ABSENT = object()  # a missing key or element; null is a value


def differences(ours: Files, theirs: Files) -> list[str]:
    """Return a line for each difference between two bundles, sorted by path; none if equal.

    Args:
        ours: files of a bundle by path.
        theirs: files of the other bundle.
    """
    our_items = _group_packages(ours)
    their_items = _group_packages(theirs)
    lines: list[str] = []
    for path in sorted(our_items.keys() | their_items.keys()):
        if path not in their_items:
            lines.append(f"{path}: only in ours")
        elif path not in our_items:
            lines.append(f"{path}: only in theirs")
        elif our_items[path] != their_items[path]:
            file_lines = _compare(path, our_items[path], their_items[path])
            lines += _abbreviate(path, list(file_lines))
    return lines


def _group_packages(files: Files) -> dict[str, Files]:
    """Group files by model: those of an .mlpackage together, every other file alone.

    The keys of a group are paths below the package; an empty path is the file itself.
    """
    groups: dict[str, Files] = {}
    for path, content in files.items():
        whole = _package_of(path) or path
        group = groups.setdefault(whole, {})
        group[path.removeprefix(whole)] = content
    return groups


def _package_of(path: str) -> str | None:
    """Return the folder above a path that is a model; none if there is no such folder."""
    for folder in PurePosixPath(path).parents:
        if folder.suffix in _runtimes():
            return str(folder)
    return None


@functools.cache
def _runtimes() -> dict[str, str]:
    """Return the name of each runtime by the suffix of its models."""
    runtimes = {}
    for name in plugins.options("convert.runtime"):
        facts = load_runtime(name).facts
        suffix = PurePosixPath(facts.file).suffix
        runtimes[suffix] = name
    return runtimes


def _abbreviate(path: str, lines: list[str]) -> list[str]:
    """Prefix lines with a path, and count those beyond MAX_LINES."""
    abbreviated = [f"{path}: {line}" for line in lines[:MAX_LINES]]
    hidden = len(lines) - len(abbreviated)
    if hidden:
        abbreviated.append(f"{path}: and {hidden} more")
    return abbreviated


def _compare(path: str, ours: Files, theirs: Files) -> Iterator[str]:
    suffix = PurePosixPath(path).suffix
    if suffix in _runtimes():
        return _compare_models(_runtimes()[suffix], ours, theirs)
    if suffix == ".json":
        return _compare_json(ours[""], theirs[""])
    if suffix == numbers_file.SUFFIX:
        return iter([_first_difference(ours[""], theirs[""])])
    return _compare_text(ours[""], theirs[""])


def _compare_models(runtime: str, ours: Files, theirs: Files) -> Iterator[str]:
    try:
        our_parts = _named_parts(runtime, ours, "ours")
        their_parts = _named_parts(runtime, theirs, "theirs")
    except ValueError as error:
        yield from _compare_bytes(ours, theirs, str(error))
        return
    changed = []
    for name in our_parts | their_parts:
        if our_parts.get(name) != their_parts.get(name):
            changed.append(name)
    if not changed:
        yield from _compare_bytes(ours, theirs, "all parts are equal, header or layout differ")
    for name in changed:
        yield f"{name} {_describe_change(name, our_parts, their_parts)}"


def _named_parts(runtime: str, files: Files, whose: str) -> Files:
    """Return the parts of a model by name.

    Raises:
        ValueError: it is malformed.
    """
    reader = load_runtime(runtime)
    file = reader.facts.file
    model = {f"{file}{path}": data for path, data in files.items()}
    try:
        return reader.named_parts(model)
    except Exception as error:  # parsers raise anything on a damaged file
        reason = _shorten(str(error) or type(error).__name__)
        raise ValueError(f"{whose} cannot be read as a model of {runtime}: {reason}") from error


def _describe_change(name: str, ours: Files, theirs: Files) -> str:
    if name not in theirs:
        return "is only in ours"
    if name not in ours:
        return "is only in theirs"
    return "differs"


def _compare_json(ours: bytes, theirs: bytes) -> Iterator[str]:
    try:
        our_text = ours.decode()
        their_text = theirs.decode()
        our_value = json.loads(our_text)
        their_value = json.loads(their_text)
    except ValueError as error:
        reason = _shorten(str(error))
        yield f"{_first_difference(ours, theirs)}; cannot be read as JSON: {reason}"
        return
    lines = list(_compare_values("", our_value, their_value))
    yield from lines
    if not lines:
        for line in _compare_lines(our_text, their_text):
            yield f"the same JSON, written differently, {line}"


def _compare_values(key: str, ours: object, theirs: object) -> Iterator[str]:
    """Yield the keys whose values differ in two parsed JSON documents."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in ours | theirs:
            inner_key = f"{key}.{name}" if key else name
            our_value = ours.get(name, ABSENT)
            their_value = theirs.get(name, ABSENT)
            yield from _compare_values(inner_key, our_value, their_value)
    elif isinstance(ours, list) and isinstance(theirs, list):
        pairs = zip_longest(ours, theirs, fillvalue=ABSENT)
        for index, (our_value, their_value) in enumerate(pairs):
            yield from _compare_values(f"{key}[{index}]", our_value, their_value)
    elif _dump(ours) != _dump(theirs):  # as text, since 1, 1.0 and True are equal in Python
        values = f"ours {_shorten(_dump(ours))}, theirs {_shorten(_dump(theirs))}"
        yield f"{key or 'all of it'}: {values}"


def _dump(value: object) -> str:
    if value is ABSENT:
        return "absent"
    return json.dumps(value, ensure_ascii=False)


def _compare_text(ours: bytes, theirs: bytes) -> Iterator[str]:
    """Yield the lines that differ, or the first byte that does if one is not text."""
    try:
        return _compare_lines(ours.decode(), theirs.decode())
    except UnicodeDecodeError:
        return iter([_first_difference(ours, theirs)])


def _compare_lines(ours: str, theirs: str) -> Iterator[str]:
    pairs = zip_longest(ours.split("\n"), theirs.split("\n"))
    for number, (our_line, their_line) in enumerate(pairs, 1):
        if our_line != their_line:
            yield f"line {number}: ours {_quote(our_line)}, theirs {_quote(their_line)}"


def _quote(line: str | None) -> str:
    if line is None:
        return "absent"
    return repr(_shorten(line))


def _compare_bytes(ours: Files, theirs: Files, reason: str) -> Iterator[str]:
    """Yield the first difference in each file of a model, and why its parts are not compared."""
    for path in sorted(ours.keys() | theirs.keys()):
        our_data = ours.get(path, b"")
        their_data = theirs.get(path, b"")
        if our_data != their_data:
            name = path.removeprefix("/")
            difference = _first_difference(our_data, their_data)
            yield f"{name} {difference}; {reason}".lstrip()


def _first_difference(ours: bytes, theirs: bytes) -> str:
    end = min(len(ours), len(theirs))

    def differ_up_to(index: int) -> bool:
        return ours[: index + 1] != theirs[: index + 1]

    first = bisect_left(range(end), True, key=differ_up_to)
    return (
        f"byte {first:,} is the first to differ, "
        f"ours has {len(ours):,} bytes, theirs {len(theirs):,}"
    )


def _shorten(text: str) -> str:
    if len(text) <= VALUE_WIDTH:
        return text
    start = text[: VALUE_WIDTH - 3]
    return f"{start}..."
