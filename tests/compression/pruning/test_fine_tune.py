"""Pruning steps share the epochs of fine-tuning."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from edgebake.compression.pruning import fine_tune
from edgebake.recipe import FineTune, Prune


def words(epochs: int, steps: int | None) -> Prune:
    learn = FineTune(epochs=epochs, batch_size=16, learning_rate=0.25, seed=0, threads=1)
    return Prune(method="channels", steps=steps, fine_tune=learn)


def test_parts_are_as_equal_as_whole_epochs_can_be() -> None:
    whole = words(5, None).fine_tune
    assert whole is not None
    parts = [fine_tune.step_options(words(5, 2), number) for number in range(2)]
    assert parts == [replace(whole, epochs=2), replace(whole, epochs=3)]
    assert fine_tune.step_options(words(5, None), 0) == whole


@given(epochs=st.integers(1, 200), steps=st.integers(1, 20))
def test_together_they_have_all_epochs(epochs: int, steps: int) -> None:
    parts = [fine_tune.step_options(words(epochs, steps), number).epochs for number in range(steps)]
    assert sum(parts) == epochs
    assert max(parts) - min(parts) <= 1
