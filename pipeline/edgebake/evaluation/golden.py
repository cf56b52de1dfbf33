"""Golden vectors: a few examples with the input and output that a device has to reproduce.

They are made where the test split is read, and ship with the bundle. Reads and writes nothing.
"""

import base64
import io
from collections import Counter
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgebake.data.dataset import Examples
from edgebake.runtimes.session import Tensor
from edgebake.tasks.contract import Contract

FORMAT = "edgebake.golden/1"
EXAMPLES = 5
# The tolerances between the two highest probabilities. Each of the two may be off by one, so the
# order holds from two on; two more leave a margin.
MARGIN = 4
# Two machines round (pixel - mean) * scale differently in the last bit of a float32.
ROUNDING = 1.01
# Largest difference between the probabilities of one file on two sets of kernels. Measured with
# DS-CNN on the 540 digits of the test split: float32, LiteRT and ONNX Runtime, optimized or not,
# 0.000005; float16 and float32, 0.001; int8, XNNPACK and LiteRT's reference kernels, 0.023.
# Deeper models add up larger differences.
FLOAT32_KERNELS = 0.001
FLOAT16_KERNELS = 0.02
INTEGER_KERNELS = 0.04
STEPS = 4  # of a quantized output, where a step is large
DIGITS = 6  # of a probability: a thousandth of the smallest tolerance


class StoredTensor(TypedDict):
    """A tensor in golden.json: `data` is little-endian, in base64."""

    dtype: str
    shape: list[int]
    data: str


class GoldenVector(TypedDict):
    """One example in golden.json: `image` is a PNG in base64, `output` has a value per class."""

    name: str  # path below the dataset's folder, or the number of the example
    image: str
    tensor: StoredTensor
    output: list[float]
    label: str


@dataclass(frozen=True)
class ConvertedFile:
    """The properties of a converted file that its predictions depend on."""

    sha256: str
    platform: str
    inspection: dict[str, Any]  # content of inspection.json
    contract: Contract

    @property
    def input(self) -> Tensor:
        """Return the input tensor."""
        return Tensor(**self.inspection["input"])


def build_vectors(
    file: ConvertedFile, examples: Examples, predictions: NDArray[np.float32]
) -> dict[str, Any]:
    """Return the content of golden.json.

    It has no examples where the two highest probabilities of every prediction are close.

    Args:
        file: the file that made the predictions.
        examples: of the test split.
        predictions: probabilities, float32 [n, classes].
    """
    limits = tolerances(file)
    vectors = []
    for number in _select(examples, predictions, limits["output"]):
        vector = _vector(file, examples, number, predictions[number])
        vectors.append(vector)
    return {"format": FORMAT, "sha256": file.sha256, "tolerances": limits, "examples": vectors}


def tolerances(file: ConvertedFile) -> dict[str, float]:
    """Return how far a device may be off, in real units.

    `tensor` is for the model's input after preprocessing, `output` for probabilities.
    """
    return {"tensor": _input_tolerance(file), "output": _output_tolerance(file)}


def _input_tolerance(file: ConvertedFile) -> float:
    """Return one pixel level: image libraries round the sums of a resize differently."""
    tensor = file.input
    if tensor.is_image:
        return 1.0
    level = max(file.contract.image.scale) * ROUNDING
    if tensor.scale is None:
        return level
    # A value that is one level off may also be rounded to the next quantization step.
    return level + tensor.scale


def _output_tolerance(file: ConvertedFile) -> float:
    output = file.inspection["output"]
    scale = output["scale"] or 0.0
    return max(_kernel_tolerance(file), STEPS * scale)


def _kernel_tolerance(file: ConvertedFile) -> float:
    dtypes: set[str] = set()
    for operator in file.inspection["operators"]:
        dtypes.update(operator["dtypes"])
    if any("int" in dtype for dtype in dtypes):
        return INTEGER_KERNELS
    if file.platform == "linux" and dtypes == {"float32"}:
        return FLOAT32_KERNELS
    # GPUs of phones compute float32 files in float16.
    return FLOAT16_KERNELS


def _select(examples: Examples, predictions: NDArray[np.float32], tolerance: float) -> list[int]:
    """Return the numbers of a few examples with a clear margin, in ascending order.

    Correct predictions come before wrong ones, and small images before large ones because a bundle
    is downloaded; the classes take turns.
    """
    ascending = np.sort(predictions, axis=1)
    highest = ascending[:, -1]
    second_highest = ascending[:, -2]
    has_margin = highest - second_highest > MARGIN * tolerance
    classes = predictions.argmax(axis=1)
    is_wrong = classes != examples.labels

    def preference(number: int) -> tuple[bool, int, int]:
        return bool(is_wrong[number]), examples.areas[number], number

    candidates = np.flatnonzero(has_margin).tolist()
    candidates.sort(key=preference)
    in_turns = _take_turns(candidates, classes)
    return sorted(in_turns[:EXAMPLES])


def _take_turns(numbers: list[int], classes: NDArray[np.int64]) -> list[int]:
    """Return the first example of each class, then the second of each, and so on."""
    count_by_class: Counter[int] = Counter()
    turns: dict[int, int] = {}
    for number in numbers:
        predicted = int(classes[number])
        turns[number] = count_by_class[predicted]
        count_by_class[predicted] += 1
    return sorted(numbers, key=turns.__getitem__)


def _vector(
    file: ConvertedFile, examples: Examples, number: int, prediction: NDArray[np.float32]
) -> GoldenVector:
    image = examples.images[number]
    label = examples.labels[number]
    output = [round(float(probability), DIGITS) for probability in prediction]
    return {
        "name": examples.names[number],
        "image": _base64(_png(image)),
        "tensor": _stored_input(file, image),
        "output": output,
        "label": examples.classes[label],
    }


def _stored_input(file: ConvertedFile, image: NDArray[np.uint8]) -> StoredTensor:
    """Return the input tensor that the file takes for an image."""
    values = _input_values(file, image)
    little_endian = values.astype(values.dtype.newbyteorder("<"))
    return {
        "dtype": values.dtype.name,
        "shape": list(values.shape),
        "data": _base64(little_endian.tobytes()),
    }


def _input_values(file: ConvertedFile, image: NDArray[np.uint8]) -> NDArray[np.generic]:
    tensor = file.input
    pixels = file.contract.image.resize_images([image])
    if tensor.is_image:
        return pixels
    normalized = file.contract.image.normalize(pixels)
    return tensor.to_stored(normalized)


def _png(image: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    # Stored, not deflated: deflated bytes depend on the version of zlib.
    Image.fromarray(image).save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
