"""Validate JSON of strangers against a schema of edgebake, with a message in one line."""

import json
from typing import TYPE_CHECKING, Any

from edgebake.documents import json_schema_library
from edgebake.terminal.printable import printable

if TYPE_CHECKING:
    from jsonschema import ValidationError

SIZE_RULES = {"maxLength": "characters", "maxItems": "entries", "maxProperties": "entries"}


class SchemaError(ValueError):
    """A document that does not match its schema; the message has the key and the mistake."""


def validate(content: Any, schema: bytes) -> None:
    """Validate a parsed document against the text of a schema.

    Raises:
        SchemaError: it does not match.
    """
    jsonschema = json_schema_library.load()  # 0.2 s, and only package and verify need it
    document = json.loads(schema)
    validator = jsonschema.validators.validator_for(document)(document)
    errors = list(validator.iter_errors(content))
    if errors:
        # `best_match` would choose an alternative by the depth of its errors.
        error = _innermost(max(errors, key=jsonschema.exceptions.relevance))
        key = printable(error.json_path.removeprefix("$."), max_length=200)
        raise SchemaError(f"{key}: {_problem(error)}")


def _innermost(error: "ValidationError") -> "ValidationError":
    """Return the error inside the only alternative of `oneOf` whose constants match."""
    while error.context:
        alternatives: dict[object, list[ValidationError]] = {}
        for inner in error.context:
            alternatives.setdefault(inner.schema_path[0], []).append(inner)
        matching = [errors for errors in alternatives.values() if not _is_of_another(errors)]
        if len(matching) != 1:
            return error
        error = matching[0][0]
    return error


def _is_of_another(errors: "list[ValidationError]") -> bool:
    """Return whether an alternative is of another thing: another constant, or name of a step."""
    return any(error.validator == "const" or list(error.path)[-1:] == ["step"] for error in errors)


def _problem(error: "ValidationError") -> str:
    value: Any = error.instance
    rule = str(error.validator)
    if rule in SIZE_RULES:
        return f"{len(value):,} {SIZE_RULES[rule]}; expected at most {error.validator_value:,}"
    if rule == "const":
        return f"{printable(repr(value), max_length=100)}; expected {error.validator_value!r}"
    expected = error.schema.get("description") if isinstance(error.schema, dict) else None
    if expected:
        return f"{printable(repr(value), max_length=100)}; expected {expected}"
    return printable(error.message, max_length=200)
