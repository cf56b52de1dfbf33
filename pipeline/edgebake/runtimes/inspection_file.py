"""Read inspection.json, which `convert` writes of a file."""

from collections.abc import Mapping
from typing import Any, Literal

from edgebake.runtimes.session import Tensor


def tensors(content: Mapping[str, Any], end: Literal["input", "output"]) -> list[Tensor]:
    """Return the inputs or outputs of a file, in the contract's order.

    Args:
        content: of inspection.json; a file with one input has it as `input`, others as `inputs`.
        end: of the model.
    """
    entries = content.get(f"{end}s") or [content[end]]
    return [Tensor(**entry) for entry in entries]
