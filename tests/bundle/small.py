"""Bundles of small real models whose output depends on every pixel, for the samples."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgebake.bundle import golden_vectors as bundle_golden
from edgebake.bundle import processing_steps
from edgebake.bundle.trust import encryption
from edgebake.data.dataset import Examples
from edgebake.evaluation import golden
from edgebake.recipe import Package, Protect
from edgebake.runtimes.litert import run as litert
from edgebake.runtimes.session import IMAGE, Inspection, Operator, Tensor, single_output
from edgebake.tasks.contract import Contract
from edgebake.tasks.outputs.classification import TASK
from tests import handmade
from tests.contracts import image_contract

CLASSES = ["cat", "dog", "fox"]
KEY = bytes(range(32))
ANY_DEVICE: dict[str, Any] = {
    "minimum_os": "0",
    "soc": [],
    "memory_mb": None,
    "features": [],
    "devices": [],
    "excluded_devices": [],
}
Answering = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True)
class Model:
    """A converted file with its ends, and what it answers to one example as the model sees it."""

    runtime: str
    files: dict[str, bytes]  # by path below models/small
    input: Tensor
    output: Tensor
    answer: Answering


@dataclass(frozen=True)
class Target:
    """What is said of one target."""

    model: Model
    contract: Contract
    device: dict[str, Any] = field(default_factory=dict)
    accelerators: tuple[str, ...] = ("cpu",)


def contract(
    color: str = "grayscale",
    crop: str = "none",
    resize: str = "bilinear",
    labels: list[str] = CLASSES,
) -> Contract:
    """Return a contract for pictures of 32 by 32."""
    return image_contract(
        "classification", 32, 32, color, crop, resize, [127.5], [1 / 127.5], labels
    )


def onnx_model(channels: int = 1, integers: bool = False) -> Model:
    """Return an .onnx with a softmax over three weighted sums of all pixels; int8 on request."""
    ends = (
        Tensor("image", [1, 32, 32, channels], "float32", "NHWC"),
        Tensor("probabilities", [1, 3], "float32", "NC"),
    )
    content = _graph(channels, integers)
    if integers:
        ends = (
            Tensor("image", [1, 32, 32, channels], "int8", "NHWC", 1 / 127.5, -1),
            Tensor("probabilities", [1, 3], "int8", "NC", 1 / 256, -128),
        )
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])

    def answer(example: NDArray[np.float32]) -> NDArray[np.float32]:
        return ends[1].to_real(session.run(None, {"image": ends[0].to_stored(example)})[0])

    return Model("onnxruntime", {".onnx": content}, *ends, answer)


def litert_model() -> Model:
    """Return a .tflite that is always sure of the first of ten classes."""
    files = {"model.tflite": handmade.constant_tflite(0)}
    session = litert.load(files, 1)

    def answer(example: NDArray[np.float32]) -> NDArray[np.float32]:
        session.feed({"image": example})
        session.invoke()
        return single_output(session.read())

    ends = (
        Tensor("image", [1, 32, 32, 1], "float32", "NHWC"),
        Tensor("Identity", [1, 10], "float32", "NC"),
    )
    return Model("litert", {".tflite": files["model.tflite"]}, *ends, answer)


def core_ml_model() -> Model:
    """Return what looks like a package, and is none: nothing here runs it."""
    ends = (
        Tensor("image", [1, 32, 32, 1], IMAGE, "NHWC"),
        Tensor("probabilities", [1], "dictionary of label to probability", "NC"),
    )
    return Model(
        "coreml",
        {".mlpackage/Manifest.json": b"{}"},
        *ends,
        lambda _: np.eye(3, dtype=np.float32)[:1],
    )


def bundle(
    platform: str, targets: dict[str, Target], *, encrypted: bool = False
) -> dict[str, bytes]:
    """Return the files of a bundle by their path, manifest.json among them."""
    files: dict[str, bytes] = {}
    described = {name: _target(platform, target, name, files) for name, target in targets.items()}
    said: dict[str, Any] = {}
    if encrypted:
        for path in [
            path for path in files if path.startswith("models/") and not path.endswith(".txt")
        ]:
            plain = {
                "plain_sha256": hashlib.sha256(files[path]).hexdigest(),
                "plain_size": len(files[path]),
            }
            said[path] = {"encryption": plain}
            files[path] = encryption.encrypt(
                files[path], KEY, encryption.associated_data("small", "1.0.0", platform, path)
            )
    listed = [
        {
            "path": path,
            "sha256": hashlib.sha256(content).hexdigest(),
            "size": len(content),
            **said.get(path, {}),
        }
        for path, content in files.items()
    ]
    manifest = {
        "schema": "edgebake.manifest/1",
        "name": "small",
        "version": "1.0.0",
        "platform": platform,
        "source": {"git_commit": "ab" * 20, "dirty": False},
        "chain": list(targets),
        "targets": described,
        "files": listed,
    }
    return {**files, "manifest.json": json.dumps(manifest).encode()}


def zipped(files: dict[str, bytes]) -> bytes:
    """Return files in one archive."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return written.getvalue()


