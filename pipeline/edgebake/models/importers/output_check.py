"""Check whether an imported model outputs probabilities or logits, by running it on noise."""

import numpy as np
from numpy.typing import NDArray

from edgebake.errors import ModelError
from edgebake.recipe import Output
from edgebake.tasks.contract import Contract

KEY = "model.imported.output"
IMAGES = 4
TOLERANCE = 1e-3  # of the sum of a row of probabilities; wide enough for float16 models


def noise_images(contract: Contract) -> NDArray[np.float32]:
    """Return preprocessed images of uniform noise, float32 [4, h, w, c]."""
    shape = (IMAGES, contract.height, contract.width, contract.channels)
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, shape, dtype=np.uint8)
    return contract.normalize(pixels)


def check_output(predictions: NDArray[np.float32], output: Output, file: str) -> None:
    """Refuse a model whose predictions [n, classes] are not what the recipe says they are.

    Raises:
        ModelError: they are logits where probabilities are expected, or the reverse.
    """
    row_sums = predictions.sum(axis=1)
    sum_to_one = np.allclose(row_sums, 1, atol=TOLERANCE)
    are_probabilities = sum_to_one and bool((predictions >= 0).all())
    if output is Output.logits and are_probabilities:
        raise ModelError(
            f"{file}: its outputs are probabilities already; expected {KEY}: probabilities"
        )
    if output is Output.probabilities and not are_probabilities:
        raise ModelError(
            f"{file}: its outputs range from {extremes(predictions)} and are no probabilities, "
            f"which sum to 1; expected {KEY}: logits"
        )


def extremes(predictions: NDArray[np.float32]) -> str:
    """Return the smallest and the largest of predictions [n, classes] as text: `-3.1 to 4.2`."""
    return f"{predictions.min():.3g} to {predictions.max():.3g}"
