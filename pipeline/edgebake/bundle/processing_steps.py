"""Pre- and postprocessing of a target as a list of steps, which an app runs in order.

docs/guides/use_a_bundle.md defines every step, down to how it rounds.
"""

from edgebake.bundle.manifest_types import Step, TensorEntry
from edgebake.recipe import Crop, Package, Resize
from edgebake.recipe.lineage import Section
from edgebake.runtimes.session import IMAGE
from edgebake.tasks.contract import Contract

CORE_ML_SIZES = ("resolutions", "resolution_range")


def preprocessing(contract: Contract, tensor: TensorEntry, convert_params: Section) -> list[Step]:
    """Return the steps from an image to the model's input.

    A model whose input is an image, as in Core ML, normalizes inside: it has no further steps.

    Args:
        contract: input and output of the model.
        tensor: the input tensor, from inspection.json.
        convert_params: parameters of `convert` for this target.
    """
    steps = _image_steps(contract, convert_params)
    if tensor["dtype"] != IMAGE:
        steps += _tensor_steps(contract, tensor)
    return steps


def _image_steps(contract: Contract, convert_params: Section) -> list[Step]:
    """Return the steps that yield an image of the model's size."""
    steps: list[Step] = [{"step": "decode", "colour": contract.published_color}]
    if contract.short_side is not None:
        return steps + _short_side_steps(contract, contract.short_side)
    if contract.crop == Crop.center.value:
        steps.append(
            {
                "step": "crop",
                "anchor": "center",
                "width_to_height": contract.width / contract.height,
            }
        )
    widens = _widens(contract)
    has_fixed_width = not widens and contract.resize != Resize.nearest.value
    resize: Step = {
        # Apps of earlier releases know only `resize`, and always widen: they refuse another name.
        "step": "interpolate" if has_fixed_width else "resize",
        "width": contract.width,
        "height": contract.height,
        "filter": contract.resize,
        "antialias": widens,
    }
    # A Core ML model may accept further sizes.
    core_ml_options = convert_params.get("coreml") or {}
    for key in CORE_ML_SIZES:
        if core_ml_options.get(key):
            resize[key] = core_ml_options[key]
    return [*steps, resize]


def _short_side_steps(contract: Contract, short_side: int) -> list[Step]:
    """Return the steps that keep the aspect ratio until the center is cut out."""
    resize: Step = {
        "step": "resize_short_side",
        "short_side": short_side,
        "filter": contract.resize,
        "antialias": _widens(contract),
    }
    crop: Step = {"step": "center_crop", "width": contract.width, "height": contract.height}
    return [resize, crop]


def _widens(contract: Contract) -> bool:
    """Return whether the filter widens when an image shrinks; `nearest` never does."""
    return contract.antialias and contract.resize != Resize.nearest.value


def _tensor_steps(contract: Contract, tensor: TensorEntry) -> list[Step]:
    """Return the steps from pixels to the stored values of the input tensor."""
    steps: list[Step] = [
        {
            "step": "normalize",
            "mean": _scalar_or_channels(contract.mean),
            "scale": _scalar_or_channels(contract.scale),
        }
    ]
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


def _scalar_or_channels(values: list[float]) -> float | list[float]:
    """Return a single value as a scalar: apps of earlier releases read no list."""
    return values[0] if len(values) == 1 else values


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
