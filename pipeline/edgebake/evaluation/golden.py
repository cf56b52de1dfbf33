"""A few examples with the tensor and the answer that belong to them: what an app holds itself against on a device.

Made where the test split is read, and shipped with the bundle. Reads and writes nothing.
"""

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgebake.data.dataset import Examples
from edgebake.runtimes.session import Tensor
from edgebake.tasks.contract import Contract

FORMAT = "edgebake.golden/1"
EXAMPLES = 5
# Top-1 and top-2 lie so many tolerances apart: each may be one off, so that two would do; two more keep the order.
CLEAR = 4
# Two machines round (pixel - mean) * scale differently in the last bit of a float32.
ROUNDING = 1.01
# How far probabilities of one file lie apart on two sets of kernels. Measured with DS-CNN on the 540 digits of the test
# split, the largest: float32, of LiteRT and of ONNX Runtime, optimized or not, 0.000005; float16 to float32, 0.001;
# int8, XNNPACK to LiteRT's reference, 0.023. Deeper models add up more of it.
FLOAT32_KERNELS = 0.001
FLOAT16_KERNELS = 0.02
INTEGER_KERNELS = 0.04
STEPS = 4  # of a quantized output, where a step is large
DIGITS = 6  # of a probability: a thousandth of the smallest tolerance


@dataclass(frozen=True)
class File:
    """A converted file, as far as its answers go."""

    sha256: str
    platform: str
    inspection: dict[str, Any]  # what inspection.json holds
    contract: Contract


def make(file: File, examples: Examples, answers: NDArray[np.float32]) -> dict[str, Any]:
    """Return what golden.json holds; no examples where none of the answers is clear.

    Args:
        file: that gave the answers.
        examples: of the test split.
        answers: real probabilities [n, classes].
    """
    limits = tolerances(file)
    chosen = _chosen(examples, answers, limits["output"])
    return {
        "format": FORMAT,
        "sha256": file.sha256,
        "tolerances": limits,
        "examples": [_vector(file, examples, number, answers[number]) for number in chosen],
    }


def tolerances(file: File) -> dict[str, float]:
    """Return how far an app may be off, in real units: `tensor` for the model's input, `output` for probabilities."""
    return {"tensor": _of_tensor(file), "output": _of_output(file)}


def _of_tensor(file: File) -> float:
    """Return one pixel level: image libraries round the sums of a resize differently."""
    tensor = Tensor(**file.inspection["input"])
    if tensor.is_image:
        return 1.0
    level = max(file.contract.scale) * ROUNDING
    # What is one level off may also fall on the other side of a rounding.
    return level + tensor.scale if tensor.scale is not None else level


def _of_output(file: File) -> float:
    scale = file.inspection["output"]["scale"] or 0.0
    return max(_of_kernels(file), STEPS * scale)


def _of_kernels(file: File) -> float:
    dtypes = {dtype for one in file.inspection["operators"] for dtype in one["dtypes"]}
    if any("int" in dtype for dtype in dtypes):
        return INTEGER_KERNELS
    # GPUs of phones compute float32 files in float16.
    return (
        FLOAT32_KERNELS if file.platform == "linux" and dtypes == {"float32"} else FLOAT16_KERNELS
    )


def _chosen(examples: Examples, answers: NDArray[np.float32], tolerance: float) -> list[int]:
    """Return a few examples with clear answers, in their order: right ones first, of each class one, then another."""
    second, first = np.sort(answers, axis=1)[:, -2:].T
    classes = answers.argmax(axis=1)
    # A bundle is downloaded: of two pictures the smaller one.
    sizes = examples.areas
    clear = [
        number
        for number in range(len(answers))
        if first[number] - second[number] > CLEAR * tolerance
    ]
    clear.sort(
        key=lambda number: (classes[number] != examples.labels[number], sizes[number], number)
    )
    return sorted(islice(_in_turns(clear, classes), EXAMPLES))


def _in_turns(numbers: list[int], classes: NDArray[np.int64]) -> Iterator[int]:
    """Yield the first of each class, in their order, then the second of each, and so on."""
    seen: dict[int, int] = {}
    rounds = []
    for number in numbers:
        rounds.append((seen.setdefault(int(classes[number]), 0), number))
        seen[int(classes[number])] += 1
    yield from (number for _, number in sorted(rounds, key=lambda one: one[0]))


def _vector(
    file: File, examples: Examples, number: int, answer: NDArray[np.float32]
) -> dict[str, Any]:
    image = examples.images[number]
    return {
        "image": _text(_png(image)),
        "tensor": _tensor(file, image),
        "output": [round(float(probability), DIGITS) for probability in answer],
        "label": examples.classes[examples.labels[number]],
    }


def _tensor(file: File, image: NDArray[np.uint8]) -> dict[str, Any]:
    """Return the input that the file takes for an image."""
    tensor = Tensor(**file.inspection["input"])
    pixels = file.contract.resized([image])
    stored = pixels if tensor.is_image else tensor.to_stored(file.contract.scaled(pixels))
    little = stored.astype(stored.dtype.newbyteorder("<"))
    return {
        "dtype": stored.dtype.name,
        "shape": list(stored.shape),
        "data": _text(little.tobytes()),
    }


def _png(image: NDArray[np.uint8]) -> bytes:
    written = io.BytesIO()
    # Stored, not deflated: those bytes depend on the zlib at hand.
    Image.fromarray(image).save(written, "PNG", compress_level=0)
    return written.getvalue()


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
