"""The files of an .mlpackage in, its Model message and its weights out."""

import json

import pytest

from edgebake.runtimes.coreml import package, schema
from tests.runtimes.coreml.programs import constant, files, op, real

FOLDER = "model.mlpackage"


def _files() -> dict[str, bytes]:
    """Return a package whose program adds two numbers of its weights file."""
    stored = constant([1.0, 2.0], stored_in="file")
    return files({"x": real(2)}, [op("add", {"x": "x", "y": stored}, sum=real(2))], ["sum"])


def test_the_model_is_where_the_manifest_says() -> None:
    content = _files()
    assert package.specification_file(content) == f"{FOLDER}/Data/com.apple.CoreML/model.mlmodel"
    manifest = {
        "rootModelIdentifier": "B",
        "itemInfoEntries": {"A": {"path": "a"}, "B": {"path": "elsewhere/m.bin"}},
    }
    content[f"{FOLDER}/Manifest.json"] = json.dumps(manifest).encode()
    assert package.specification_file(content) == f"{FOLDER}/Data/elsewhere/m.bin"


def test_a_package_is_its_model_and_its_weights_by_name() -> None:
    content = _files()
    contents = package.read(content)
    assert [feature.name for feature in contents.specification.description.input] == ["x"]
    assert list(contents.specification.mlProgram.functions) == ["main"]
    assert contents.weights == {
        "weight.bin": content[f"{FOLDER}/Data/com.apple.CoreML/weights/weight.bin"]
    }


def test_the_weights_file_is_laid_out_in_steps_of_64_bytes() -> None:
    content = package.read(_files()).weights["weight.bin"]
    assert len(content) == 3 * 64
    assert content[:8].hex() == "01000000" + "02000000"  # one entry, version 2
    assert content[64:68] == b"\xef\xbe\xad\xde"
    assert content[128:136].hex() == "0000803f" + "00000040"  # 1.0 and 2.0


@pytest.mark.parametrize("kind", ["neuralNetwork", "pipeline", "glmClassifier"])
def test_what_is_no_program_is_refused(kind: str) -> None:
    content = _files()
    model = schema.load_module("Model_pb2").Model(specificationVersion=4)
    getattr(model, kind).SetInParent()
    content[package.specification_file(content)] = model.SerializeToString()
    with pytest.raises(ValueError, match=f"^the package holds a {kind}; expected an ML Program$"):
        package.read(content)
