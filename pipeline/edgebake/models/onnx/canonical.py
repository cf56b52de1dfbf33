"""Give equal ONNX graphs equal bytes.

tf2onnx numbers names with a counter and orders constants at random. Reads and writes nothing.
"""

from collections.abc import Iterator, Mapping

import onnx

from edgebake.models.onnx.graph import initializers, producers_by_tensor


def canonicalize(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with nodes in depth-first order from the outputs, numbered in that order."""
    graph = model.graph
    nodes = list(_depth_first(graph))
    names = _new_names(graph, nodes)
    renamed = []
    for number, node in enumerate(nodes):
        renamed.append(_renamed_node(node, number, names))
    result = onnx.helper.make_graph(
        renamed,
        name="main",
        inputs=graph.input,
        outputs=graph.output,
        initializer=_renamed_initializers(graph, names),
    )
    return _wrap(result, model)


def _wrap(graph: onnx.GraphProto, original: onnx.ModelProto) -> onnx.ModelProto:
    """Return a model of the graph with the opsets and IR version of the original."""
    opsets = sorted(original.opset_import, key=lambda entry: entry.domain)
    model = onnx.helper.make_model(
        graph, producer_name="edgebake", opset_imports=opsets, ir_version=original.ir_version
    )
    onnx.checker.check_model(model)
    return model


def _depth_first(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Yield the nodes that the outputs need, each after those that it reads."""
    producers = producers_by_tensor(graph)
    done: set[str] = set()
    # Tensors whose producer is still to be yielded, and whether its inputs are done.
    stack = [(value.name, False) for value in reversed(graph.output)]
    while stack:
        tensor, inputs_done = stack.pop()
        producer = producers.get(tensor)
        if producer is None or producer.output[0] in done:
            continue
        if inputs_done:
            done.add(producer.output[0])
            yield producer
        else:
            stack.append((tensor, True))
            stack.extend((name, False) for name in reversed(producer.input))


def _new_names(graph: onnx.GraphProto, nodes: list[onnx.NodeProto]) -> dict[str, str]:
    """Return the new names of all tensors; inputs and outputs of the graph keep theirs."""
    fixed = [value.name for value in (*graph.input, *graph.output)]
    names = {name: name for name in fixed}
    constants = initializers(graph)
    for number, node in enumerate(nodes):
        for name in node.input:
            if name in constants and name not in names:
                constant_number = len(names) - len(fixed)
                names[name] = f"constant_{constant_number}"
        for index, name in enumerate(node.output):
            new_name = ""
            if name:
                new_name = f"{node.op_type}_{number}_{index}"
            names.setdefault(name, new_name)
    return names


def _renamed_initializers(
    graph: onnx.GraphProto, names: Mapping[str, str]
) -> list[onnx.TensorProto]:
    """Return copies of the initializers that nodes read, in the order in which they read them."""
    constants = initializers(graph)
    renamed = []
    for old, new in names.items():
        if old in constants:
            copy = onnx.TensorProto()
            copy.CopyFrom(constants[old])
            copy.name = new
            renamed.append(copy)
    return renamed


def _renamed_node(node: onnx.NodeProto, number: int, names: Mapping[str, str]) -> onnx.NodeProto:
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    copy.name = f"{node.op_type}_{number}"
    copy.doc_string = ""
    copy.input[:] = [names.get(name, name) for name in node.input]
    copy.output[:] = [names[name] for name in node.output]
    attributes = sorted(node.attribute, key=lambda attribute: attribute.name)
    del copy.attribute[:]
    copy.attribute.extend(attributes)
    return copy
