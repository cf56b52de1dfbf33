"""JSON documents of strangers."""

import pytest

from edgebake.documents import strict_json
from edgebake.documents.strict_json import MAX_DEPTH, StrictJsonError


def test_a_document_is_parsed() -> None:
    document = '{"a": [1, 2.5, null, "ü"], "b": {}}'.encode()
    assert strict_json.parse(document, 100) == {"a": [1, 2.5, None, "ü"], "b": {}}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"[1, 2]" + b" " * 100, "106 bytes; expected at most 100"),
        (b"\xef\xbb\xbf[]", "begins with a byte order mark; expected plain UTF-8"),
        ("[]".encode("utf-16"), "begins with a byte order mark; expected plain UTF-8"),
        ('["é"]'.encode("latin-1"), "not UTF-8 at byte 2; expected plain UTF-8"),
        (b'{"a": 1, "a": 2}', "a key is repeated in one object; expected each key once"),
        (b"[NaN]", "the number NaN; expected finite numbers"),
        (b"[-Infinity]", "the number -Infinity; expected finite numbers"),
        (b"[1e999]", "the number 1e999; expected finite numbers"),
        (b"[1", "not valid JSON: Expecting ',' delimiter: line 1 column 3 (char 2)"),
        (b"", "not valid JSON: Expecting value: line 1 column 1 (char 0)"),
    ],
)
def test_other_documents_are_refused(document: bytes, message: str) -> None:
    with pytest.raises(StrictJsonError) as refused:
        strict_json.parse(document, 100)
    assert str(refused.value) == message


@pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 900, 100_000])
def test_deep_documents_are_refused(levels: int) -> None:
    document = b"[" * levels + b"]" * levels
    with pytest.raises(StrictJsonError, match="nested deeper than 64 levels"):
        strict_json.parse(document, 1 << 20)


def test_the_deepest_document_is_parsed() -> None:
    strict_json.parse(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, 1000)


def test_a_number_of_5000_digits_is_refused() -> None:
    with pytest.raises(StrictJsonError, match="not valid JSON"):
        strict_json.parse(b"9" * 5000, 10_000)
