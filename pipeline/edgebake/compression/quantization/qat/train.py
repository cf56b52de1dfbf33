"""Quantization-aware training of a Keras model.

No file is read or written. The caller starts Keras with a seed: the same input gives the same
bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgebake.compression.quantization.qat import rewrite
from edgebake.compression.quantization.qat.activation_quantizer import ActivationFakeQuant
from edgebake.compression.quantization.qat.fold_model import fold_batch_norms
from edgebake.compression.quantization.qat.settings import QatSettings
from edgebake.compression.quantization.qat.weight_quantizer import WeightFakeQuant
from edgebake.models import keras_session
from edgebake.training import loop
from edgebake.training.loop import History, TrainingOptions, TrainingSplits

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class QatResult:
    """Archive of the trained model, with the trained ranges and the history of the training."""

    archive: bytes  # .keras, of plain layers whose float weights lie on their grid
    ranges: dict[str, tuple[float, float]]  # of a layer's output, or the input, by its name
    history: History


def train(archive: bytes, splits: TrainingSplits, settings: QatSettings) -> QatResult:
    """Fine-tune a model while it computes with quantized weights and activations.

    Raises:
        ConversionError: the model has layers that cannot be rewritten.
    """
    folded = fold_batch_norms(keras_session.load(archive))
    model = rewrite.to_trainable(folded, settings)
    initialize_ranges(model, splits, settings)
    history = fit(model, splits, settings)
    plain = rewrite.to_plain(model, folded)
    return QatResult(
        archive=keras_session.save(plain), ranges=rewrite.trained_ranges(model), history=history
    )


def initialize_ranges(model: keras.Model, splits: TrainingSplits, settings: QatSettings) -> None:
    """Run the training examples through the model once to initialize the activation ranges."""
    if not settings.quantize_activations:
        return
    _set_observing(model, is_observing=True)
    batch_size = settings.batch_size
    starts = range(0, len(splits.inputs), batch_size)
    for start in starts:
        batch = splits.inputs[start : start + batch_size]
        model(batch, training=False)
    _set_observing(model, is_observing=False)


def fit(model: keras.Model, splits: TrainingSplits, settings: QatSettings) -> History:
    """Train a model with quantized layers; return one row per epoch."""
    freeze = _freeze_callback(model, settings.freeze_after)
    options = TrainingOptions(callbacks=[freeze])
    return loop.fit(model, splits, settings.train_options(), options)


def _freeze_callback(model: keras.Model, freeze_after: int) -> keras.callbacks.Callback:
    """Return a callback that freezes statistics and ranges after that many epochs."""
    import keras

    def freeze(epoch: int, _: dict[str, float] | None) -> None:
        if epoch != freeze_after:
            return
        for layer in model.layers:
            if isinstance(layer, (WeightFakeQuant, ActivationFakeQuant)):
                layer.is_frozen = True
        # The traced function has the old state built in.
        model.make_train_function(force=True)

    return keras.callbacks.LambdaCallback(on_epoch_begin=freeze)


def _set_observing(model: keras.Model, is_observing: bool) -> None:
    for layer in model.layers:
        if isinstance(layer, ActivationFakeQuant):
            layer.is_observing = is_observing
