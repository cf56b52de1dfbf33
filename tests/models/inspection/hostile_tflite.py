"""Small .tflite files that a reader must not loop, hang or raise on."""

import io
import struct
import zipfile
from collections.abc import Callable

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

Edit = Callable[[schema.ModelT], object]
IDENTIFIER = b"TFL3"


def model(kind: str = "SOFTMAX") -> schema.ModelT:
    """A model of x [1, 8, 8, 1] -> y [1, 10] by one operator."""
    made = schema.ModelT()
    made.version = 3
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, kind)
    code.deprecatedBuiltinCode = code.builtinCode
    made.operatorCodes = [code]
    made.buffers = [schema.BufferT()]
    graph = schema.SubGraphT()
    graph.tensors = [tensor("x", [1, 8, 8, 1]), tensor("y", [1, 10])]
    graph.operators = [operator([0], [1])]
    graph.inputs, graph.outputs = [0], [1]
    made.subgraphs = [graph]
    return made


def tensor(name: str, shape: list[int], buffer: int = 0) -> schema.TensorT:
    made = schema.TensorT()
    made.name, made.shape, made.buffer = name, shape, buffer
    made.type = schema.TensorType.FLOAT32
    return made


def operator(inputs: list[int], outputs: list[int]) -> schema.OperatorT:
    made = schema.OperatorT()
    made.opcodeIndex, made.inputs, made.outputs = 0, inputs, outputs
    return made


