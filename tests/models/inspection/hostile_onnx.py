"""Small ONNX files that a reader must not loop, hang or raise on."""

from collections.abc import Callable, Sequence

import onnx
from onnx import TensorProto, helper

Build = Callable[[], bytes]
OPSETS = [helper.make_opsetid("", 17), helper.make_opsetid("d", 1)]


def model(
    nodes: Sequence[onnx.NodeProto],
    initializers: Sequence[onnx.TensorProto] = (),
    functions: Sequence[onnx.FunctionProto] = (),
    metadata: dict[str, str] | None = None,
) -> onnx.ModelProto:
    """A model of x [1, 3, 8, 8] -> y [1, 10]."""
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])
    scores = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 10])
    graph = helper.make_graph(nodes, "g", [image], [scores], list(initializers))
    made = helper.make_model(graph, opset_imports=OPSETS, functions=list(functions))
    helper.set_model_props(made, metadata or {})
    return made


def node(kind: str, inputs: str, outputs: str, domain: str = "") -> onnx.NodeProto:
    return helper.make_node(kind, inputs.split(), outputs.split(), domain=domain)


SOFTMAX = node("Softmax", "x", "y")


def labels(text: str) -> onnx.ModelProto:
    return model([SOFTMAX], metadata={"labels": text})


def cycle_of(length: int, kind: str = "Identity") -> onnx.ModelProto:
    """Nodes that read each other in a ring, beside the one that computes the output."""
    nodes = []
    for number in range(length):
        nodes.append(node(kind, f"t{number}", f"t{(number + 1) % length}"))
    return model([*nodes, SOFTMAX])


def output_of_a_cycle() -> onnx.ModelProto:
    return model([node("Softmax", "x", "z"), node("Identity", "y", "y")])


def image_written_by_a_node() -> onnx.ModelProto:
    constant = helper.make_tensor("c", TensorProto.FLOAT, [1], [2.0])
    return model([node("Mul", "x c", "x"), node("Softmax", "q", "y")], [constant])


def nodes_out_of_order() -> onnx.ModelProto:
    return model([node("Identity", "a", "y"), node("Softmax", "x", "a")])


def weight(
    data_type: int = TensorProto.FLOAT, dims: Sequence[int] = (1,), data: bytes = b"1234"
) -> onnx.ModelProto:
    made = model([node("Mul", "x c", "y")])
    tensor = made.graph.initializer.add(name="c", data_type=data_type, raw_data=data)
    tensor.dims.extend(dims)
    return made


def image_of_type(edit: Callable[[onnx.TypeProto], object]) -> onnx.ModelProto:
    made = model([SOFTMAX])
    made.graph.input[0].type.Clear()
    edit(made.graph.input[0].type)
    return made


def dtype_99() -> onnx.ModelProto:
    made = model([SOFTMAX])
    made.graph.input[0].type.tensor_type.elem_type = 99
    return made


def size_of_the_image(size: int) -> onnx.ModelProto:
    made = model([SOFTMAX])
    made.graph.input[0].type.tensor_type.shape.dim[2].dim_value = size
    return made


def function(name: str, calls: Sequence[str]) -> onnx.FunctionProto:
    """A function of the domain `d` that calls others, one after the other."""
    nodes = []
    for number, called in enumerate(calls):
        target = "b" if number == len(calls) - 1 else f"t{number + 1}"
        source = f"t{number}" if number else "a"
        domain = "" if called == "Identity" else "d"
        nodes.append(node(called, source, target, domain))
    return helper.make_function("d", name, ["a"], ["b"], nodes, OPSETS)


def billion_laughs(levels: int) -> onnx.ModelProto:
    functions = []
    for level in range(levels):
        called = f"f{level + 1}" if level < levels - 1 else "Identity"
        functions.append(function(f"f{level}", [called] * 10))
    return model([node("f0", "x", "z", "d"), node("Softmax", "z", "y")], functions=functions)


def recursive_functions(length: int) -> onnx.ModelProto:
    functions = []
    for number in range(length):
        functions.append(function(f"r{number}", [f"r{(number + 1) % length}"]))
    return model([node("r0", "x", "z", "d"), node("Softmax", "z", "y")], functions=functions)


def branches(depth: int) -> onnx.ModelProto:
    """Graphs in an attribute of a node of a graph in an attribute..."""
    graph = helper.make_graph([node("Identity", "x", "b")], "deepest", [], [])
    for _ in range(depth):
        inner = helper.make_node("If", ["x"], ["b"], then_branch=graph, else_branch=graph)
        graph = helper.make_graph([inner], "branch", [], [])
        graph.node[0].attribute[1].g.Clear()
    return model([*graph.node, SOFTMAX])


def external(**entries: str) -> onnx.ModelProto:
    """Weights in another file, as these entries say."""
    made = model([node("Mul", "x c", "y")])
    tensor = made.graph.initializer.add(name="c", data_type=TensorProto.FLOAT, data_location=1)
    tensor.dims.extend([640])
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=value)
    return made


