"""The mel matrix: triangles of height 1 on the scale of HTK."""

import numpy as np
import pytest

from edgebake.tasks.inputs.audio.mel import empty_bands, mel_matrix


def test_triangles_overlap_and_add_up_to_one_between_the_first_and_last_center() -> None:
    matrix = mel_matrix(16000, fft=512, bands=40, lowest_hz=20, highest_hz=7600)
    assert matrix.shape == (257, 40)
    assert matrix.dtype == np.float32
    sums = matrix.sum(axis=1)
    assert sums[4:200] == pytest.approx(np.ones(196), abs=1e-6)
    assert not empty_bands(matrix)


def test_a_frequency_at_the_center_of_a_band_counts_once() -> None:
    # 1000 Hz is bin 1 of 2; 1127 ln(1 + 1000 / 700) = 999.99 mel lies in the middle of 0 to 1999.97
    # mel, and 700 (exp(1999.97 / 1127) - 1) = 3428.57 Hz.
    matrix = mel_matrix(2000, fft=2, bands=1, lowest_hz=0, highest_hz=3428.5714)
    assert matrix.tolist() == [[0], [pytest.approx(1, abs=1e-6)]]


def test_bands_below_the_distance_of_bins_are_empty() -> None:
    matrix = mel_matrix(16000, fft=512, bands=40, lowest_hz=20, highest_hz=600)
    assert empty_bands(matrix)
