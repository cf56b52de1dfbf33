"""Preprocessing of a target as lists of steps, which an app runs in order.

docs/reference/manifest.md defines every step, down to how it rounds.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import cast

from edgebake.bundle import numbers_file
from edgebake.bundle.manifest_types import InputEntry, Step, TensorEntry
from edgebake.recipe.lineage import Section
from edgebake.runtimes.session import Tensor
from edgebake.tasks.inputs.interface import load_input
from edgebake.tasks.tensors import ContractInput

NHWC = "NHWC"  # the layout of an image


def inputs(
    tensors: Sequence[tuple[ContractInput, Tensor]], convert_params: Section, variant: str
) -> list[InputEntry]:
    """Return the inputs of a target, as edgebake.manifest/2 has them.

    Args:
        tensors: the contract's inputs, and the file's tensors for them.
        convert_params: parameters of `convert` for this target.
        variant: name of the converted file.
    """
    entries: list[InputEntry] = []
    for spec, file_tensor in tensors:
        tensor = cast("TensorEntry", asdict(file_tensor))
        steps = preprocessing(spec, tensor, convert_params)
        entries.append(
            {
                "name": spec.name,
                "kind": spec.kind,
                "tensor": tensor,
                "raw": {"form": load_input(spec.kind).raw_form},
                "preprocessing": [numbers_file.name_file(step, variant, spec) for step in steps],
            }
        )
    return entries


def preprocessing(spec: ContractInput, tensor: TensorEntry, convert_params: Section) -> list[Step]:
    """Return the steps from an example to the stored values of the input tensor.

    A model whose input is an image, as in Core ML, normalizes inside: it has no further steps.
    """
    kind = load_input(spec.kind)
    steps = kind.published(spec, convert_params)
    if kind.takes_raw(tensor["dtype"]):
        cached = kind.steps_to_cache(spec)
        return steps[: len(cached)]
    if tensor["scale"] is not None:
        steps.append(
            {
                "step": "quantize",
                "dtype": tensor["dtype"],
                "scale": tensor["scale"],
                "zero_point": tensor["zero_point"],
            }
        )
    if tensor["layout"] == NHWC:
        steps.append({"step": "layout", "layout": NHWC})
    return steps
