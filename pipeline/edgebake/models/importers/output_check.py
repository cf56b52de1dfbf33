"""Check whether an imported model outputs probabilities or logits, by running it on noise."""

import numpy as np
from numpy.typing import NDArray

from edgebake.errors import ModelError
from edgebake.recipe import Output
from edgebake.tasks.contract import Contract

KEY = "model.imported.output"
LINEAR = "linear"  # the activation of a layer that has none
IMAGES = 4
# Of the sum of outputs that are not negative: above, they are no probabilities, but may be some
# times a constant.
SMALLEST_SCALE = 1.5
TOLERANCE = 1e-3  # of the sum of a row of probabilities; wide enough for float16 models


def noise_images(contract: Contract) -> NDArray[np.float32]:
    """Return preprocessed images of uniform noise, float32 [4, h, w, c]."""
    shape = (IMAGES, contract.image.height, contract.image.width, contract.image.channels)
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, shape, dtype=np.uint8)
    return contract.image.normalize(pixels)


def check_output(predictions: NDArray[np.float32], output: Output, file: str) -> None:
    """Refuse a model whose predictions [n, classes] are not what the recipe says they are.

    Raises:
        ModelError: they are logits where probabilities are expected, or the reverse.
    """
    row_sums = predictions.sum(axis=1)
    total = float(row_sums[0])
    is_scaled = total > SMALLEST_SCALE and np.allclose(row_sums, total, rtol=TOLERANCE)
    if is_scaled and bool((predictions >= 0).all()):
        raise ModelError(
            f"{file}: its outputs sum to {total:g} for every image, as probabilities times "
            f"{total:g} would; expected a sum of 1: save the model without this factor"
        )
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


def check_single_output(
    predictions: NDArray[np.float32], output: Output, activation: str | None, file: str
) -> None:
    """Refuse a model of one output [n, 1] that is not the probability or logit of a class.

    Args:
        predictions: answers to images of noise.
        output: what the recipe says that they are.
        activation: of the last layer: `sigmoid`, `softmax`, another, or None if it is not known.
        file: its name in messages.

    Raises:
        ModelError: it is a softmax, which is always 1, or the recipe says the other of the two.
    """
    if activation == "softmax":
        raise ModelError(
            f"{file}: its last layer is a softmax of one output, which is always 1; expected a "
            "sigmoid, or two outputs"
        )
    is_logit = output is Output.logits
    is_within_bounds = bool(((predictions >= 0) & (predictions <= 1)).all())
    if not is_logit and not is_within_bounds:
        raise ModelError(
            f"{file}: its outputs range from {extremes(predictions)}, not 0 to 1; "
            f"expected {KEY}: logits"
        )
    if not is_logit and activation == LINEAR:
        raise ModelError(
            f"{file}: its last layer has no sigmoid, so its output is no probability; "
            f"expected {KEY}: logits"
        )
    if is_logit and activation == "sigmoid":
        raise ModelError(
            f"{file}: its outputs are probabilities already; expected {KEY}: probabilities"
        )


def probabilities(outputs: NDArray[np.float32], output: Output) -> NDArray[np.float64]:
    """Return the probabilities [n, classes] that checked outputs [n, k] of a model stand for.

    A single output is that of the second of two classes.
    """
    values = outputs.astype(np.float64)
    if output is Output.logits:
        if values.shape[1] == 1:
            values = np.concatenate([np.zeros_like(values), values], axis=1)
        powers = np.exp(values - values.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))
    if values.shape[1] == 1:
        values = np.concatenate([1 - values, values], axis=1)
    return values


def extremes(predictions: NDArray[np.float32]) -> str:
    """Return the smallest and the largest of predictions [n, classes] as text: `-3.1 to 4.2`."""
    return f"{predictions.min():.3g} to {predictions.max():.3g}"
