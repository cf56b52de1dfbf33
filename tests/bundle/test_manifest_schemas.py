"""The schemas of both forms agree; the second takes every step of the kinds of inputs."""

import json
from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from edgebake import plugins
from edgebake.bundle import manifest
from edgebake.tasks.inputs.interface import load_input

FIRST, SECOND = (manifest.SCHEMA_FILES[form] for form in (manifest.SCHEMA, manifest.SCHEMA_2))
# Definitions that differ: steps, tensors and targets are what the second form is there for.
DIFFERING = {"pixel_value", "step", "three", "tensor", "target"}


def _schema(file: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((resources.files("edgebake.bundle") / file).read_text())
    return schema


def _steps(definition: str) -> dict[str, dict[str, Any]]:
    """Return the properties of each step of the second form by its name."""
    steps = {}
    for alternative in _schema(SECOND)["$defs"][definition]["oneOf"]:
        name = alternative["properties"]["step"].get("const")
        if name is not None:
            steps[name] = alternative["properties"]
    return steps


def test_what_both_forms_have_is_defined_alike() -> None:
    first, second = _schema(FIRST)["$defs"], _schema(SECOND)["$defs"]
    assert {name for name in first if first[name] != second.get(name)} == DIFFERING
    ours, theirs = _schema(FIRST)["properties"], _schema(SECOND)["properties"]
    assert ours | {"schema": None} == theirs | {"schema": None}


def test_the_second_form_has_every_step_of_the_first() -> None:
    names = {
        alternative["properties"]["step"]["const"]
        for alternative in _schema(FIRST)["$defs"]["step"]["oneOf"]
    }
    assert names <= {*_steps("step_before"), *_steps("step_after")}


def _kinds() -> Iterator[str]:
    yield from plugins.names_in_package("data.input.kind")


@pytest.mark.parametrize("kind", _kinds())
def test_the_schema_knows_every_step_of_a_kind(kind: str) -> None:
    assert set(load_input(kind).steps) <= _steps("step_before").keys()
    assert load_input(kind).raw_form in ("png", "pcm16", "float32", "utf8", "int32")


@pytest.mark.parametrize(
    ("step", "is_known"),
    [
        ({"step": "motion.smoothed", "over": 3, "by": [0.5, 1], "names": ["a"], "on": True}, True),
        ({"step": "motion.product", "file": "models/x.f32", "rows": 2, "columns": 3}, True),
        ({"step": "motion.product", "file": "models/x.f32"}, False),
        ({"step": "motion.product", "file": "models/x.onnx", "rows": 2, "columns": 3}, False),
        ({"step": "smoothed", "over": 3}, False),
        ({"step": "motion.smoothed", "over": {"deep": 1}}, False),
        ({"step": "motion.smoothed", "over": None}, False),
    ],
    ids=str,
)
def test_steps_of_a_project_have_a_dot(step: dict[str, Any], is_known: bool) -> None:
    definitions = _schema(SECOND)["$defs"]
    schema = {"$ref": "#/$defs/step_before", "$defs": definitions}
    assert Draft202012Validator(schema).is_valid(step) == is_known
