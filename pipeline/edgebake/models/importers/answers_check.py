"""Compare the model that an importer made with the file's own: both answer images of noise alike.

A SavedModel, an ONNX file and a .tflite say themselves what they answer, through their runtimes. A
file of Keras does not: Keras, as it is installed, reads it, so what older versions computed
otherwise is decided by the tables of keras2_layers and keras3_layers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from edgebake.errors import ModelError
from edgebake.models.importers import output_check

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray

    from edgebake.tasks.contract import Contract

COLOR = re.compile("\x1b\\[[0-9;]*m")
FUNCTION_NODE = re.compile(r"^\{\{[^}]*\}\}")  # TensorFlow's name of the place
TOLERANCE = 1e-4  # of the largest answer, or of 1


def answers(model: keras.Model, contract: Contract, file: str) -> NDArray[np.float32]:
    """Return the answers of a Keras model to images of noise, float32 [n, ...].

    Raises:
        ModelError: Keras cannot run it, or an answer is not finite.
    """
    images = output_check.noise_images(contract)
    try:
        values = np.asarray(model(images, training=False))
    # Keras raises any exception that its layers raise, and these depend on the file.
    except Exception as error:
        raise ModelError(
            f"{file}: Keras cannot run it on images of {contract.image.height} x "
            f"{contract.image.width} ({first_line(error)}); expected a model that "
            "TensorFlow runs on this processor"
        ) from None
    if not np.isfinite(values).all():
        raise ModelError(
            f"{file}: its answers to images of noise are not finite; expected finite numbers. "
            "Are data.mean and data.scale those of the model?"
        )
    return values


def check_equal(answers: NDArray[np.float32], expected: NDArray[np.float32], file: str) -> None:
    """Refuse answers [n, ...] to images of noise that are not the expected ones.

    Raises:
        ModelError: they differ; the message says by how much.
    """
    expected = expected.reshape(len(expected), -1)
    answers = answers.reshape(len(answers), -1)
    if answers.shape == expected.shape:
        largest = max(1.0, float(np.abs(expected).max()))
        gap = float(np.abs(answers - expected).max())
        if gap <= TOLERANCE * largest:
            return
        problem = f"differ by {gap:.3g} from those of the file"
    else:
        problem = f"are {answers.shape[1]} numbers, and those of the file {expected.shape[1]}"
    raise ModelError(
        f"{file}: the answers of the imported model {problem}, on images of noise; expected equal "
        "ones. Report the file, or save the model without layers that are random at inference"
    )


def first_line(error: Exception) -> str:
    """Return the first line of an error's message that says something, or its type."""
    text = COLOR.sub("", str(error))
    for line in text.splitlines():
        stripped = FUNCTION_NODE.sub("", line.strip()).strip()
        if stripped and not stripped.startswith("Exception encountered when calling"):
            return stripped[:200]
    return type(error).__name__