def packed(made: schema.ModelT) -> bytes:
    builder = flatbuffers.Builder(0)
    builder.Finish(made.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def edited(edit: Edit, kind: str = "SOFTMAX") -> bytes:
    made = model(kind)
    edit(made)
    return packed(made)


def of_operators(kind: str, *calls: tuple[list[int], list[int]]) -> bytes:
    """A model whose operators have these inputs and outputs, of up to 500 tensors."""
    made = model(kind)
    graph = made.subgraphs[0]
    highest = max(max(inputs + outputs) for inputs, outputs in calls)
    for number in range(2, highest + 1):
        graph.tensors.append(tensor(f"t{number}", [1]))
    graph.operators = [operator(inputs, outputs) for inputs, outputs in calls]
    return packed(made)


def arithmetic_on_the_image() -> bytes:
    """x = x * c, where c is a constant."""
    made = model("MUL")
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(struct.pack("<f", 2.0), np.uint8)
    made.buffers.append(buffer)
    made.subgraphs[0].tensors.append(tensor("c", [1], buffer=1))
    made.subgraphs[0].operators = [operator([0, 2], [0])]
    return packed(made)


def set_in(attribute: str, value: object) -> Edit:
    """Return an edit of an attribute, such as `subgraphs.0.inputs`."""

    def edit(made: schema.ModelT) -> None:
        *path, name = attribute.split(".")
        target = made
        for step in path:
            target = target[int(step)] if step.isdigit() else getattr(target, step)
        setattr(target, name, value)

    return edit


def shared_tables(graphs: int, tensors: int) -> bytes:
    """Offsets to one graph, whose offsets all name one tensor: a table for each pair."""
    builder = flatbuffers.Builder(0)
    shared = tensor("x", [1]).Pack(builder)
    schema.SubGraphStartTensorsVector(builder, tensors)
    for _ in range(tensors):
        builder.PrependUOffsetTRelative(shared)
    vector = builder.EndVector()
    schema.SubGraphStart(builder)
    schema.SubGraphAddTensors(builder, vector)
    graph = schema.SubGraphEnd(builder)
    schema.ModelStartSubgraphsVector(builder, graphs)
    for _ in range(graphs):
        builder.PrependUOffsetTRelative(graph)
    vector = builder.EndVector()
    schema.ModelStart(builder)
    schema.ModelAddSubgraphs(builder, vector)
    builder.Finish(schema.ModelEnd(builder), IDENTIFIER)
    return bytes(builder.Output())


def shared_name(tensors: int, length: int) -> bytes:
    """Tensors that all have the same long name."""
    builder = flatbuffers.Builder(0)
    name = builder.CreateString("n" * length)
    made = []
    for _ in range(tensors):
        schema.TensorStart(builder)
        schema.TensorAddName(builder, name)
        made.append(schema.TensorEnd(builder))
    schema.SubGraphStartTensorsVector(builder, tensors)
    for position in made:
        builder.PrependUOffsetTRelative(position)
    vector = builder.EndVector()
    schema.SubGraphStart(builder)
    schema.SubGraphAddTensors(builder, vector)
    graph = schema.SubGraphEnd(builder)
    schema.ModelStartSubgraphsVector(builder, 1)
    builder.PrependUOffsetTRelative(graph)
    vector = builder.EndVector()
    schema.ModelStart(builder)
    schema.ModelAddSubgraphs(builder, vector)
    builder.Finish(schema.ModelEnd(builder), IDENTIFIER)
    return bytes(builder.Output())


def overlapping_vectors(count: int) -> bytes:
    """Graphs that share a vtable, each with a vector of tensors that holds those of the next.

    The tensors are all the same bytes, so there are `count`^2 / 2 offsets in 12 bytes each.
    """
    # 0: root offset, identifier; 8: vtable of graphs; 14: vtable of the model; 24: the model.
    head = bytearray(b"\0\0\0\0" + IDENTIFIER)
    head += struct.pack("<3H", 6, 8, 4)  # of graphs: the tensors at 4
    head += struct.pack("<5H", 10, 8, 0, 0, 4)  # of the model: the graphs at 4
    model_position = len(head)
    head[:4] = struct.pack("<I", model_position)
    head += struct.pack("<iI", model_position - 14, 4)
    graphs_vector = len(head)
    first_graph = graphs_vector + 4 + 4 * count
    head += struct.pack("<I", count)
    for number in range(count):
        position = graphs_vector + 4 + 4 * number
        head += struct.pack("<I", first_graph + 8 * number - position)
    lengths = first_graph + 8 * count
    for number in range(count):
        position = first_graph + 8 * number
        head += struct.pack("<iI", position - 8, lengths + 4 * number - position - 4)
    # Each number is the length of a vector, and an offset to a table in another vector.
    head += struct.pack("<I", count) * (2 * count)
    return bytes(head) + bytes(8 * count)


def weights_outside() -> bytes:
    made = model()
    buffer = schema.BufferT()
    buffer.offset, buffer.size = 1 << 40, 1 << 40
    made.buffers.append(buffer)
    return packed(made)


def overlapping_weights() -> bytes:
    made = model()
    for _ in range(50):
        buffer = schema.BufferT()
        buffer.offset, buffer.size = 8, 1000
        made.buffers.append(buffer)
    return packed(made)


def with_labels(names: bytes, compression: int = zipfile.ZIP_DEFLATED, files: int = 1) -> bytes:
    """A model with an archive of labels behind it."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for number in range(files):
            archive.writestr(f"labels{number}.txt", names)
    return packed(model()) + stream.getvalue()


def with_metadata(data: bytes) -> bytes:
    made = model()
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(data, np.uint8)
    made.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name, entry.buffer = "TFLITE_METADATA", 1
    made.metadata = [entry]
    return packed(made)


def patched(position: int, data: bytes) -> bytes:
    made = bytearray(packed(model()))
    made[position : position + len(data)] = data
    return bytes(made)


REPORTED: dict[str, Callable[[], bytes]] = {
    "a plain model": lambda: packed(model()),
    "no inputs and no outputs": lambda: edited(
        lambda made: (
            set_in("subgraphs.0.inputs", [])(made),
            set_in("subgraphs.0.outputs", [])(made),
        )
    ),
    "an operator without inputs": lambda: edited(set_in("subgraphs.0.operators.0.inputs", [])),
    "labels that unpack to 100 MB": lambda: with_labels(bytes(100 << 20)),
    "labels that LZMA packs": lambda: with_labels(b"cat\ndog\n", zipfile.ZIP_LZMA),
    "two files of labels": lambda: with_labels(b"cat\n", files=2),
    "labels that are not UTF-8": lambda: with_labels(b"\xff\xfe"),
    "half an archive of labels": lambda: with_labels(b"cat\ndog\n")[:-9],
}
ORDER = "expected operators in order of execution, and no loop"
OUTSIDE = "which lies outside the file"
SHARED = "expected no shared tables"
REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "a cycle of 1": (
        lambda: of_operators("RESHAPE", ([1], [1])),
        f"operator 0 reads tensor 1 before it is written; {ORDER}",
    ),
    "a cycle of 2": (
        lambda: of_operators("RESHAPE", ([2], [1]), ([1], [2])),
        f"operator 0 reads tensor 2 before it is written; {ORDER}",
    ),
    "a cycle of 400": (
        lambda: of_operators(
            "RESHAPE", *(([number], [1 + number % 400]) for number in range(1, 401))
        ),
        f"operator 0 reads tensor 1 before it is written; {ORDER}",
    ),
    "an image that an operator writes": (
        arithmetic_on_the_image,
        "tensor 0 is written twice; expected each once",
    ),
    "an input that is no tensor": (
        lambda: edited(set_in("subgraphs.0.inputs", [99])),
        "it names tensor 99 and has 2",
    ),
    "an operator code that is none": (
        lambda: edited(set_in("subgraphs.0.operators.0.opcodeIndex", 99)),
        "it names operator code 99 and has 1",
    ),
    "a tensor below 0": (
        lambda: edited(set_in("subgraphs.0.operators.0.inputs", [-5])),
        "it names tensor -5 and has 2",
    ),
    "a buffer that is none": (
        lambda: edited(set_in("subgraphs.0.tensors.0.buffer", 7)),
        "it names buffer 7 and has 1",
    ),
    "an unknown dtype": (
        lambda: edited(set_in("subgraphs.0.tensors.0.type", 77)),
        "it has a tensor of type 77, which LiteRT does not have",
    ),
    "an unknown operator": (
        lambda: edited(set_in("operatorCodes.0.builtinCode", 30_000)),
        "it has the operator 30000, which LiteRT does not have",
    ),
    "a shape of 10,000 dimensions": (
        lambda: edited(set_in("subgraphs.0.tensors.0.shape", [1 << 30] * 10_000)),
        "it has a tensor of 10,000 dimensions; expected at most 32",
    ),
    "a size below 0": (
        lambda: edited(set_in("subgraphs.0.tensors.0.shape", [1, -7])),
        "it has a tensor of the size -7; expected -1 (open), 0 or more",
    ),
    "no graph": (lambda: edited(set_in("subgraphs", [])), "it has no graph"),
    "no tensors": (
        lambda: edited(set_in("subgraphs.0.tensors", None)),
        "one of its graphs has no tensors",
    ),
    "no operators": (
        lambda: edited(set_in("subgraphs.0.operators", None)),
        "one of its graphs has no operators",
    ),
    "an operator without a list of inputs": (
        lambda: edited(set_in("subgraphs.0.operators.0.inputs", None)),
        "it has an operator without inputs or outputs",
    ),
    "25 million tables in 40 KB": (
        lambda: shared_tables(5000, 5000),
        f"its tables describe 250,100,026 bytes or more in a file of 40,092; {SHARED}",
    ),
    "1,000 tensors with one name of 1 MB": (
        lambda: shared_name(1000, 1 << 20),
        f"its tables describe 9,438,257 bytes or more in a file of 1,060,652; {SHARED}",
    ),
    "vectors that lie over each other": (
        lambda: overlapping_vectors(5000),
        f"its tables describe 1,420,544 bytes or more in a file of 140,036; {SHARED}",
    ),
    "weights outside the file": (
        weights_outside,
        "weights at byte 1,099,511,627,776 end outside the file",
    ),
    "weights that lie over each other": (
        overlapping_weights,
        "its weights overlap; expected each in bytes of its own",
    ),
    "a root outside the file": (
        lambda: patched(0, b"\xff\xff\xff\xff"),
        f"an offset names byte 4,294,967,295, {OUTSIDE}",
    ),
    "a vector of 2^31 elements": (
        lambda: patched(40, b"\x01\x00\x00\x80" * 10),
        "a vector of 2,147,483,649 elements at byte 60 ends outside the file",
    ),
    "nothing behind the identifier": (
        lambda: b"\x1c\0\0\0TFL3",
        f"an offset names byte 28, {OUTSIDE}",
    ),
    "bytes of all values": (
        lambda: b"\x1c\0\0\0TFL3" + bytes(range(256)) * 4,
        f"an offset names byte -387,323,128, {OUTSIDE}",
    ),
    "no identifier": (lambda: b"0123456789", "no TFL3 at byte 4, where every .tflite has it"),
}
# The importer reads no metadata.
DAMAGED_METADATA: dict[str, Callable[[], bytes]] = {
    "metadata of a byte": lambda: with_metadata(b"\x04"),
    "metadata that name other bytes": lambda: with_metadata(b"\xf0\xff\xff\x7f" * 20),
}
