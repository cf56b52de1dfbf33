"""A trained Keras model in; the same model out, with weights, and ranges of activations, made for a coarse grid.

Reads and writes nothing. The caller has started Keras with a seed: the same input gives the same bytes.
"""

from dataclasses import dataclass
from typing import Any

from edgebake.compression.quantization.qat import activation_quantizer, rewrite, weight_quantizer
from edgebake.compression.quantization.qat.fold_model import fold_batch_norms
from edgebake.compression.quantization.qat.settings import QatSettings
from edgebake.models import keras_session
from edgebake.training.loop import History, TrainingOptions, TrainingSplits
from edgebake.training.loop import fit as fit_in_float


@dataclass(frozen=True)
class QatResult:
    """A .keras archive of plain layers whose float weights lie on their grid, and what was measured on the way.

    `ranges` holds, by the name of a layer of that model, its input layer too, the range of what the layer returns.
    """

    archive: bytes
    ranges: dict[str, tuple[float, float]]
    history: History


def train(archive: bytes, splits: TrainingSplits, settings: QatSettings) -> QatResult:
    """Train a model on while it computes as a runtime with coarse numbers will.

    Raises:
        ConversionError: the model cannot be rewritten for that.
    """
    folded = fold_batch_norms(keras_session.load(archive))
    model = rewrite.trainable(folded, settings)
    watch(model, splits, settings)
    history = fit(model, splits, settings)
    plain = rewrite.plain(model, folded)
    return QatResult(keras_session.save(plain), rewrite.trained_ranges(model), history)


def watch(model: Any, splits: TrainingSplits, settings: QatSettings) -> None:
    """Run the training images through the model once, so that every range starts from what it will see."""
    if not settings.activations:
        return
    _set(model, activation_quantizer.ActivationFakeQuant, is_watching=True)
    for start in range(0, len(splits.images), settings.batch_size):
        model(splits.images[start : start + settings.batch_size], training=False)
    _set(model, activation_quantizer.ActivationFakeQuant, is_watching=False)


def fit(model: Any, splits: TrainingSplits, settings: QatSettings) -> History:
    """Train a model of fake-quantized layers and return a row for each epoch."""
    return fit_in_float(
        model, splits, settings.words(), TrainingOptions([_freezer(model, settings.freeze_after)])
    )


def _freezer(model: Any, after: int) -> Any:
    """Return a callback that freezes statistics and ranges before the epoch `after`, counted from zero."""
    import keras

    def freeze(epoch: int, _: Any) -> None:
        if epoch == after:
            _set(
                model,
                (weight_quantizer.WeightFakeQuant, activation_quantizer.ActivationFakeQuant),
                is_frozen=True,
            )
            model.make_train_function(
                force=True
            )  # the function that was traced knows the old state

    return keras.callbacks.LambdaCallback(on_epoch_begin=freeze)


def _set(model: Any, kinds: Any, **state: bool) -> None:
    for layer in model.layers:
        if isinstance(layer, kinds):
            for name, value in state.items():
                setattr(layer, name, value)
