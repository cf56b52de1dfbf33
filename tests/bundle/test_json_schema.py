"""A document that does not match its schema is refused with the key and the mistake."""

import json

import pytest

from edgebake.bundle import json_schema
from edgebake.bundle.json_schema import SchemaError

SCHEMA = json.dumps(
    {
        "properties": {
            "name": {"maxLength": 3, "pattern": "^[a-z]*$", "description": "letters"},
            "list": {"maxItems": 1},
            "kind": {"const": "x"},
            "step": {
                "oneOf": [
                    {"properties": {"step": {"const": "a"}, "size": {"maximum": 5}}},
                    {"properties": {"step": {"const": "b"}, "size": {"maximum": 7}}},
                ]
            },
        }
    }
).encode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"name": "abcd"}, "name: 4 characters; expected at most 3"),
        ({"name": "a1"}, "name: 'a1'; expected letters"),
        ({"list": [1, 2]}, "list: 2 entries; expected at most 1"),
        ({"kind": "y" * 200}, f"kind: '{'y' * 99}...; expected 'x'"),
        ({"step": {"step": "b", "size": 9}}, "step.size: 9 is greater than the maximum of 7"),
        (
            {"step": {"step": "c"}},
            "step: {'step': 'c'} is not valid under any of the given schemas",
        ),
    ],
)
def test_the_mistake_is_named(content: object, message: str) -> None:
    with pytest.raises(SchemaError) as refused:
        json_schema.validate(content, SCHEMA)
    assert str(refused.value) == message


def test_a_document_that_matches_is_accepted() -> None:
    json_schema.validate({"name": "abc", "step": {"step": "a", "size": 5}}, SCHEMA)
