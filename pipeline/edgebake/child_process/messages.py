"""Encode values as JSON and raw bytes, so that decoding them runs no code.

None, truth values, numbers and texts are JSON. Everything else is a JSON list that begins with a
tag: `["list", ...]`, `["dict", [key, value], ...]`, `["float", "nan"]`, `["bytes", size]` and
`["array", dtype, shape]`, whose contents follow the JSON in the same order.
"""

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from edgebake.documents import strict_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_JSON = 16 * 1024**2  # bytes of the JSON of one message
# Arrays of other dtypes would hold Python objects.
DTYPES = frozenset(
    {"bool", "float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16"}
)


class MessageError(ValueError):
    """A message that is not what `encode` returns."""


def encode(value: object) -> tuple[bytes, list[bytes]]:
    """Return the JSON of a value, and the contents of its bytes and arrays.

    Raises:
        TypeError: the value holds an object of another type.
    """
    contents: list[bytes] = []
    tree = _to_tree(value, contents)
    return json.dumps(tree).encode(), contents


def decode(document: bytes, content: memoryview) -> object:
    """Return the value of a JSON document and of the contents that follow it, as copies.

    Raises:
        MessageError: they do not belong together, or are no message.
    """
    try:
        tree = strict_json.parse(document, MAX_JSON)
        reader = _Reader(content)
        value = reader.value(tree)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise MessageError(f"{type(error).__name__}: {error}") from None
    if reader.position != len(content):
        raise MessageError(f"{len(content) - reader.position} bytes too many")
    return value


def _to_tree(value: object, contents: list[bytes]) -> object:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else ["float", str(value)]
    if isinstance(value, list | tuple):
        return ["list", *[_to_tree(child, contents) for child in value]]
    if isinstance(value, Mapping):
        pairs = []
        for key, child in value.items():
            pairs.append([_to_tree(key, contents), _to_tree(child, contents)])
        return ["dict", *pairs]
    if isinstance(value, bytes):
        contents.append(value)
        return ["bytes", len(value)]
    return _array_to_tree(value, contents)


def _array_to_tree(value: object, contents: list[bytes]) -> object:
    import numpy as np

    if not isinstance(value, np.ndarray) or value.dtype.name not in DTYPES:
        raise TypeError(f"a {type(value).__name__} cannot leave a child process")
    contents.append(value.tobytes())
    return ["array", value.dtype.name, list(value.shape)]


class _Reader:
    """Contents that are read from the front."""

    def __init__(self, content: memoryview) -> None:
        self._content = content
        self.position = 0

    def value(self, tree: object) -> Any:
        """Return the value of a node of the JSON."""
        if not isinstance(tree, list):
            if isinstance(tree, dict):
                raise MessageError("an object without a tag")
            return tree
        tag, *children = tree
        if tag == "list":
            return [self.value(child) for child in children]
        if tag == "dict":
            pairs = [self.value(["list", *pair]) for pair in children]
            return dict(pairs)
        if tag == "float":
            return float(children[0])
        if tag == "bytes":
            return bytes(self._take(children[0]))
        if tag == "array":
            return self._array(*children)
        raise MessageError(f"the tag {tag!r}")

    def _array(self, dtype: str, shape: list[int]) -> "NDArray[np.generic]":
        import numpy as np

        if dtype not in DTYPES or any(size < 0 for size in shape):
            raise MessageError(f"an array {dtype} {shape}")
        size = math.prod(shape) * np.dtype(dtype).itemsize
        flat = np.frombuffer(self._take(size), dtype)
        return flat.reshape(shape).copy()

    def _take(self, size: int) -> memoryview:
        taken = self._content[self.position : self.position + size]
        if size < 0 or len(taken) != size:
            raise MessageError(f"expected {size} bytes more")
        self.position += size
        return taken