def pictures(count: int, channels: int, seed: int = 0) -> list[NDArray[np.uint8]]:
    """Return pictures of many shapes and greys, or colors."""
    rng = np.random.default_rng(seed)
    shapes = [tuple(rng.integers(5, 90, 2)) + ((3,) if channels == 3 else ()) for _ in range(count)]
    return [rng.integers(0, 256, shape, dtype=np.uint8) for shape in shapes]


def _target(platform: str, target: Target, name: str, files: dict[str, bytes]) -> dict[str, Any]:
    model, agreed = target.model, target.contract
    inspection = Inspection(
        [model.input], [model.output], [Operator("Gemm", ("float32",))], {}
    ).to_dict()
    files.update({f"models/{name}{path}": content for path, content in model.files.items()})
    labels = f"models/{name}.labels.txt"
    package = Package(top_k=3, threshold=0.5, protect=Protect.none)
    after = TASK.after([inspection["output"]], package, labels)
    files[labels] = "".join(f"{label}\n" for label in agreed.labels).encode()
    files[f"golden/{name}.json"] = _vectors(platform, target, inspection, after)
    return {
        "device": {"name": name, **ANY_DEVICE, **target.device},
        "model": f"models/{name}{next(iter(model.files)).split('/')[0]}",
        "runtime": model.runtime,
        "accelerators": list(target.accelerators),
        "input": inspection["input"],
        "output": inspection["output"],
        "preprocessing": processing_steps.preprocessing(
            agreed.single_input, inspection["input"], {}
        ),
        "postprocessing": after,
        "labels": agreed.labels,
        "golden": f"golden/{name}.json",
        "tools": {"ai-edge-litert": "2.3.0", "onnxruntime": "1.32.0"},
    }


def _vectors(
    platform: str, target: Target, inspection: dict[str, Any], after: list[dict[str, Any]]
) -> bytes:
    images = pictures(60, target.contract.image.channels)
    seen = target.contract.image.preprocess(images)
    answers = np.concatenate(
        [target.model.answer(seen[number : number + 1]) for number in range(len(seen))]
    )
    examples = Examples(
        images,
        answers.argmax(axis=1),
        target.contract.labels,
        names=[f"row {number}" for number in range(len(images))],
        sizes=[image.size for image in images],
    )
    made = golden.build_vectors(
        golden.ConvertedFile("ab" * 32, platform, inspection, target.contract),
        examples,
        {"image": images},
        {"probabilities": answers},
    )
    return bundle_golden.render(made, after, target.contract.labels)


def _graph(channels: int, integers: bool) -> bytes:
    rng = np.random.default_rng(1)
    weights = rng.normal(0, 0.25, (32 * 32 * channels, 3)).astype(np.float32)
    constants = {
        "weights": weights,
        "in_scale": np.float32(1 / 127.5),
        "in_zero": np.int8(-1),
        "out_scale": np.float32(1 / 256),
        "out_zero": np.int8(-128),
    }
    ends = ("fed", "answers") if integers else ("image", "probabilities")
    nodes = [
        helper.make_node("Flatten", [ends[0]], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["sums"]),
        helper.make_node("Softmax", ["sums"], [ends[1]]),
    ]
    if integers:
        nodes.insert(
            0, helper.make_node("DequantizeLinear", ["image", "in_scale", "in_zero"], ["fed"])
        )
        nodes.append(
            helper.make_node(
                "QuantizeLinear", ["answers", "out_scale", "out_zero"], ["probabilities"]
            )
        )
    else:
        constants = {"weights": weights}
    dtype = onnx.TensorProto.INT8 if integers else onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "main",
        [helper.make_tensor_value_info("image", dtype, [1, 32, 32, channels])],
        [helper.make_tensor_value_info("probabilities", dtype, [1, 3])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    content: bytes = model.SerializeToString()
    return content
