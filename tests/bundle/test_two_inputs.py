"""Two inputs and two outputs, from a runtime over golden vectors to the Python sample."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebake.bundle import golden_vectors, numbers_file, processing_steps, samples
from edgebake.data.dataset import Examples
from edgebake.evaluation import golden
from edgebake.runtimes import contract_tensors, session
from edgebake.runtimes.interface import load_runtime
from edgebake.runtimes.session import Inspection, NamedExamples, Operator, Tensor
from edgebake.tasks.contract import Contract
from edgebake.tasks.task import load_task
from edgebake.tasks.tensors import Outputs
from tests.bundle import small, small2, sums_model

NAME = "two"
COUNT = 40
# Classes by their probabilities, and by sums that may not be close either.
TASK = '''\
"""A classification with a second output."""

from edgebake.tasks.outputs.classification import TASK as CLASSIFICATION
from edgebake.tasks.outputs.classification import Classification
from edgebake.tasks.tensors import ContractOutput


class Two(Classification):
    def outputs(self, labels):
        sums = ContractOutput("sums", (len(labels),), "weighted sums")
        return (sums, *super().outputs(labels))

    def right(self, outputs, truths):
        return outputs["probabilities"].argmax(axis=1) == truths

    def turns(self, outputs):
        return outputs["probabilities"].argmax(axis=1)

    def margins(self, outputs):
        of_one = CLASSIFICATION.margins({"probabilities": outputs["probabilities"]})
        return {**of_one, "sums": abs(outputs["sums"]).max(axis=1)}

    def after(self, tensors, package, labels_path):
        top_k = {"step": "top_k", "k": 3, "threshold": 0.0, "labels": labels_path}
        return [{**top_k, "output": "probabilities"}]


TASK = Two()
'''
INPUTS = (small2.INPUTS["audio"], small2.INPUTS["text"])
TENSORS = [
    Tensor("audio", [1, 49, 40, 1], "float32", "values"),
    Tensor("text", [1, 96], "int32", "values"),
]
OUTPUTS = [
    Tensor("sums", [1, 3], "float32", "values"),
    Tensor("probabilities", [1, 3], "float32", "NC"),
]


@pytest.fixture
def contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Contract:
    """Return the contract of a task of the project."""
    folder = tmp_path / "plugins/tasks"
    folder.mkdir(parents=True)
    (folder / "two.py").write_text(TASK)
    monkeypatch.chdir(tmp_path)
    return Contract("two", INPUTS, load_task("two").outputs(small.CLASSES), small.CLASSES)


def _raw() -> dict[str, list[Any]]:
    return {spec.name: small2.examples(spec.kind, COUNT, seed=5) for spec in INPUTS}


def _file(contract: Contract) -> golden.ConvertedFile:
    # The sums have a step, so that their tolerance is another: four steps.
    sums = Tensor("sums", [1, 3], "float32", "values", 0.02, 0)
    operators = [Operator("MatMul", ("float32",))]
    inspection = Inspection(TENSORS, [sums, OUTPUTS[1]], operators, {})
    return golden.ConvertedFile("ab" * 32, "linux", inspection.to_dict(), contract)


def _outputs(contract: Contract, raw: dict[str, list[Any]]) -> Outputs:
    """Return what ONNX Runtime answers."""
    model = sums_model.render(TENSORS, OUTPUTS)
    loaded = load_runtime("onnxruntime").load_session({"model.onnx": model}, 1)
    return session.predictions(loaded, NamedExamples(contract.prepare(raw)))


def _vectors(contract: Contract, raw: dict[str, list[Any]], outputs: Outputs) -> dict[str, Any]:
    labels = outputs["probabilities"].argmax(axis=1)
    names = [f"row {number}" for number in range(COUNT)]
    # Golden vectors take the inputs by name, not these.
    examples = Examples([None] * COUNT, labels, small.CLASSES, names=names, sizes=[1] * COUNT)
    return golden.build_vectors(_file(contract), examples, raw, outputs)


def _bundle(contract: Contract) -> dict[str, bytes]:
    raw = _raw()
    vectors = _vectors(contract, raw, _outputs(contract, raw))
    labels = f"models/{NAME}.labels.txt"
    after = load_task("two").after([], None, labels)  # type: ignore[arg-type]
    files = {
        **numbers_file.render(INPUTS, NAME),
        f"models/{NAME}.onnx": sums_model.render(TENSORS, OUTPUTS),
        labels: "".join(f"{label}\n" for label in small.CLASSES).encode(),
        f"golden/{NAME}.json": golden_vectors.render(vectors, after, small.CLASSES),
    }
    pairs = contract_tensors.inputs(contract, _file(contract).inspection)
    target = {
        "device": {"name": NAME, **small.ANY_DEVICE},
        "accelerators": ["cpu"],
        "model": f"models/{NAME}.onnx",
        "runtime": "onnxruntime",
        "task": "two",
        "inputs": processing_steps.inputs(pairs, {}, NAME),
        "outputs": [asdict(output) for output in OUTPUTS],
        "postprocessing": after,
        "labels": small.CLASSES,
        "golden": f"golden/{NAME}.json",
        "tools": {"onnxruntime": "1.32.0"},
    }
    listed = [
        {"path": path, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        for path, content in files.items()
    ]
    manifest = {
        "schema": "edgebake.manifest/2",
        "name": "two",
        "version": "1.0.0",
        "platform": "linux",
        "source": {"git_commit": "ab" * 20, "dirty": False},
        "chain": [NAME],
        "targets": {NAME: target},
        "files": listed,
    }
    return {**files, "manifest.json": json.dumps(manifest).encode()}


def _check(folder: Path, files: dict[str, bytes]) -> Iterator[str]:
    manifest = json.loads(files["manifest.json"])
    (folder / "classify.py").write_bytes(samples.render(manifest, files)["classify.py"])
    (folder / "linux.zip").write_bytes(small.zipped(files))
    command = [sys.executable, "-I", "classify.py", "--check"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return iter((done.stdout, done.stderr))


def test_a_sample_answers_golden_vectors_of_two_inputs_and_outputs(
    tmp_path: Path, contract: Contract
) -> None:
    files = _bundle(contract)
    assert list(_check(tmp_path, files)) == [f"{NAME}: passes its golden vectors\n", ""]


def test_each_input_and_output_is_there_by_name_with_its_own_tolerance(contract: Contract) -> None:
    raw = _raw()
    outputs = _outputs(contract, raw)
    vectors = _vectors(contract, raw, outputs)
    limits = vectors["tolerances"]
    assert limits["outputs"] == {"sums": 0.08, "probabilities": 0.001}
    assert limits["inputs"]["text"] == 0
    assert 0 < limits["inputs"]["audio"] < 0.001
    assert len(vectors["examples"]) == golden.EXAMPLES
    for example in vectors["examples"]:
        number = int(example["name"].removeprefix("row "))
        assert [raw["form"] for raw in example["raw"].values()] == ["pcm16", "utf8"]
        assert example["raw"]["text"] == small2.raw_value("text", raw["text"][number])
        assert example["raw"]["audio"] == small2.raw_value("audio", raw["audio"][number])
        for name, values in outputs.items():
            listed = example["outputs"][name]["values"]
            np.testing.assert_allclose(listed, values[number], atol=1e-6)


@pytest.mark.parametrize("name", ["sums", "probabilities"])
def test_an_output_that_is_close_leaves_out_an_example(contract: Contract, name: str) -> None:
    raw = _raw()
    outputs = {key: values.copy() for key, values in _outputs(contract, raw).items()}
    before = _vectors(contract, raw, outputs)["examples"][0]["name"]
    row = outputs[name][int(before.removeprefix("row "))]
    # The tolerances are 0.08 and 0.001, so the margins have to be more than 0.32 and 0.004.
    row[:] = 0.3 if name == "sums" else 1 / 3
    names = [example["name"] for example in _vectors(contract, raw, outputs)["examples"]]
    assert before not in names
