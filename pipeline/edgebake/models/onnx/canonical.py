"""Give equal ONNX graphs equal bytes: tf2onnx numbers names by a counter and orders constants by chance.

Reads and writes nothing.
"""

from collections.abc import Iterator

import onnx


def canonicalize(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with nodes in depth-first order from the outputs, and names that count in that order."""
    graph = model.graph
    nodes = list(_ordered(graph))
    names = _names(graph, nodes)
    copies = [_renamed(node, number, names) for number, node in enumerate(nodes)]
    constants = {item.name: item for item in graph.initializer}
    kept = [(name, constants[name]) for name in names if name in constants]
    used = [onnx.TensorProto.FromString(item.SerializeToString()) for _, item in kept]
    for item, (name, _) in zip(used, kept, strict=True):
        item.name = names[name]
    result = onnx.helper.make_graph(copies, "main", graph.input, graph.output, used)
    return _wrapped(result, model)


def _wrapped(graph: onnx.GraphProto, like: onnx.ModelProto) -> onnx.ModelProto:
    opsets = sorted(like.opset_import, key=lambda entry: entry.domain)
    model = onnx.helper.make_model(
        graph, producer_name="edgebake", opset_imports=opsets, ir_version=like.ir_version
    )
    onnx.checker.check_model(model)
    return model


def _ordered(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Yield the nodes that the outputs need, each behind those that it reads."""
    makers = {name: node for node in graph.node for name in node.output}
    done: set[str] = set()
    stack = [(value.name, False) for value in reversed(graph.output)]
    while stack:
        name, ready = stack.pop()
        node = makers.get(name)
        if node is None or node.output[0] in done:
            continue
        if ready:
            done.add(node.output[0])
            yield node
        else:
            stack.append((name, True))
            stack.extend((needed, False) for needed in reversed(node.input))


def _names(graph: onnx.GraphProto, nodes: list[onnx.NodeProto]) -> dict[str, str]:
    outer = [value.name for value in [*graph.input, *graph.output]]
    names = {name: name for name in outer}
    constants = {item.name for item in graph.initializer}
    for number, node in enumerate(nodes):
        for name in node.input:
            if name in constants and name not in names:
                names[name] = f"constant_{len(names) - len(outer)}"
        for index, name in enumerate(node.output):
            names.setdefault(name, f"{node.op_type}_{number}_{index}" if name else "")
    return names


def _renamed(node: onnx.NodeProto, number: int, names: dict[str, str]) -> onnx.NodeProto:
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    copy.name, copy.doc_string = f"{node.op_type}_{number}", ""
    copy.input[:] = [names.get(name, name) for name in node.input]
    copy.output[:] = [names[name] for name in node.output]
    attributes = sorted(node.attribute, key=lambda attribute: attribute.name)
    del copy.attribute[:]
    copy.attribute.extend(attributes)
    return copy
