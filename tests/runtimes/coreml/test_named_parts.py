"""Two .mlpackages that differ in one thing differ in the part of that name alone."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from edgebake.runtimes.coreml import package
from edgebake.runtimes.coreml.named_parts import named_parts
from tests.runtimes.coreml.programs import constant, files, op, real
from tests.runtimes.coreml.test_run import FULL

Files = dict[str, bytes]


def _linear(first: Sequence[float], second: Sequence[float]) -> Files:
    """Return a program of two additions with constants next to each other in the weight file."""
    kept = [constant(np.array(values, np.float32), stored_in="file") for values in (first, second)]
    additions = [
        op("add", {"x": "fed", "y": kept[0]}, sum=real(1)),
        op("add", {"x": "sum", "y": kept[1]}, out=real(1)),
    ]
    return files({"fed": real(1)}, additions, ["out"])


SHORT = _linear([1.0], [2.0])


def _differing(one: Files, other: Files) -> list[str]:
    ours, theirs = named_parts(one), named_parts(other)
    return [name for name in ours | theirs if ours.get(name) != theirs.get(name)]


def test_parts_are_named_as_a_reader_knows_them() -> None:
    assert list(named_parts(SHORT)) == [
        "specification version",
        "input 'fed'",
        "output 'out'",
        "main CoreML7 outputs",
        "main operation 0 const 'sum_y_0'",
        "main weights 'sum_y_0' of add 'sum'",
        "main operation 1 add 'sum'",
        "main operation 2 const 'out_y_0'",
        "main weights 'out_y_0' of add 'out'",
        "main operation 3 add 'out'",
        "main inputs",
        "Manifest.json",
    ]


def test_another_weight_is_told_by_the_operation_that_uses_it() -> None:
    assert _differing(SHORT, _linear([1.0], [3.0])) == ["main weights 'out_y_0' of add 'out'"]


def test_a_longer_weight_moves_the_others_and_changes_none_of_them() -> None:
    long = _linear([1.0] * 50, [2.0])
    assert _differing(SHORT, long) == [
        "main operation 0 const 'sum_y_0'",
        "main weights 'sum_y_0' of add 'sum'",
    ]


def _author(model: Any) -> None:
    model.description.metadata.author = "nobody"


def _own_key(model: Any) -> None:
    model.description.metadata.userDefined["resize"] = "bilinear"


def _version(model: Any) -> None:
    model.specificationVersion = 9


def _label(model: Any) -> None:
    model.description.predictedFeatureName = "another"


def _input(model: Any) -> None:
    model.description.input[0].type.imageType.height = 5


def _operation(model: Any) -> None:
    block = model.mlProgram.functions["main"].block_specializations["CoreML7"]
    block.operations[-1].inputs["probabilities"].arguments[0].name = "flat"


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (_author, "metadata author"),
        (_own_key, "metadata resize"),
        (_version, "specification version"),
        (_label, "description predictedFeatureName"),
        (_input, "input 'image'"),
        (_operation, "main operation 7 classify 'label'"),
    ],
)
def test_what_was_changed_is_the_part_that_differs(
    edit: Callable[[Any], None], expected: str
) -> None:
    model = package.read(FULL).specification
    edit(model)
    other = {**FULL, package.specification_file(FULL): model.SerializeToString()}
    assert _differing(FULL, other) == [expected]


def test_another_manifest_is_a_part_of_its_own() -> None:
    path = "model.mlpackage/Manifest.json"
    assert _differing(FULL, {**FULL, path: FULL[path] + b"\n"}) == ["Manifest.json"]


def test_a_package_without_a_program_is_refused() -> None:
    model = package.read(FULL).specification
    model.identity.SetInParent()
    with pytest.raises(ValueError, match=r"^the package holds a identity; expected an ML Program$"):
        named_parts({**FULL, package.specification_file(FULL): model.SerializeToString()})
