"""What quantizing costs, layer by layer, and which layers are worth a higher precision.

Measured in LiteRT's own integer kernels, on examples that the caller picks; never on the test split.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgebake.runtimes import litert
from edgebake.runtimes.litert import quantizer, run
from edgebake.runtimes.litert.calibrated_model import CalibratedModel, Layer
from edgebake.runtimes.litert.quantizer import IntegerOptions
from edgebake.runtimes.session import Examples, predictions, single_output
from edgebake.tasks.outputs import classification


@dataclass(frozen=True)
class LabeledImages:
    """Examples as the model sees them, float32 [n, h, w, c], and their labels [n]."""

    images: Examples
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class LayerSensitivity:
    """What it costs to quantize one layer and no other."""

    layer: Layer
    signal_to_noise_db: float  # of the answers
    accuracy_lost: float  # against the float model, 0 to 1


@dataclass(frozen=True)
class Evaluation:
    """How good a program is."""

    accuracy: float
    probabilities: NDArray[np.float32]


def layer_sensitivities(
    program: CalibratedModel, asked: IntegerOptions, scored: LabeledImages
) -> list[LayerSensitivity]:
    """Return what each layer costs, the dearest first."""
    reference = _score(program.model, scored)
    found = [
        _cost(
            layer,
            reference,
            _score(
                quantizer.quantize_integers(program, replace(asked, only_tensors=[layer.tensor])),
                scored,
            ),
        )
        for layer in program.layers
    ]
    return sorted(found, key=lambda cost: (cost.signal_to_noise_db, -cost.accuracy_lost))


def accuracy(program: CalibratedModel, scored: LabeledImages) -> float:
    """Return the accuracy of the float program."""
    return _score(program.model, scored).accuracy


def fallback_layers(
    program: CalibratedModel, asked: IntegerOptions, scored: LabeledImages, floor: float
) -> list[Layer]:
    """Return the layers to keep out of int8 so that accuracy reaches a floor; all of them if nothing less does.

    The dearest are kept first, one more at a time; then each that turns out not to be needed is given back.
    """
    layers = [cost.layer for cost in layer_sensitivities(program, asked, scored)]

    def reaches(kept: Collection[Layer]) -> bool:
        wish = replace(asked, fallback_tensors=[layer.tensor for layer in kept])
        return _score(quantizer.quantize_integers(program, wish), scored).accuracy >= floor

    count = next((count for count in range(len(layers)) if reaches(layers[:count])), len(layers))
    kept = layers[:count]
    for layer in layers[:count][:-1] if count < len(layers) else []:
        rest = [one for one in kept if one is not layer]
        kept = rest if reaches(rest) else kept
    return kept


def _cost(layer: Layer, reference: Evaluation, found: Evaluation) -> LayerSensitivity:
    noise = float(np.square(reference.probabilities - found.probabilities).sum())
    signal = float(np.square(reference.probabilities).sum())
    decibels = 10 * np.log10(signal / noise) if noise else np.inf
    return LayerSensitivity(layer, float(decibels), reference.accuracy - found.accuracy)


def _score(model: bytes, scored: LabeledImages) -> Evaluation:
    found = single_output(predictions(run.load({litert.FILE: model}, 1), scored.images))
    return Evaluation(classification.accuracy(found, scored.labels), found)
