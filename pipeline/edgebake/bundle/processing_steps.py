"""What an app does before and after the model, as data: steps in order, each with its numbers.

Reads and writes nothing. docs/bundle.md says what each step does, to the bit.
"""

from collections.abc import Iterator
from typing import Any

from edgebake.recipe import Crop, Package
from edgebake.runtimes.session import IMAGE
from edgebake.tasks.contract import Contract

Step = dict[str, Any]


def preprocessing(
    contract: Contract, tensor: dict[str, Any], convert: dict[str, Any]
) -> list[Step]:
    """Return the steps from an image to the model's input.

    Args:
        contract: of the model.
        tensor: its input, as inspection.json describes it.
        convert: the section that the file was converted by.
    """
    return [
        *_picture(contract, convert),
        *(() if tensor["dtype"] == IMAGE else _numbers(contract, tensor)),
    ]


def _picture(contract: Contract, convert: dict[str, Any]) -> Iterator[Step]:
    yield {"step": "decode", "colour": contract.colour}
    if contract.crop == Crop.center.value:
        yield {
            "step": "crop",
            "anchor": "center",
            "width_to_height": contract.width / contract.height,
        }
    words = convert.get("coreml") or {}
    yield {
        "step": "resize",
        "width": contract.width,
        "height": contract.height,
        "filter": contract.resize,
        "antialias": contract.resize != "nearest",
        # A Core ML program may take other sizes beside the model's own.
        **{word: words[word] for word in ("resolutions", "resolution_range") if words.get(word)},
    }


def _numbers(contract: Contract, tensor: dict[str, Any]) -> Iterator[Step]:
    """Yield what an app does to pixels; a Core ML program takes them as they are."""
    yield {
        "step": "normalize",
        "mean": _one_or_each(contract.mean),
        "scale": _one_or_each(contract.scale),
    }
    if tensor["scale"] is not None:
        yield {
            "step": "quantize",
            **{word: tensor[word] for word in ("dtype", "scale", "zero_point")},
        }
    yield {"step": "layout", "layout": tensor["layout"]}


def _one_or_each(numbers: list[float]) -> float | list[float]:
    """Return one number where it is for all channels: apps of earlier releases read no other."""
    return numbers[0] if len(numbers) == 1 else numbers


def postprocessing(tensor: dict[str, Any], package: Package, labels: str) -> list[Step]:
    """Return the steps from the model's output to answers.

    Args:
        tensor: the output, as inspection.json describes it.
        package: the words of the recipe.
        labels: the path of the labels in the bundle.
    """
    top = {"step": "top_k", "k": package.top_k, "threshold": package.threshold, "labels": labels}
    if tensor["scale"] is None:
        return [top]
    return [
        {"step": "dequantize", "scale": tensor["scale"], "zero_point": tensor["zero_point"]},
        top,
    ]
