"""Rates of wrong verdicts of relative parity on simulated pairs of files of known excess."""

import pytest

from benchmarks.parity import FLOAT16, INT8, INT8_EXCESS, Pair, broken, rounding, simulate


def test_int8_of_a_75_percent_model_passes_though_it_misses_the_floor() -> None:
    # Each file agrees with its float parent on 94.8 %, the files with each other on 96.6 %.
    rates = simulate(Pair("int8", INT8), 1000, 40)
    assert rates.passes >= 0.95
    assert rates.floor_passes == 0


def test_a_file_that_is_broken_on_one_example_in_ten_never_passes() -> None:
    for shares in (FLOAT16, INT8):
        rates = simulate(Pair("broken", broken(shares, 0.1)), 200, 100)
        assert rates.passes == 0
        assert rates.fails >= 0.5


def test_a_pair_at_the_margin_passes_at_most_once_in_twenty() -> None:
    pair = Pair("margin", broken(INT8, 0.02 - INT8_EXCESS))
    assert pair.excess == pytest.approx(0.02)
    rates = simulate(pair, 200, 300)
    assert rates.passes <= 0.05 + 3 * 0.0126  # three standard errors of 300 pairs


def test_files_as_far_from_each_other_as_from_their_parents_are_hardly_refused() -> None:
    rates = simulate(Pair("rounding", rounding(0.026, 0.026)), 200, 100)
    assert rates.fails <= 0.02
