"""Decode the text of YAML files, and explain where and why it is not YAML."""

import re

import yaml

# Control characters, surrogates and byte order marks, as far as YAML 1.2 refuses or hides them.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]"
)
_CONFLICT = re.compile(r"^(<{7}|={7}|>{7}|\|{7})(?= |$)", re.MULTILINE)
_BYTE_ORDER_MARKS = {
    b"\xef\xbb\xbf": "begins with a byte order mark",
    b"\xff\xfe": "is UTF-16",
    b"\xfe\xff": "is UTF-16",
}
# What libyaml says -> what is wrong and what was expected.
_PROBLEMS = {
    "found unexpected end of stream": ("a quote is not closed", "a second one"),
    "found unexpected document indicator": ("a quote is not closed", "a second one"),
    "did not find expected ',' or ']'": ("a list is not closed", "',' or ']'"),
    "did not find expected ',' or '}'": ("a mapping is not closed", "',' or '}'"),
    "mapping values are not allowed in this context": (
        "a ':' where none can be",
        "one key in a line, or quotes around the text",
    ),
    "block sequence entries are not allowed in this context": (
        "a '-' where none can be",
        "the list below its key, in lines of its own",
    ),
    "could not find expected ':'": ("a line without ':'", "`key: value`"),
    "did not find expected key": ("neither a key nor a value", "`key: value`, indented as above"),
    "did not find expected '-' indicator": ("not an element of the list", "'- value'"),
    "did not find expected node content": ("a value is missing", "one, or `null`"),
    "did not find expected <document start>": (
        "text outside the mapping",
        "`key: value`, indented as above",
    ),
    "found unknown escape character": ("a \\ in double quotes", "single quotes around the text"),
    "found a tab character that violates indentation": ("a tab", "spaces"),
}
_ANY_PROBLEM = (
    "a character that cannot stand here",
    "`key: value`, with quotes around a text of special characters",
)


class StrictYamlError(ValueError):
    """YAML that strict_yaml refuses; the message says why, without the name of the file."""


def refusal(line: int, problem: str, expected: str) -> StrictYamlError:
    """Return the error that names a line, what is wrong in it and what was expected."""
    return StrictYamlError(f"line {line}: {problem}; {expected}")


def decode(data: bytes, max_bytes: int) -> str:
    """Return the text of a YAML file.

    Raises:
        StrictYamlError: it is too large, not UTF-8 without a byte order mark, or it holds a control
            character or a mark of a merge conflict.
    """
    if len(data) > max_bytes:
        raise StrictYamlError(f"larger than {max_bytes:,} bytes; expected at most that")
    for mark, problem in _BYTE_ORDER_MARKS.items():
        if data.startswith(mark):
            raise refusal(1, problem, "expected UTF-8 without a byte order mark")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problem = f"not UTF-8: the byte 0x{data[error.start]:02x} at position {error.start}"
        raise refusal(line, problem, "expected UTF-8") from None
    invisible = _INVISIBLE.search(text)
    if invisible:
        problem = f"the control character U+{ord(invisible[0]):04X}"
        raise refusal(_line(text, invisible.start()), problem, "expected text in UTF-8")
    conflict = _CONFLICT.search(text)
    if conflict:
        problem = f"{conflict[0]}, a mark of a merge conflict"
        raise refusal(_line(text, conflict.start()), problem, "expected a file without conflicts")
    return text


def explain(error: yaml.MarkedYAMLError, text: str) -> str:
    """Return the line of a syntax error, what is wrong in it and what was expected."""
    mark = error.problem_mark or error.context_mark
    problem, expected = _PROBLEMS.get(error.problem or "", _ANY_PROBLEM)
    line = mark.line if mark else 0
    if error.context_mark and "not closed" in problem:
        line = error.context_mark.line
    lines = text.split("\n")
    before = "\n".join(lines[max(line - 1, 0) : line + 1])
    if re.search(r"^ *\t", before, re.MULTILINE):
        problem, expected = _PROBLEMS["found a tab character that violates indentation"]
    return f"line {line + 1}: not YAML: {problem}; expected {expected}"


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
