"""Values as JSON and raw bytes."""

import json

import numpy as np
import pytest

from edgebake.child_process import messages
from edgebake.child_process.messages import MessageError, decode, encode


def test_values_and_their_messages() -> None:
    array = np.array([[1, 2, 3]], np.int16)
    document, contents = encode({"x": (1.5, float("inf")), "y": [b"ab", array]})
    assert json.loads(document) == [
        "dict",
        ["x", ["list", 1.5, ["float", "inf"]]],
        ["y", ["list", ["bytes", 2], ["array", "int16", [1, 3]]]],
    ]
    assert contents == [b"ab", b"\x01\x00\x02\x00\x03\x00"]
    value = decode(document, memoryview(b"".join(contents)))
    assert isinstance(value, dict)
    assert value["x"] == [1.5, float("inf")]
    assert value["y"][0] == b"ab"
    assert np.array_equal(value["y"][1], array)


def test_lists_of_strangers_are_not_mistaken_for_tags() -> None:
    value = ["bytes", 1000, ["array", "object", [1]], {"list": ["dict"]}]
    document, contents = encode(value)
    assert contents == []
    assert decode(document, memoryview(b"")) == value


def test_other_objects_do_not_leave() -> None:
    with pytest.raises(TypeError, match="a set cannot leave a child process"):
        encode({"x": {1, 2}})
    with pytest.raises(TypeError, match="a ndarray cannot leave a child process"):
        encode(np.array([object()]))


@pytest.mark.parametrize(
    ("document", "content", "problem"),
    [
        (b'["array", "object", [1]]', bytes(8), r"an array object \[1\]"),
        (b'["array", "float32", [2, -1]]', b"", r"an array float32 \[2, -1\]"),
        (b'["array", "float32", [1000000000000]]', b"", "expected 4000000000000 bytes more"),
        (b'["bytes", -1]', b"abc", "expected -1 bytes more"),
        (b'["bytes", 2]', b"abc", "1 bytes too many"),
        (b'["pickle", 2]', b"", "the tag 'pickle'"),
        (b'{"x": 1}', b"", "an object without a tag"),
        (b"[]", b"", "not enough values"),
        (b"NaN", b"", "the number NaN"),
        (b"[" * 100 + b"]" * 100, b"", "nested deeper than 64 levels"),
        (b'["dict", [["list"], 1]]', b"", "unhashable"),
        (b'["float", [1]]', b"", "float"),
        (b"\xff", b"", "not UTF-8"),
    ],
)
def test_documents_that_are_no_messages(document: bytes, content: bytes, problem: str) -> None:
    with pytest.raises(MessageError, match=problem):
        decode(document, memoryview(content))


def test_a_long_document_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "MAX_JSON", 10)
    with pytest.raises(MessageError, match="11 bytes; expected at most 10"):
        decode(b'"123456789"', memoryview(b""))
