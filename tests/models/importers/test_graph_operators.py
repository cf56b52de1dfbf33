"""Only operators that compute are listed; every other operator of TensorFlow is refused by name."""

import re
from typing import Any

import pytest

from edgebake.errors import ModelError
from edgebake.models import keras_session
from edgebake.models.importers import graph_operators

# Flagged as stateful by TensorFlow, and why they are listed all the same.
STATEFUL = {
    "Assert": "raises an error",
    "Case": "because of its functions, which are checked as well",
    "CheckNumerics": "raises an error",
    "CheckNumericsV2": "raises an error",
    "CudnnRNN": "dropout in training",
    "CudnnRNNBackprop": "dropout in training",
    "CudnnRNNBackpropV2": "dropout in training",
    "CudnnRNNBackpropV3": "dropout in training",
    "CudnnRNNV2": "dropout in training",
    "CudnnRNNV3": "dropout in training",
    "DeviceIndex": "depends on the device",
    "If": "because of its functions, which are checked as well",
    "StatefulPartitionedCall": "because of its function, which is checked as well",
    "While": "because of its functions, which are checked as well",
}
# Attributes and inputs by which an operator names a file, an address or an object of others.
NAMES_OF_PLACES = re.compile(
    r"file|path|dir(?!ection)|address|url|uri|host|target|service|log|prefix|pattern|token"
    r"|container|shared_name|memory_region|descriptor|config|server|output_stream"
)
# What such a name is where an operator is listed all the same.
HARMLESS_PLACES = {
    ("PartitionedCall", "config"): "settings of the graph optimizer",
    ("PartitionedCall", "config_proto"): "settings of the graph optimizer",
    ("StatefulPartitionedCall", "config"): "settings of the graph optimizer",
    ("StatefulPartitionedCall", "config_proto"): "settings of the graph optimizer",
    ("VarHandleOp", "container"): "a name in memory",
    ("VarHandleOp", "shared_name"): "a name in memory",
}


@pytest.fixture(scope="module")
def registered() -> dict[str, Any]:
    """Return the definition of every operator that TensorFlow has, by name."""
    keras_session.start(1)
    from tensorflow.core.framework.op_def_pb2 import OpList
    from tensorflow.python.client import pywrap_tf_session

    serialized = pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList())
    return {operator.name: operator for operator in OpList.FromString(serialized).op}


@pytest.fixture(scope="module")
def listed() -> frozenset[str]:
    return graph_operators.operators("compute", "before_freezing")


def graph_of(operator: str) -> Any:
    import tensorflow

    graph = tensorflow.compat.v1.GraphDef()
    graph.node.add(op=operator, name="node")
    return graph


def test_every_listed_operator_exists(registered: dict[str, Any]) -> None:
    listed = graph_operators.operators("compute", "before_freezing", "not_loaded")
    assert listed <= set(registered)
    assert len(listed) > 600


def test_no_operator_is_listed_twice() -> None:
    import yaml

    document = yaml.safe_load(graph_operators.LIST.read_text())
    names = [name for section in document.values() for group in section.values() for name in group]
    assert len(names) == len(set(names))


def test_every_other_operator_is_refused_by_name(registered: dict[str, Any]) -> None:
    compute = graph_operators.operators("compute")
    refused = sorted(set(registered) - compute)
    assert len(refused) > 1200
    for name in refused:
        with pytest.raises(ModelError, match=rf"do more than compute: {re.escape(name)} \("):
            graph_operators.refuse_graph(graph_of(name), "model")


def test_every_operator_of_a_frozen_graph_is_a_function_of_its_inputs(
    registered: dict[str, Any],
) -> None:
    compute = graph_operators.operators("compute")
    stateful = {name for name in compute if registered[name].is_stateful}
    assert stateful == set(STATEFUL)


def test_no_listed_operator_names_a_place(
    registered: dict[str, Any], listed: frozenset[str]
) -> None:
    named = set()
    for name in listed:
        definition = registered[name]
        for argument in (*definition.attr, *definition.input_arg):
            is_text = getattr(argument, "type", 0) in ("string", "list(string)", 7)
            if is_text and NAMES_OF_PLACES.search(argument.name):
                named.add((name, argument.name))
    assert named == set(HARMLESS_PLACES)


def test_no_listed_operator_takes_text(registered: dict[str, Any], listed: frozenset[str]) -> None:
    from tensorflow import string

    for name in listed:
        types = {argument.type for argument in registered[name].input_arg}
        assert string.as_datatype_enum not in types, name


def test_handles_are_taken_only_by_operators_of_variables_and_lists(
    registered: dict[str, Any],
) -> None:
    from tensorflow import resource

    for name in graph_operators.operators("compute"):
        types = {argument.type for argument in registered[name].input_arg}
        assert resource.as_datatype_enum not in types, name


@pytest.mark.parametrize("name", ["Mine>Operator", "relu", "Relu ", "", "_FusedConv2D", "Écrire"])
def test_an_unknown_operator_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match="holds operators that do more than compute"):
        graph_operators.refuse_graph(graph_of(name), "model")


def test_names_in_messages_are_printable() -> None:
    graph = graph_of("Evil\x1b[2J")
    graph.node[0].name = "node\u202e"
    with pytest.raises(ModelError) as refused:
        graph_operators.refuse_graph(graph, "model")
    assert str(refused.value) == (
        "model: holds operators that do more than compute: Evil\\x1b[2J (operation 'node\\u202e'); "
        "expected a graph that only computes. Export the model without them"
    )


def test_a_function_of_the_graph_is_checked_even_if_nothing_calls_it() -> None:
    graph = graph_of("Relu")
    function = graph.library.function.add()
    function.signature.name = "unused"
    function.node_def.add(op="WriteFile", name="write")
    with pytest.raises(ModelError, match=r"WriteFile \(operation 'write' in the function 'unused'"):
        graph_operators.refuse_graph(graph, "model")


def test_a_function_that_the_graph_does_not_hold_is_refused() -> None:
    graph = graph_of("PartitionedCall")
    graph.node[0].attr["f"].func.name = "held"
    graph.node[0].attr["f"].func.attr["nested"].list.func.add().name = "WriteFile"
    graph.library.function.add().signature.name = "held"
    with pytest.raises(
        ModelError, match="'node' calls the function 'WriteFile', which the graph does not hold"
    ):
        graph_operators.refuse_graph(graph, "model")


@pytest.mark.parametrize("dtype", ["resource", "variant"])
def test_a_constant_handle_is_refused(dtype: str) -> None:
    import tensorflow

    graph = graph_of("Const")
    value = graph.node[0].attr["value"].tensor
    value.dtype = getattr(tensorflow, dtype).as_datatype_enum
    with pytest.raises(ModelError, match="'node' is a constant handle of an object in memory"):
        graph_operators.refuse_graph(graph, "model")