REPORTED: dict[str, Callable[[], onnx.ModelProto]] = {
    "a node without inputs": lambda: model([node("Identity", "", "y")]),
    "an output that nothing computes": lambda: model([node("Softmax", "x", "z")]),
    "deep brackets as labels": lambda: labels("[" * 100_000),
    "a chain of signs as labels": lambda: labels("-" * 300_000 + "1"),
    "deep parentheses as labels": lambda: labels("(" * 150 + "1" + ")" * 150),
    "a sum as labels": lambda: labels("1" + "+1j" * 200_000),
    "NUL as labels": lambda: labels("\0"),
    "an open quote as labels": lambda: labels("['" + "\\'" * 500_000),
    "labels of any length": lambda: labels('["a", ' + '"a", ' * 200_000 + '"b"]'),
    "a constant of no bytes": lambda: weight(data=b"", dims=(9,)),
    "graphs in graphs": lambda: branches(20),
    "functions": lambda: billion_laughs(3),
    "weights in another file at an offset below 0": lambda: external(
        location="w.bin", offset="-100"
    ),
    "weights in a file above the folder": lambda: external(location="../../../etc/hostname"),
}
NOT_ORDERED = "before it is written; expected nodes in order of execution, and no loop"
REFUSED: dict[str, tuple[Callable[[], onnx.ModelProto], str]] = {
    "a cycle of 1": (lambda: cycle_of(1), f"node 0 (Identity) reads 't0' {NOT_ORDERED}"),
    "a cycle of 2": (lambda: cycle_of(2), f"node 0 (Identity) reads 't0' {NOT_ORDERED}"),
    "a cycle of 500": (lambda: cycle_of(500), f"node 0 (Identity) reads 't0' {NOT_ORDERED}"),
    "an output that a cycle computes": (
        output_of_a_cycle,
        f"node 1 (Identity) reads 'y' {NOT_ORDERED}",
    ),
    "an image that a node writes": (
        image_written_by_a_node,
        "tensor 'x' is written twice; expected each once, and no loop",
    ),
    "nodes out of order": (nodes_out_of_order, f"node 0 (Identity) reads 'a' {NOT_ORDERED}"),
    "a weight of dtype 77": (
        lambda: weight(data_type=77),
        "its weight 'c' has the unknown dtype 77",
    ),
    "a constant whose bytes are missing": (
        lambda: weight(data=b""),
        "its weight 'c' has other bytes than its shape; expected those",
    ),
    "a weight of a size below 0": (
        lambda: weight(dims=(-3,)),
        "its weight 'c' has the shape [-3]; expected one that a file can hold",
    ),
    "a weight of 2^62 rows": (
        lambda: weight(dims=(1 << 62,)),
        "its weight 'c' has the shape [4611686018427387904]; expected one that a file can hold",
    ),
    "a weight of 100,000 dimensions": (
        lambda: weight(dims=(1 << 62,) * 100_000),
        "its weight 'c' has 100,000 dimensions; expected at most 64",
    ),
    "an image of dtype 99": (dtype_99, "'x' has the unknown dtype 99"),
    "a sequence as image": (
        lambda: image_of_type(lambda kind: kind.sequence_type.SetInParent()),
        "'x' has the type sequence; expected a tensor",
    ),
    "an optional image": (
        lambda: image_of_type(lambda kind: kind.optional_type.SetInParent()),
        "'x' has the type optional; expected a tensor",
    ),
    "a map as image": (
        lambda: image_of_type(lambda kind: kind.map_type.SetInParent()),
        "'x' has the type map; expected a tensor",
    ),
    "a sparse image": (
        lambda: image_of_type(lambda kind: kind.sparse_tensor_type.SetInParent()),
        "'x' has the type sparse_tensor; expected a tensor",
    ),
    "an image without a type": (
        lambda: image_of_type(onnx.TypeProto.Clear),
        "'x' has the type none; expected a tensor",
    ),
    "an image of a size below 0": (
        lambda: size_of_the_image(-1),
        "tensor 'x' has the size -1; expected a whole number from 0 to 2,147,483,647",
    ),
    "an image of 2^62 rows": (
        lambda: size_of_the_image(1 << 62),
        "tensor 'x' has the size 4611686018427387904; "
        "expected a whole number from 0 to 2,147,483,647",
    ),
    "functions of a billion operators": (
        lambda: billion_laughs(9),
        "its functions are more than 1,000,000 operators when they are inlined; expected fewer",
    ),
    "a function that calls itself": (
        lambda: recursive_functions(1),
        "its function 'r0' calls itself; expected none to",
    ),
    "a ring of 500 functions": (
        lambda: recursive_functions(500),
        "its function 'r0' calls itself; expected none to",
    ),
}
