"""A stripped .onnx has no names or texts and bit-identical outputs; its ORT format is new.

tests/runtimes/test_all_architectures.py strips the file of every scheme.
"""

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgebake.models.onnx.canonical import canonicalize
from edgebake.recipe import Granularity
from edgebake.runtimes.onnxruntime import EXACT_SUMS, FILE, metadata, ort_format, quantizer
from edgebake.runtimes.onnxruntime.inspect import inspect
from edgebake.runtimes.onnxruntime.strip import strip
from tests.runtimes.coreml.test_convert import ABOUT, GREY
from tests.runtimes.onnxruntime import programs

WORDS = [
    b"wide_bias",
    b"clipped",
    b"moved_node",
    b"secret",
    b"label 7",
    *(b"nobody", b"Apache-2.0", b"random weights"),
]


@pytest.fixture(scope="module")
def wordy() -> dict[str, bytes]:
    """A file with every word that a file can have."""
    model = metadata.attach(programs.small(), GREY, ABOUT)
    model.producer_name, model.producer_version, model.domain, model.doc_string = ("secret",) * 4
    model.model_version = 3
    model.graph.doc_string = model.graph.initializer[0].doc_string = model.graph.node[
        0
    ].doc_string = "secret"
    model.graph.input[0].type.denotation = "secret"
    model.graph.node[0].metadata_props.add(key="secret", value="secret")
    model.metadata_props.add(key="input_scale", value="0.5")
    model.metadata_props.add(key=metadata.FOLD_WEIGHTS, value="1")
    model.metadata_props.add(key=EXACT_SUMS, value="1")
    return {FILE: model.SerializeToString()}


def _answers(file: bytes, fed: dict[str, NDArray[Any]]) -> NDArray[Any]:
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    result: NDArray[Any] = session.run(None, fed)[0]
    return result


def test_every_word_but_the_names_of_the_ends_is_gone(wordy: dict[str, bytes]) -> None:
    stripped = strip(wordy)
    assert all(word in wordy[FILE] for word in WORDS)
    assert [word for word in WORDS if word in stripped[FILE]] == []
    assert (inspect(stripped).input.name, inspect(stripped).output.name) == (
        "image",
        "probabilities",
    )
    graph = onnx.load_from_string(stripped[FILE]).graph
    assert [(node.name, list(node.output)) for node in graph.node][:2] == [
        ("n0", ["v0"]),
        ("n1", ["v3"]),
    ]
    assert len(graph.value_info) == 0


def test_properties_that_an_app_needs_to_run_it_stay(wordy: dict[str, bytes]) -> None:
    session = onnxruntime.InferenceSession(strip(wordy)[FILE], providers=["CPUExecutionProvider"])
    assert session.get_modelmeta().custom_metadata_map == {
        "input_scale": "0.5",
        "session.disable_quant_qdq": "1",
        "session.x64quantprecision": "1",
    }


def test_it_answers_with_the_same_bits_and_stripping_again_changes_nothing(
    wordy: dict[str, bytes],
) -> None:
    once = strip(wordy)
    for example in programs.EXAMPLES:
        fed = {"image": example[None]}
        np.testing.assert_array_equal(_answers(once[FILE], fed), _answers(wordy[FILE], fed))
    assert strip(once) == once == strip(wordy)
    assert len(once[FILE]) < len(wordy[FILE])


def test_names_in_branches_are_shortened_with_those_around_them() -> None:
    def branch(name: str, kind: str) -> onnx.GraphProto:
        node = helper.make_node(
            kind, ["outer_value", "inner_constant"], [f"{name}_result"], name=f"{name}_node"
        )
        result = helper.make_tensor_value_info(f"{name}_result", TensorProto.FLOAT, [2])
        constant = numpy_helper.from_array(np.array([2, 3], np.float32), "inner_constant")
        return helper.make_graph([node], f"{name}_graph", [], [result], [constant])

    branches = {"then_branch": branch("then", "Add"), "else_branch": branch("else", "Mul")}
    nodes = [
        helper.make_node("Neg", ["v0"], ["outer_value"], name="outer_node"),
        helper.make_node("If", ["flag"], ["answer"], name="if_node", **branches),
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in ("v0", "answer")
    ]
    flag = helper.make_tensor_value_info("flag", TensorProto.BOOL, [])
    graph = helper.make_graph(nodes, "main", [ends[0], flag], [ends[1]])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    stripped = strip({FILE: model.SerializeToString()})[FILE]
    assert not any(word in stripped for word in (b"outer", b"inner", b"result", b"node", b"_graph"))
    for chosen, expected in ((True, [1, 1]), (False, [-2, -6])):
        fed = {"v0": np.array([1, 2], np.float32), "flag": np.array(chosen)}
        assert _answers(stripped, fed).tolist() == expected


def test_the_ort_format_is_made_out_of_the_stripped_file() -> None:
    model = canonicalize(
        quantizer.quantize_integers(
            programs.prepared(), quantizer.IntegerOptions(Granularity.per_channel)
        )
    )
    file = metadata.attach(model, GREY, ABOUT).SerializeToString()
    files = {FILE: file, **ort_format.build_ort_files(file)}
    stripped = strip(files)
    assert sorted(stripped) == sorted(files)
    assert stripped == {FILE: stripped[FILE], **ort_format.build_ort_files(stripped[FILE])}
    assert b"nobody" in files["model.ort"]
    assert b"nobody" not in stripped["model.ort"]
    for example in programs.EXAMPLES:
        fed = {"image": example[None]}
        np.testing.assert_array_equal(
            _answers(stripped["model.ort"], fed), _answers(files["model.ort"], fed)
        )
