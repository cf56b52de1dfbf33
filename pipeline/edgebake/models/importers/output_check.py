"""What a finished graph answers to noise, compared with what the recipe says of its answers."""

import numpy as np
from numpy.typing import NDArray

from edgebake.errors import ModelError
from edgebake.recipe import Output
from edgebake.tasks.contract import Contract

KEY = "model.imported.output"
IMAGES = 4
TOLERANCE = 1e-3  # of the sum of a row, float16 models included


def noise_images(agreed: Contract) -> NDArray[np.float32]:
    """Return images of noise as the model sees them, float32 [4, h, w, c]."""
    shape = (IMAGES, agreed.height, agreed.width, agreed.channels)
    return agreed.scaled(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))


def check_output(answers: NDArray[np.float32], output: Output, file: str) -> None:
    """Hold answers [n, classes] against `model.imported.output`.

    Raises:
        ModelError: they are logits where probabilities are expected, or the other way round.
    """
    are_probabilities = bool(
        (answers >= 0).all() and np.allclose(answers.sum(axis=1), 1, atol=TOLERANCE)
    )
    if output is Output.logits and are_probabilities:
        raise ModelError(
            f"{file}: its answers are probabilities already; expected {KEY}: probabilities"
        )
    if output is Output.probabilities and not are_probabilities:
        raise ModelError(
            f"{file}: its answers reach {reach(answers)} and are no probabilities, which sum to 1; "
            f"expected {KEY}: logits"
        )


def reach(answers: NDArray[np.float32]) -> str:
    """Return the smallest and the largest as text."""
    return f"{answers.min():.3g} to {answers.max():.3g}"
