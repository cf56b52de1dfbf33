"""A project whose artifacts are small and made by hand, so that a stage can be run alone and without training."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import yaml
from rich.console import Console

from pipeline import artifacts, contract, plan, sections
from pipeline.compose import compose_release, compose_targets
from pipeline.job import Job
from pipeline.recipe import Colour, Data, Model, Resize

LABELS = [str(digit) for digit in range(10)]


@pytest.fixture
def params(project: Path) -> Path:
    """The project with params.yaml written."""
    plan.write(plan.merge(compose_release(), compose_targets(compose_release().targets)))
    return project


def job(stage: str, variant: str) -> Job:
    """Return what the runner would hand to a stage, its output folder below artifacts/."""
    section = sections.read(stage, variant)
    out = artifacts.folder(stage, variant, getattr(section, "platform", None))
    out.mkdir(parents=True)
    return Job(variant, section, out, Console(file=io.StringIO()))


def seal(folder: Path) -> None:
    """Write the sums that the runner writes behind a stage."""
    (folder / artifacts.SUMS).write_text(artifacts.sums(folder))


def digits_contract() -> contract.Contract:
    data = Data("digits", "", Colour.grey, Resize.bilinear, 127.5, 1 / 127.5, 0)
    return contract.make(data, Model("ds_cnn", 1.0, 32), LABELS)


def keras_archive() -> bytes:
    """Return something that stands for a .keras file where nobody opens it."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("config.json", "{}")
    return written.getvalue()


def brightness_model() -> bytes:
    """Return an .onnx classifier of images [1, 32, 32, 1] that always answers 3."""
    weight = np.zeros((1024, 10), np.float32)
    bias = np.where(np.arange(10) == 3, 5, 0).astype(np.float32)
    nodes = [
        onnx.helper.make_node("Flatten", ["image"], ["flat"]),
        onnx.helper.make_node("Gemm", ["flat", "weight", "bias"], ["logits"]),
        onnx.helper.make_node("Softmax", ["logits"], ["probabilities"]),
    ]
    graph = onnx.helper.make_graph(
        nodes,
        "main",
        [onnx.helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, [1, 32, 32, 1])],
        [onnx.helper.make_tensor_value_info("probabilities", onnx.TensorProto.FLOAT, [1, 10])],
        [onnx.numpy_helper.from_array(weight, "weight"), onnx.numpy_helper.from_array(bias, "bias")],
    )
    opset = onnx.helper.make_opsetid("", 17)
    content: bytes = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString()
    return content


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())


def edit_params(key: str, value: Any) -> None:
    """Change one value of params.yaml by its dotted key."""
    content = yaml.safe_load(sections.PARAMS.read_text())
    *path, last = key.split(".")
    node = content
    for word in path:
        node = node[word]
    node[last] = value
    sections.PARAMS.write_text(yaml.safe_dump(content, sort_keys=False))
