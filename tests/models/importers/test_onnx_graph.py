"""What exporters write in many ways comes out in one plain form, and what cannot is refused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgebake.compression.quantization import calibration
from edgebake.errors import ModelError
from edgebake.models.importers import onnx as form
from edgebake.models.importers import onnx_graph
from edgebake.models.quantized_model import QuantizedModel
from edgebake.recipe import Calibration, Granularity, Output
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.recipe.stage_params import ConvertParams
from edgebake.runtimes.onnxruntime import convert, inspect
from tests.models.importers import graphs
from tests.models.importers.test_onnx import original, softmax

Edit = Callable[[onnx.ModelProto], None]
ABOUT = ReleaseInfo("net", "1.0.0", "", "", "")
CONVERT = ConvertParams(runtime="onnxruntime", about=ABOUT)


def _weights_among_inputs(model: onnx.ModelProto) -> None:
    model.ir_version = 3
    held = model.graph.initializer
    model.graph.input.extend(
        helper.make_tensor_value_info(one.name, one.data_type, one.dims) for one in held
    )


def _weights_as_nodes(model: onnx.ModelProto) -> None:
    for item in list(model.graph.initializer):
        model.graph.node.insert(0, helper.make_node("Constant", [], [item.name], value=item))
    del model.graph.initializer[:]


def _function(model: onnx.ModelProto) -> None:
    relu, opset = helper.make_node("Relu", ["x"], ["y"]), helper.make_opsetid("", 17)
    model.functions.append(helper.make_function("mine", "Bend", ["x"], ["y"], [relu], [opset]))
    model.opset_import.append(helper.make_opsetid("mine", 1))
    model.graph.node[2].domain, model.graph.node[2].op_type = "mine", "Bend"


def _swapped(old: str, new: str) -> Edit:
    def edit(model: onnx.ModelProto) -> None:
        graph = model.graph
        for node in graph.node:
            node.input[:] = [new if name == old else name for name in node.input]
            node.output[:] = [new if name == old else name for name in node.output]
        for value in (*graph.input, *graph.output):
            value.name = new if value.name == old else value.name

    return edit


def _behind(*kinds: str) -> Edit:
    """Put operators of one input between the dense layer and the answer."""

    def edit(model: onnx.ModelProto) -> None:
        for number, kind in enumerate(kinds):
            model.graph.node.append(
                helper.make_node(kind, [model.graph.output[0].name], [f"behind_{number}"])
            )
            model.graph.output[0].name = f"behind_{number}"

    return edit


def _one_for_each_pixel(model: onnx.ModelProto) -> None:
    """As a network answers whose last layer is a convolution."""
    model.graph.initializer.append(
        numpy_helper.from_array(np.array([-1, graphs.CLASSES, 1, 1]), "four")
    )
    model.graph.node.append(helper.make_node("Reshape", ["logits", "four"], ["answer"]))
    del model.graph.output[:]
    shape = [1, graphs.CLASSES, 1, 1]
    model.graph.output.append(helper.make_tensor_value_info("answer", TensorProto.FLOAT, shape))


def _size_asked_for(model: onnx.ModelProto) -> None:
    """As PyTorch writes a view of a batch of any size."""
    flatten = model.graph.node[6]
    held = {"first": np.array([0]), "rest": np.array([-1])}
    model.graph.initializer.extend(
        numpy_helper.from_array(value, name) for name, value in held.items()
    )
    asked = [
        helper.make_node("Shape", ["f"], ["sizes"]),
        helper.make_node("Gather", ["sizes", "first"], ["batch"]),
        helper.make_node("Concat", ["batch", "rest"], ["flat_sizes"], axis=0),
        helper.make_node("Reshape", ["f", "flat_sizes"], ["g"]),
    ]
    model.graph.node.remove(flatten)
    for place, node in enumerate(asked):
        model.graph.node.insert(6 + place, node)


SAME: dict[str, Edit] = {
    "weights among inputs": _weights_among_inputs,
    "weights as nodes": _weights_as_nodes,
    "a function of its own": _function,
    "an input called as ours": _swapped("input", "image"),
    "an input called as our output": _swapped("input", "probabilities"),
    "logits called as our output": _swapped("logits", "probabilities"),
    "a tensor called as our input": _swapped("c", "image"),
    "a log of probabilities": _behind("LogSoftmax"),
    "steps that do nothing": _behind("Identity", "Dropout", "Identity"),
    "answers with height and width": _one_for_each_pixel,
    "a size that is asked for": _size_asked_for,
}


@pytest.mark.parametrize("name", SAME)
def test_many_ways_to_write_a_graph_give_the_same_one(tmp_path: Path, name: str) -> None:
    model = graphs.like_pytorch("N")
    SAME[name](model)
    archive = form.load(
        graphs.contract(), graphs.options(graphs.saved(model, tmp_path / "net.onnx"), Output.logits)
    )
    answer = graphs.image_predictor(form, archive)
    for image in graphs.pictures(3):
        expected = softmax(original(graphs.like_pytorch("N"), image[None]))
        np.testing.assert_allclose(answer(image[None]), expected, atol=1e-5)
    graph = onnx.load_from_string(archive).graph
    assert not {"Constant", "Identity", "Dropout", "Shape"}.intersection(
        node.op_type for node in graph.node
    )
    assert [len(graph.input), len(graph.output)] == [1, 1]


@pytest.mark.parametrize(("written", "read"), [(3, 8), (8, 8), (13, 10)])
def test_a_version_that_no_part_of_the_graph_needs_is_lowered(
    tmp_path: Path, written: int, read: int
) -> None:
    model = graphs.like_pytorch()
    _weights_among_inputs(model)
    model.ir_version = written
    assert onnx_graph.load(str(graphs.saved(model, tmp_path / "net.onnx"))).ir_version == read


def test_weights_may_lie_beside_the_file(tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    onnx.save(
        graphs.like_pytorch(),
        file,
        save_as_external_data=True,
        location="net.onnx.data",
        size_threshold=0,
    )
    archive = form.load(graphs.contract(), graphs.options(file, Output.logits))
    whole = form.load(
        graphs.contract(), graphs.options(graphs.saved(graphs.like_pytorch(), file), Output.logits)
    )
    assert archive == whole


def test_weights_that_are_not_there_are_named(tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    onnx.save(
        graphs.like_pytorch(),
        file,
        save_as_external_data=True,
        location="net.onnx.data",
        size_threshold=0,
    )
    (tmp_path / "net.onnx.data").unlink()
    with pytest.raises(ModelError) as refused:
        onnx_graph.load(str(file))
    assert str(refused.value) == (
        f"{file}: its weights lie in net.onnx.data, which does not exist; expected it next "
        "to the model, or all in one file: torch.onnx.export(..., external_data=False)"
    )


def test_weights_are_not_read_from_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    file = folder / "net.onnx"
    onnx.save(
        graphs.like_pytorch(), file, save_as_external_data=True, location="data", size_threshold=0
    )
    (folder / "data").rename(tmp_path / "data")
    model = onnx.load(file, load_external_data=False)
    for entry in (entry for item in model.graph.initializer for entry in item.external_data):
        entry.value = "../data" if entry.key == "location" else entry.value
    file.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="not a valid ONNX model"):
        onnx_graph.load(str(file))


def _training(model: onnx.ModelProto) -> None:
    for node in model.graph.node:
        if node.op_type == "BatchNormalization":
            node.attribute.append(helper.make_attribute("training_mode", 1))
            node.output.extend(["running_mean", "running_var"])


def _halves(model: onnx.ModelProto) -> None:
    for item in model.graph.initializer:
        item.CopyFrom(
            numpy_helper.from_array(numpy_helper.to_array(item).astype(np.float16), item.name)
        )
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.elem_type = TensorProto.FLOAT16


def _branch(model: onnx.ModelProto) -> None:
    branch = helper.make_graph(
        [helper.make_node("Identity", ["c"], ["inner"])],
        "branch",
        [],
        [helper.make_tensor_value_info("inner", TensorProto.FLOAT, [1, 8, 6, 6])],
    )
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))
    model.graph.node.insert(
        3, helper.make_node("If", ["yes"], ["unread"], then_branch=branch, else_branch=branch)
    )


def _newer(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 23


def _of_others(model: onnx.ModelProto) -> None:
    node = helper.make_node("Run\x1b[2J", ["c"], ["unread"], domain="mine")
    model.graph.node.insert(3, node)
    model.opset_import.append(helper.make_opsetid("mine", 1))


def _of_others_in_a_function(model: onnx.ModelProto) -> None:
    body = [helper.make_node("Run", ["a"], ["b"], domain="mine")]
    opsets = [helper.make_opsetid("mine", 1)]
    function = helper.make_function("own", "wrap", ["a"], ["b"], body, opsets)
    model.functions.append(function)
    node = helper.make_node("wrap", ["c"], ["unread"], domain="own")
    model.graph.node.insert(3, node)
    model.opset_import.append(helper.make_opsetid("own", 1))
    model.opset_import.append(helper.make_opsetid("mine", 1))


def _sparse(model: onnx.ModelProto) -> None:
    tensor = model.graph.sparse_initializer.add()
    tensor.dims.extend([4])
    tensor.values.CopyFrom(numpy_helper.from_array(np.zeros(1, np.float32), "few"))
    tensor.indices.CopyFrom(numpy_helper.from_array(np.zeros(1, np.int64), "places"))


def _sparse_constant(model: onnx.ModelProto) -> None:
    values = numpy_helper.from_array(np.zeros(1, np.float32), "few")
    indices = numpy_helper.from_array(np.zeros(1, np.int64), "places")
    tensor = helper.make_sparse_tensor(values, indices, [4])
    node = helper.make_node("Constant", [], ["unread"], sparse_value=tensor)
    model.graph.node.insert(0, node)


REFUSED: dict[str, tuple[Edit, str]] = {
    "operators of others": (
        _of_others,
        "operators that ONNX does not define: mine.Run\\x1b[2J; expected only those of ONNX",
    ),
    "operators of others in a function": (
        _of_others_in_a_function,
        "operators that ONNX does not define: mine.Run; expected only those of ONNX",
    ),
    "sparse weights": (
        _sparse,
        "its weights few are sparse; expected dense weights: export the model again",
    ),
    "a sparse constant": (
        _sparse_constant,
        "its weights unread are sparse; expected dense weights: export the model again",
    ),
    "halves": (
        _halves,
        "holds weights of float16; expected the float32 model that it was made from",
    ),
    "batch statistics": (
        _training,
        "BatchNormalization in training mode, which computes from the images of a batch; expected "
        "the model in inference mode: in PyTorch, call model.eval() before torch.onnx.export",
    ),
    "a branch": (_branch, "graphs inside its graph (If); expected no branches and no loops"),
    "a newer opset": (_newer, "opset 23; expected 22 or older: export with opset_version=17"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_plain_form_is_refused(tmp_path: Path, name: str) -> None:
    edit, text = REFUSED[name]
    model = graphs.like_pytorch()
    edit(model)
    file = graphs.saved(model, tmp_path / "net.onnx")
    with pytest.raises(ModelError) as refused:
        onnx_graph.load(str(file))
    assert str(refused.value) == f"{file}: {text}"


def test_hard_swishes_lone_batch_norms_and_means_of_pytorch_become_integers(tmp_path: Path) -> None:
    """None of these has an integer kernel: of MobileNetV3, of DenseNet, and torch.mean."""
    model = graphs.like_pytorch("N", opset=18)
    nodes = model.graph.node
    nodes[2].CopyFrom(helper.make_node("HardSwish", ["b"], ["c"]))
    nodes[5].CopyFrom(helper.make_node("ReduceMean", ["e", "last"], ["f"], keepdims=0))
    nodes[4].CopyFrom(helper.make_node("Add", ["c", "d"], ["sum"]))
    nodes.insert(
        5,
        helper.make_node(
            "BatchNormalization", ["sum", "scale", "shift", "mean", "variance"], ["e"]
        ),
    )
    model.graph.initializer.append(numpy_helper.from_array(np.array([-2, -1]), "last"))
    archive = form.load(
        graphs.contract(), graphs.options(graphs.saved(model, tmp_path / "net.onnx"), Output.logits)
    )
    ranges = calibration.calibrate(
        archive, {"image": graphs.pictures()}, Calibration("min_max", 24, 0), "onnx"
    )
    quantized = QuantizedModel(
        archive, "int8", "int8", "int8", Granularity.per_channel, ranges, format="onnx"
    )
    inspection = inspect.inspect(convert.convert(quantized, graphs.contract(), CONVERT))
    assert set(inspection.float_operators()) <= {"Transpose"}
