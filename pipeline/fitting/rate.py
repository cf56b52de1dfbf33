"""The learning rate of every step."""

from typing import Any

from pipeline.recipe import Schedule, Train


def schedule(words: Train, steps: int) -> Any:
    """Return how the rate goes on, for Keras.

    Args:
        words: with the rate at the start, or after warming up, and how it falls.
        steps: in an epoch.
    """
    import keras  # noqa: PLC0415

    rate, rising = words.learning_rate, words.warmup_epochs * steps
    falling = (words.epochs - words.warmup_epochs) * steps
    if words.schedule is Schedule.constant and not rising:
        return rate
    if words.schedule is Schedule.cosine:
        if not rising:
            return keras.optimizers.schedules.CosineDecay(rate, falling)
        return keras.optimizers.schedules.CosineDecay(0.0, falling, warmup_target=rate, warmup_steps=rising)
    end = 0.0 if words.schedule is Schedule.linear else rate
    fall = keras.optimizers.schedules.PolynomialDecay(rate, falling, end)
    return _Warm(fall, rate, rising) if rising else fall


class _Warm:
    """Built on first use, since Keras is imported late."""

    def __new__(cls, fall: Any, rate: float, rising: int) -> Any:
        """Return a schedule that rises along a line and goes on as another."""
        import keras  # noqa: PLC0415

        class Warm(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
            """Rise along a line, then fall."""

            def __call__(self, step: Any) -> Any:
                """Return the rate of a step."""
                step = keras.ops.cast(step, "float32")
                return keras.ops.where(step < rising, rate * step / rising, fall(step - rising))

            def get_config(self) -> dict[str, Any]:
                """Return nothing: no model is saved with it."""
                return {}

        return Warm()
