"""Fix the shapes of a .tflite graph for one image and remove what does not depend on the image.

TensorFlow converts a model with an open batch to operators that read the batch from a shape. For
one image they compute constants, and integers that no quantizer has a range for.
"""

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from edgebake.models.tflite import tables


def interpreter(model: bytes) -> Interpreter:
    """Return an interpreter with one thread that keeps the values of all tensors."""
    created = Interpreter(
        model_content=model,
        num_threads=1,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    created.allocate_tensors()
    return created


def fix_shapes(model: schema.ModelT, reserved_names: set[bytes]) -> None:
    """Fix every shape as it is for one image, fold constants and make the names of tensors unique.

    The model is changed in place. No tensor gets one of the reserved names.
    """
    graph = model.subgraphs[0]
    for tensor in graph.tensors:
        tensor.shapeSignature = None
    running = interpreter(tables.serialize(model))
    running.invoke()
    constants: set[int] = set()
    for index, tensor in enumerate(graph.tensors):
        if tables.is_constant(model, tensor):
            constants.add(index)
    for operator in list(graph.operators):
        is_foldable = constants.issuperset(_input_indices(operator))
        if is_foldable or _is_shape(model, operator):
            graph.operators.remove(operator)
            constants.update(operator.outputs)
            for index in operator.outputs:
                value = running.get_tensor(index)
                _make_constant(model, graph.tensors[index], value)
        else:
            for index in operator.outputs:
                value = running.get_tensor(index)
                graph.tensors[index].shape = list(value.shape)
    _make_names_unique(graph, set(reserved_names))


def _is_shape(model: schema.ModelT, operator: schema.OperatorT) -> bool:
    code = model.operatorCodes[operator.opcodeIndex]
    return tables.builtin_name(code) == "SHAPE"


def _input_indices(operator: schema.OperatorT) -> list[int]:
    return [index for index in operator.inputs if index >= 0]  # -1: no tensor


def _make_constant(
    model: schema.ModelT, tensor: schema.TensorT, value: NDArray[np.generic]
) -> None:
    buffer = schema.BufferT()
    data = np.ascontiguousarray(value).tobytes()
    buffer.data = np.frombuffer(data, np.uint8)
    model.buffers.append(buffer)
    tensor.buffer = len(model.buffers) - 1
    tensor.shape = list(value.shape)


def _make_names_unique(graph: schema.SubGraphT, taken: set[bytes]) -> None:
    """Give every tensor its own name without spaces.

    The quantizer identifies tensors by name, and ranges.csv separates names by spaces.
    """
    for index, tensor in enumerate(graph.tensors):
        segments = (tensor.name or b"").split()
        name = b"_".join(segments) or b"tensor"
        if name in taken:
            name = b"%s_%d" % (name, index)
        tensor.name = name
        taken.add(name)
