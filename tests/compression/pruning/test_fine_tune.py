"""Pruning steps share the epochs of fine-tuning."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebake.compression.pruning import fine_tune
from edgebake.recipe import FineTune, Prune


def of_epochs(epochs: int) -> FineTune:
    return FineTune(epochs=epochs, batch_size=16, learning_rate=0.25, seed=0, threads=1)


def test_parts_are_as_equal_as_whole_epochs_can_be() -> None:
    whole = of_epochs(5)
    parts = [fine_tune.step_options(whole, 2, step) for step in range(2)]
    assert parts == [replace(whole, epochs=2), replace(whole, epochs=3)]
    assert fine_tune.step_options(whole, 1, 0) == whole


@given(epochs=st.integers(1, 200), steps=st.integers(1, 20))
def test_together_they_have_all_epochs(epochs: int, steps: int) -> None:
    whole = of_epochs(epochs)
    parts = [fine_tune.step_options(whole, steps, step).epochs for step in range(steps)]
    assert sum(parts) == epochs
    assert max(parts) - min(parts) <= 1


def test_epochs_of_a_step_count_on_from_those_before_it() -> None:
    before = [{"epoch": 1.0, "loss": 0.5}, {"epoch": 2.0, "loss": 0.25}]
    rows = [{"epoch": 1.0, "loss": 0.75}]
    assert fine_tune.numbered_after(before, rows) == [{"epoch": 3.0, "loss": 0.75}]
    assert rows == [{"epoch": 1.0, "loss": 0.75}]


def test_a_recipe_without_fine_tuning_has_no_options() -> None:
    with pytest.raises(ValueError, match=r"^none without fine-tuning$"):
        fine_tune.options(Prune(method="none"))
