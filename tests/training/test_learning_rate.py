"""Learning rate schedules of 10 epochs of 4 steps, computed by hand."""

import pytest

from edgebake.models import keras_session
from edgebake.recipe import Schedule, Train
from edgebake.training import learning_rate


@pytest.mark.parametrize(
    ("schedule", "warmup", "at"),
    [
        (Schedule.cosine, 0, {0: 0.1, 20: 0.05, 40: 0.0}),
        (Schedule.linear, 0, {0: 0.1, 10: 0.075, 40: 0.0}),
        (Schedule.cosine, 2, {0: 0.0, 4: 0.05, 8: 0.1, 24: 0.05, 40: 0.0}),
        (Schedule.linear, 2, {0: 0.0, 4: 0.05, 8: 0.1, 24: 0.05, 40: 0.0}),
        (Schedule.constant, 0, {0: 0.1, 40: 0.1}),
        (Schedule.constant, 2, {0: 0.0, 4: 0.05, 8: 0.1, 40: 0.1}),
    ],
)
def test_the_rate_rises_and_falls(schedule: Schedule, warmup: int, at: dict[int, float]) -> None:
    keras_session.start(1)
    schedule_function = learning_rate.schedule(
        Train(10, 32, 0.1, 0, 1, schedule=schedule, warmup_epochs=warmup), 4
    )
    assert {step: float(schedule_function(step)) for step in at} == pytest.approx(at, abs=1e-6)
