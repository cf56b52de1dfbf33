"""Two .tflite files that differ in one thing differ in the part of that name alone."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from edgebake.models.tflite import tables
from edgebake.runtimes.litert import FILE, metadata
from edgebake.runtimes.litert.named_parts import named_parts
from tests.handmade import constant_tflite
from tests.runtimes.litert.test_metadata import ABOUT, CONTRACT

CONTENT = metadata.attach(constant_tflite(7), CONTRACT, ABOUT)


def _changed(edit: Callable[[Any], None]) -> dict[str, bytes]:
    content = tables.parse(CONTENT)
    edit(content)
    return {
        FILE: tables.serialize(content) + CONTENT[len(tables.serialize(tables.parse(CONTENT))) :]
    }


def _differing(other: dict[str, bytes]) -> list[str]:
    first, second = named_parts({FILE: CONTENT}), named_parts(other)
    return [name for name in first | second if first.get(name) != second.get(name)]


def test_parts_are_named_as_a_reader_knows_them() -> None:
    assert list(named_parts({FILE: CONTENT})) == [
        "header",
        "description",
        "metadata TFLITE_METADATA",
        "associated file labels.txt",
        "graph",
        "tensor 0 'image'",
        "tensor 1 'weights'",
        "tensor 2 'bias'",
        "tensor 3 'probabilities'",
        "operator 0 FULLY_CONNECTED",
    ]


def _weight(content: Any) -> None:
    content.buffers[1].data = [1, *content.buffers[1].data[1:]]


def _shape(content: Any) -> None:
    content.subgraphs[0].tensors[2].shape = [1, 10]


def _option(content: Any) -> None:
    content.subgraphs[0].operators[0].builtinOptions.fusedActivationFunction = 1


def _version(content: Any) -> None:
    content.operatorCodes[0].version = 2


def _description(content: Any) -> None:
    content.description = "another"


def _ends(content: Any) -> None:
    content.subgraphs[0].outputs = [0]


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (_weight, "tensor 1 'weights'"),
        (_shape, "tensor 2 'bias'"),
        (_option, "operator 0 FULLY_CONNECTED"),
        (_version, "operator 0 FULLY_CONNECTED"),
        (_description, "description"),
        (_ends, "graph"),
    ],
)
def test_what_was_changed_is_the_part_that_differs(
    edit: Callable[[Any], None], expected: str
) -> None:
    assert _differing(_changed(edit)) == [expected]


def test_other_labels_are_another_associated_file() -> None:
    other = replace(CONTRACT, labels=["zero", "two"])
    assert _differing({FILE: metadata.attach(constant_tflite(7), other, ABOUT)}) == [
        "associated file labels.txt"
    ]


def test_another_author_is_other_metadata() -> None:
    other = metadata.attach(constant_tflite(7), CONTRACT, replace(ABOUT, author="Another"))
    assert _differing({FILE: other}) == ["metadata TFLITE_METADATA"]


def test_a_file_is_equal_to_itself_in_every_part() -> None:
    assert _differing(_changed(lambda _: None)) == []
