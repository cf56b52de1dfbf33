"""The learning rate of every step."""

from typing import Any

from edgebake.recipe import Schedule, Train


def schedule(words: Train, steps: int) -> Any:
    """Return how the rate goes on, for Keras.

    Args:
        words: with the rate at the start, or after warming up, and how it falls.
        steps: in an epoch.
    """
    import keras

    rate, rising = words.learning_rate, words.warmup_epochs * steps
    falling = (words.epochs - words.warmup_epochs) * steps
    if words.schedule is Schedule.cosine:
        fall = keras.optimizers.schedules.CosineDecay(rate, falling)
    else:
        end = 0.0 if words.schedule is Schedule.linear else rate
        fall = keras.optimizers.schedules.PolynomialDecay(rate, falling, end)
    return _warmed(fall, rate, rising) if rising else fall


def _warmed(fall: Any, rate: float, rising: int) -> Any:
    """Return a schedule that rises along a line for some steps and goes on as another."""
    import keras

    class Warmed(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        """Rise, then fall."""

        def __call__(self, step: Any) -> Any:
            """Return the rate of a step."""
            step = keras.ops.cast(step, "float32")
            return keras.ops.where(step < rising, rate * step / rising, fall(step - rising))

        def get_config(self) -> dict[str, Any]:
            """Return nothing: no model is saved with it."""
            return {}

    return Warmed()
