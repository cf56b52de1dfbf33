"""The test of the calibration error, from its resamples and the answers in examples.csv."""

from collections.abc import Sequence

from edgebake.evaluation.gates.metric_tests import LossTest
from edgebake.evaluation.gates.right_answers import Row, is_right
from edgebake.evaluation.statistics.calibration import ResampledError


def calibration_test(error: float, resamples: Sequence[float], examples: Sequence[Row]) -> LossTest:
    """Return the test of a calibration error against a ceiling."""
    n = len(examples)
    right = sum(is_right(row) for row in examples)
    resampled = ResampledError(error, resamples, n - right, n)
    return LossTest(resampled, n)
