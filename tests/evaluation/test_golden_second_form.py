"""Golden vectors of other inputs than an image: raw data, tensors and tolerances by name."""

import base64
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgebake.data.dataset import Examples
from edgebake.evaluation import golden
from edgebake.runtimes.session import Inspection, Operator, Tensor
from edgebake.tasks.contract import Contract
from edgebake.tasks.tensors import ContractInput, Step, TensorSpec
from tests.contracts import probabilities

CLASSES = ["a", "b", "c"]
SURE = np.eye(3, dtype=np.float32)
MOTION: list[Step] = [
    {
        "step": "signal",
        "rate_hz": 50,
        "channels": ["ax", "ay"],
        "units": ["m/s2", "m/s2"],
        "uneven": "linear",
    },
    {"step": "clip", "samples": 4, "hop": 4, "short": "refuse"},
    {"step": "normalize", "mean": [0.0, 10.0], "scale": [0.5, 0.25]},
]
WORDS: list[Step] = [
    {"step": "utf8", "normal_form": "none"},
    {"step": "bytes", "plus": 1, "length": 4, "keep": "first", "pad": 0},
]
SIGNAL = ContractInput("signal", "signal", TensorSpec("signal", (4, 2), "float32"), tuple(MOTION))
TEXT = ContractInput("text", "text", TensorSpec("text", (4,), "int32", 256), tuple(WORDS))
FLOATS = Tensor("signal", [1, 4, 2], "float32", "values")
IDS = Tensor("text", [1, 4], "int32", "values")


def _file(spec: ContractInput, tensor: Tensor) -> golden.ConvertedFile:
    contract = Contract("classification", (spec,), (probabilities(CLASSES),), CLASSES)
    output = Tensor("probabilities", [1, 3], "float32", "NC")
    inspection = Inspection([tensor], [output], [Operator("Conv", ("float32",))], {})
    return golden.ConvertedFile("ab" * 32, "linux", inspection.to_dict(), contract)


def _vectors(file: golden.ConvertedFile, *raw: Any) -> dict[str, Any]:
    count = len(raw)
    examples = Examples(
        list(raw),
        np.arange(count),
        CLASSES,
        names=[f"row {number}" for number in range(count)],
        sizes=[1] * count,
    )
    inputs = {spec.name: examples.inputs for spec, _ in file.inputs}
    return golden.build_vectors(file, examples, inputs, {"probabilities": SURE[:count]})


def _array(stored: dict[str, Any], dtype: str) -> NDArray[Any]:
    data = base64.b64decode(stored["data"])
    return np.frombuffer(data, dtype).reshape(stored["shape"])


WINDOW = np.array([[2.0, 10.0], [4.0, 14.0], [0.0, 10.0], [-2.0, 6.0], [9.0, 9.0]], np.float32)
# (2 - 0) * 0.5 and (10 - 10) * 0.25, and so on for the first four samples.
PREPARED = np.array([[[1.0, 0.0], [2.0, 1.0], [0.0, 0.0], [-1.0, -1.0]]], np.float32)


def test_a_signal_is_there_as_it_came_and_as_the_file_takes_it() -> None:
    vectors = _vectors(_file(SIGNAL, FLOATS), WINDOW, WINDOW)
    assert (vectors["format"], vectors["sha256"]) == ("edgebake.golden/2", "ab" * 32)
    first = vectors["examples"][0]
    assert list(first) == ["name", "raw", "tensors", "outputs", "label"]
    assert first["raw"]["signal"]["form"] == "float32"
    assert np.array_equal(_array(first["raw"]["signal"], "<f4"), WINDOW)
    assert first["tensors"]["signal"]["dtype"] == "float32"
    assert np.array_equal(_array(first["tensors"]["signal"], "<f4"), PREPARED)
    assert first["outputs"] == {"probabilities": {"shape": [3], "values": [1.0, 0.0, 0.0]}}
    assert (first["name"], first["label"]) == ("row 0", "a")


def test_a_quantized_signal_is_stored_in_its_steps() -> None:
    integers = Tensor("signal", [1, 4, 2], "int8", "values", 0.5, -3)
    vectors = _vectors(_file(SIGNAL, integers), WINDOW)
    tensor = vectors["examples"][0]["tensors"]["signal"]
    assert _array(tensor, "<i1").tolist() == [[[-1, -3], [1, -1], [-3, -3], [-5, -5]]]
    assert vectors["tolerances"]["inputs"]["signal"] == pytest.approx(0.5 + 1e-4)


def test_a_text_is_its_bytes_and_its_ids_are_exact() -> None:
    vectors = _vectors(_file(TEXT, IDS), "né", "abcdef")
    first, second = vectors["examples"]
    assert first["raw"]["text"] == {"form": "utf8", "shape": [3], "data": "bsOp"}
    # n is 110, é is 195 169, each plus 1; 0 behind them.
    assert _array(first["tensors"]["text"], "<i4").tolist() == [[111, 196, 170, 0]]
    assert _array(second["tensors"]["text"], "<i4").tolist() == [[98, 99, 100, 101]]
    assert first["tensors"]["text"]["dtype"] == "int32"
    assert vectors["tolerances"] == {"inputs": {"text": 0.0}, "outputs": {"probabilities": 0.001}}
