"""Histograms of activations."""

import numpy as np
import pytest

from edgebake.compression.quantization.histogram import BINS, ActivationHistogram


def _uniform(low: float, high: float) -> ActivationHistogram:
    ends = np.array([low]), np.array([high])
    return ActivationHistogram(*ends, *ends, np.ones(BINS, np.int64))


def test_edges_go_from_the_least_to_the_most() -> None:
    edges = _uniform(-1, 3).edges()
    assert (edges[0], edges[-1], len(edges)) == (-1, 3, 2049)


@pytest.mark.parametrize(("share", "value"), [(0, -1), (0.25, 0), (0.5, 1), (1, 3)])
def test_a_quantile_of_an_even_spread_is_its_share_of_the_way(share: float, value: float) -> None:
    assert _uniform(-1, 3).quantile(share) == pytest.approx(value)


def test_magnitudes_fold_the_negative_half_over() -> None:
    counts, width = _uniform(-2, 2).magnitudes()
    assert width == 2 / BINS
    assert counts.sum() == BINS
    # The bins of the signed histogram are twice as wide, so each center is met twice.
    assert set(counts[1::2]) | set(counts[::2]) == {0, 2}
