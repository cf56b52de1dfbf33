"""A stripped .mlpackage holds no words of ours and answers with the same bits and the same labels.

tests/runtimes/coreml/test_convert.py strips the package of every scheme.
"""

from typing import Any

import pytest

from edgebake.runtimes.coreml import package
from edgebake.runtimes.coreml.executor.executor import class_labels
from edgebake.runtimes.coreml.executor.program import read_program
from edgebake.runtimes.coreml.strip import strip
from tests.runtimes.coreml.programs import answers
from tests.runtimes.coreml.test_run import FULL, PIXELS

Files = dict[str, bytes]


def _edited(files: Files) -> tuple[Any, str]:
    return package.read(files).specification, package.specification_file(files)


@pytest.fixture(scope="module")
def wordy() -> Files:
    """A package with every word that a package can have."""
    model, path = _edited(FULL)
    metadata = model.description.metadata
    metadata.author = metadata.license = metadata.shortDescription = metadata.versionString = (
        "secret"
    )
    metadata.userDefined["com.github.apple.coremltools.version"] = "secret"
    model.description.input[0].shortDescription = model.description.output[0].shortDescription = (
        "secret"
    )
    model.mlProgram.docString = "secret"
    model.mlProgram.attributes["buildInfo"].immediateValue.tensor.strings.values[:] = ["secret"]
    return {**FULL, path: model.SerializeToString()}


def test_every_word_but_the_names_of_the_ends_and_the_labels_is_gone(wordy: Files) -> None:
    model, path = _edited(strip(wordy))
    texts = [b"secret", b"flat", b"coremltools", b"buildInfo"]
    assert all(word in wordy[path] for word in texts)
    assert [word for word in texts if word in strip(wordy)[path]] == []
    assert [entry.name for entry in (*model.description.input, *model.description.output)] == [
        *("image", "label", "dictionary")
    ]
    assert class_labels(read_program(package.read(strip(wordy)))) == ["no", "yes"]


def test_operations_are_numbered_and_so_are_their_values(wordy: Files) -> None:
    model, _ = _edited(strip(wordy))
    block = model.mlProgram.functions["main"].block_specializations["CoreML7"]
    named = [
        item.attributes["name"].immediateValue.tensor.strings.values[0] for item in block.operations
    ]
    assert named == [f"o{number}" for number in range(len(named))]
    assert [output.name for item in block.operations for output in item.outputs] == [
        *(f"v{number}" for number in range(len(named) - 1)),
        *("label", "dictionary"),
    ]


def test_it_answers_with_the_same_bits_and_stripping_again_changes_nothing(wordy: Files) -> None:
    once = strip(wordy)
    assert [value.tolist() for value in answers(once, {"image": PIXELS}).values()] == [
        value.tolist() for value in answers(wordy, {"image": PIXELS}).values()
    ]
    assert strip(once) == once == strip(wordy)
    assert {path: once[path] for path in once if "weights" in path} == {
        path: wordy[path] for path in wordy if "weights" in path
    }


def test_values_of_a_loop_are_shortened_with_those_around_it() -> None:
    model, path = _edited(FULL)
    block = model.mlProgram.functions["main"].block_specializations["CoreML7"]
    loop = block.operations.add(type="while_loop")
    loop.outputs.add(name="last")
    inner = loop.blocks.add(outputs=["next"])
    inner.inputs.add(name="counter")
    step = inner.operations.add(type="add")
    for parameter, name in (("x", "counter"), ("y", "flat")):
        step.inputs[parameter].arguments.add(name=name)
    step.outputs.add(name="next")
    result, _ = _edited(strip({**FULL, path: model.SerializeToString()}))
    block = result.mlProgram.functions["main"].block_specializations["CoreML7"]
    flat = next(item for item in block.operations if item.type == "reshape").outputs[0].name
    inner = block.operations[-1].blocks[0]
    step = inner.operations[0]
    assert step.inputs["x"].arguments[0].name == inner.inputs[0].name
    assert step.inputs["y"].arguments[0].name == flat
    assert step.outputs[0].name == inner.outputs[0]
    names = {inner.inputs[0].name, inner.outputs[0], flat, block.operations[-1].outputs[0].name}
    assert len(names) == 4
    assert names.isdisjoint({"counter", "next", "flat", "last"})
