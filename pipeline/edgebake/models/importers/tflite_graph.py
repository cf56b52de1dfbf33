"""The program of a .tflite for images of one size in, the same without what does not depend on the image out.

TensorFlow converts a model that takes any number of images with operators that ask how many there are. For one image
they compute constants, and integers that no quantizer has a range for.
"""

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edgebake.models.tflite import tables


def interpreter(model: bytes) -> Any:
    """Return what runs a program on one thread and lets every tensor of it be read."""
    found = Interpreter(
        model_content=model,
        num_threads=1,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    found.allocate_tensors()
    return found


def settle(content: Any, reserved: set[bytes]) -> None:
    """Fix every size at what it is for one image, compute what is constant, and give each tensor a name of its own.

    No tensor is called by one of the `reserved` names.
    """
    graph = content.subgraphs[0]
    for tensor in graph.tensors:
        tensor.shapeSignature = None
    running = interpreter(tables.serialize(content))
    running.invoke()
    fixed = {index for index, tensor in enumerate(graph.tensors) if _is_constant(content, tensor)}
    for item in list(graph.operators):
        if _kind(content, item) == schema.BuiltinOperator.SHAPE or fixed.issuperset(_read(item)):
            graph.operators.remove(item)
            fixed.update(item.outputs)
            for index in item.outputs:
                _store(content, graph.tensors[index], running.get_tensor(index))
        else:
            for index in item.outputs:
                graph.tensors[index].shape = list(running.get_tensor(index).shape)
    _name(graph, set(reserved))


def _kind(content: Any, item: Any) -> int:
    code = content.operatorCodes[item.opcodeIndex]
    return int(max(code.builtinCode, code.deprecatedBuiltinCode))


def _read(item: Any) -> list[int]:
    return [index for index in item.inputs if index >= 0]  # -1 stands for an input that is left out


def _is_constant(content: Any, tensor: Any) -> bool:
    data = content.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


def _store(content: Any, tensor: Any, value: Any) -> None:
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(np.ascontiguousarray(value).tobytes(), np.uint8)
    content.buffers.append(buffer)
    tensor.buffer, tensor.shape = len(content.buffers) - 1, list(value.shape)


def _name(graph: Any, taken: set[bytes]) -> None:
    """The quantizer finds a tensor by its name, and spaces stand between names in ranges.csv."""
    for index, tensor in enumerate(graph.tensors):
        name = b"_".join((tensor.name or b"").split()) or b"tensor"
        tensor.name = name if name not in taken else b"%s_%d" % (name, index)
        taken.add(tensor.name)
