"""Steps from a text to the model's input, its bytes: the reference for every language.

Needs NumPy alone: the Python sample contains the text of this module.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Step = dict[str, Any]  # its name as `step`, and its parameters
Numbers = Mapping[str, NDArray[np.float32]]


def utf8(step: Step, text: str, _: Numbers) -> NDArray[np.uint8]:
    """Return the UTF-8 bytes of a text as it is, uint8 [n].

    Args:
        step: `normal_form` is `none`: normal forms differ between versions of Unicode.
        text: of any length.
        _: no numbers.

    Raises:
        ValueError: another normal form, or half of a surrogate pair, which UTF-8 cannot hold.
    """
    if step["normal_form"] != "none":
        raise ValueError(f"normal form {step['normal_form']!r}; expected 'none'")
    return np.frombuffer(text.encode("utf-8"), np.uint8)


def take_bytes(step: Step, values: NDArray[np.uint8], _: Numbers) -> NDArray[np.int32]:
    """Return the first bytes as ids of one length, int32 [length].

    A character may be cut in the middle.

    Args:
        step: `length`; `keep`: `first`; `plus`, which is added to every byte; `pad`, the id
            behind a shorter text.
        values: bytes, uint8 [n].
        _: no numbers.

    Raises:
        ValueError: other bytes than the first are to be kept.
    """
    if step["keep"] != "first":
        raise ValueError(f"keep {step['keep']!r}; expected 'first'")
    length = step["length"]
    first = values[:length]
    ids = np.full(length, step["pad"], np.int32)
    count = len(first)
    ids[:count] = first
    ids[:count] += step["plus"]
    return ids


STEPS: dict[str, Callable[[Step, Any, Numbers], Any]] = {"utf8": utf8, "bytes": take_bytes}
