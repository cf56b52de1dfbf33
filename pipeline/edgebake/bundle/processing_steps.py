"""Pre- and postprocessing of a target as a list of steps, which an app runs in order.

docs/guides/use_a_bundle.md defines every step, down to how it rounds.
"""

from edgebake.bundle.manifest_types import Step, TensorEntry
from edgebake.recipe import Package
from edgebake.recipe.lineage import Section
from edgebake.tasks.inputs.interface import load_input
from edgebake.tasks.tensors import ContractInput


def preprocessing(spec: ContractInput, tensor: TensorEntry, convert_params: Section) -> list[Step]:
    """Return the steps from an example to the model's input.

    A model that takes the cached form, as an image in Core ML, does the others inside.

    Args:
        spec: the contract's input.
        tensor: the input tensor, from inspection.json.
        convert_params: parameters of `convert` for this target.
    """
    kind = load_input(spec.kind)
    steps = kind.published(spec, convert_params)
    if kind.takes_raw(tensor["dtype"]):
        count = len(kind.steps_to_cache(spec))
        return steps[:count]
    return steps + _tensor_steps(tensor)


def _tensor_steps(tensor: TensorEntry) -> list[Step]:
    """Return the steps from real values to the stored values of the input tensor."""
    steps: list[Step] = []
    if tensor["scale"] is not None:
        steps.append(
            {
                "step": "quantize",
                "dtype": tensor["dtype"],
                "scale": tensor["scale"],
                "zero_point": tensor["zero_point"],
            }
        )
    return [*steps, {"step": "layout", "layout": tensor["layout"]}]


def postprocessing(tensor: TensorEntry, package: Package, labels_path: str) -> list[Step]:
    """Return the steps from the model's output to the predictions that an app shows.

    Args:
        tensor: the output tensor, from inspection.json.
        package: the recipe's `package` options.
        labels_path: path of the labels file in the bundle.
    """
    steps: list[Step] = []
    if tensor["scale"] is not None:
        steps.append(
            {"step": "dequantize", "scale": tensor["scale"], "zero_point": tensor["zero_point"]}
        )
    top_k: Step = {
        "step": "top_k",
        "k": package.top_k,
        "threshold": package.threshold,
        "labels": labels_path,
    }
    return [*steps, top_k]
