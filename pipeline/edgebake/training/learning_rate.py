"""Learning rate schedules: warm-up and decay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgebake.recipe import Schedule, Train

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


def schedule(
    options: Train, steps_per_epoch: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Return the Keras schedule of a training: a linear warm-up, if there is one, then the decay.

    Args:
        options: initial learning rate, epochs, warm-up epochs and kind of decay.
        steps_per_epoch: number of batches in an epoch.
    """
    warmup_steps = options.warmup_epochs * steps_per_epoch
    decay_epochs = options.epochs - options.warmup_epochs
    decay_steps = decay_epochs * steps_per_epoch
    decay = _decay(options, decay_steps)
    if warmup_steps:
        return _with_warmup(decay, options.learning_rate, warmup_steps)
    return decay


def _decay(options: Train, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    import keras

    initial_rate = options.learning_rate
    if options.schedule is Schedule.cosine:
        return keras.optimizers.schedules.CosineDecay(initial_rate, steps)
    final_rate = initial_rate
    if options.schedule is Schedule.linear:
        final_rate = 0.0
    return keras.optimizers.schedules.PolynomialDecay(initial_rate, steps, final_rate)


def _with_warmup(
    decay: keras.optimizers.schedules.LearningRateSchedule, rate: float, warmup_steps: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Return a schedule that rises linearly from 0 to `rate`, then follows `decay`."""
    import keras

    class Warmup(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        """Linear warm-up followed by another schedule."""

        def __call__(self, step: tf.Tensor) -> tf.Tensor:
            """Return the learning rate at a step, counted from 0."""
            step = keras.ops.cast(step, "float32")
            rising = rate * step / warmup_steps
            decaying = decay(step - warmup_steps)
            return keras.ops.where(step < warmup_steps, rising, decaying)

        def get_config(self) -> dict[str, object]:
            """Return an empty configuration, as models are saved without their optimizer."""
            return {}

    return Warmup()
