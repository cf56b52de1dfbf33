"""SavedModels whose functions and nodes call each other: each ends in a report."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgebake.errors import ModelError
from edgebake.models import keras_session
from edgebake.models.inspection import file
from edgebake.report import model_file


@pytest.fixture(scope="module")
def tensorflow() -> Any:
    keras_session.start(1)
    import tensorflow

    return tensorflow


def save(tensorflow: Any, folder: Path, edit: Callable[[Any], object]) -> Path:
    """Write a SavedModel without variables, whose signature is x [1, 8, 8, 1] -> y [1, 10]."""
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    saved = SavedModel(saved_model_schema_version=1)
    meta_graph = saved.meta_graphs.add()
    meta_graph.meta_info_def.tags.append("serve")
    signature = meta_graph.signature_def["serving_default"]
    for ends, name, shape in (
        (signature.inputs, "x", [1, 8, 8, 1]),
        (signature.outputs, "y", [1, 10]),
    ):
        ends[name].name = f"{name}:0"
        ends[name].dtype = 1
        for size in shape:
            ends[name].tensor_shape.dim.add(size=size)
    edit(meta_graph)
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(saved.SerializeToString())
    tensorflow.train.Checkpoint().write(str(folder / "variables" / "variables"))
    return folder


def add_node(nodes: Any, name: str, op: str, *inputs: str, calls: str = "") -> None:
    node = nodes.add(name=name, op=op)
    node.input.extend(inputs)
    if calls:
        node.attr["f"].func.name = calls


def ring_of_nodes(length: int) -> Callable[[Any], object]:
    def edit(meta_graph: Any) -> None:
        nodes = meta_graph.graph_def.node
        add_node(nodes, "y", "Identity", "n0")
        for number in range(length):
            add_node(nodes, f"n{number}", "Identity", f"n{(number + 1) % length}")

    return edit


def ring_of_functions(length: int) -> Callable[[Any], object]:
    def edit(meta_graph: Any) -> None:
        graph = meta_graph.graph_def
        add_node(graph.node, "y", "PartitionedCall", "x", calls="f0")
        for number in range(length):
            function = graph.library.function.add()
            function.signature.name = f"f{number}"
            function.signature.output_arg.add(name="r")
            function.ret["r"] = "c:output:0"
            called = f"f{(number + 1) % length}"
            add_node(function.node_def, "c", "PartitionedCall", "x", calls=called)

    return edit


def odd_output(index: str) -> Callable[[Any], object]:
    def edit(meta_graph: Any) -> None:
        ring_of_functions(1)(meta_graph)
        meta_graph.signature_def["serving_default"].outputs["y"].name = f"y:{index}"

    return edit


def dtype_99(meta_graph: Any) -> None:
    meta_graph.signature_def["serving_default"].inputs["x"].dtype = 99


def huge_input(meta_graph: Any) -> None:
    signature = meta_graph.signature_def["serving_default"]
    signature.inputs["x"].tensor_shape.dim[1].size = 1 << 60


def many_inputs(meta_graph: Any) -> None:
    signature = meta_graph.signature_def["serving_default"]
    for number in range(20_000):
        signature.inputs[f"x{number}\x1b[2K"].dtype = 1


REPORTED = {
    "a node that reads itself": ring_of_nodes(1),
    "a ring of 500 nodes": ring_of_nodes(500),
    "a function that calls itself": ring_of_functions(1),
    "a ring of 5,000 functions": ring_of_functions(5000),
    "an output of a number that is none": odd_output("x"),
    "an output of a number of 5,000 digits": odd_output("9" * 5000),
    "20,000 inputs": many_inputs,
}


@pytest.mark.parametrize("case", REPORTED)
def test_a_folder_is_reported_in_few_lines(tmp_path: Path, tensorflow: Any, case: str) -> None:
    folder = save(tensorflow, tmp_path / "saved", REPORTED[case])
    report = model_file.lines(file.inspect_file(folder), "saved")
    assert len(report) < 40
    assert max(len(line) for line in report) < 1000
    assert "\x1b" not in "".join(report)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (dtype_99, "tensor 'x' has the unknown dtype 99"),
        (
            huge_input,
            "tensor 'x' has the size 1152921504606846976; "
            "expected a whole number from 0 to 2,147,483,647",
        ),
    ],
)
def test_a_signature_of_odd_types_is_refused_in_one_line(
    tmp_path: Path, tensorflow: Any, edit: Callable[[Any], object], message: str
) -> None:
    folder = save(tensorflow, tmp_path / "saved", edit)
    with pytest.raises(ModelError) as refused:
        file.inspect_file(folder)
    assert str(refused.value) == (
        f"{folder}: is damaged, or no keras model ({message}); copy it again, or save the model "
        "again"
    )
