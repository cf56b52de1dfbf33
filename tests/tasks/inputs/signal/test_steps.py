"""Steps of a signal, by hand: channels, windows and normalization."""

from typing import Any

import numpy as np
import pytest

from edgebake.tasks import preprocess
from edgebake.tasks.inputs.signal import INPUT

SIGNAL = {"step": "signal", "rate_hz": 50, "channels": ["x", "y"], "units": ["g", "g"]}
CLIP = {"step": "clip", "samples": 2, "hop": 1, "short": "refuse"}
NORMALIZE = {"step": "normalize", "mean": [1.0, -1.0], "scale": [2.0, 0.5]}


def run(samples: Any, *steps: dict[str, Any]) -> Any:
    return preprocess.run(steps, samples, {}, INPUT.steps)


def test_the_first_samples_are_normalized_channel_by_channel() -> None:
    tensor = run([[1.5, 0], [2, 3], [9, 9]], SIGNAL, CLIP, NORMALIZE)
    # 1.5 less 1, doubled; 0 plus 1, halved; and so on
    assert tensor.tolist() == [[1.0, 0.5], [2.0, 2.0]]
    assert tensor.dtype == np.float32


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([1.0, 2.0], r"signal of shape \[2\]; expected \[samples, 2\]"),
        ([[1.0, 2.0, 3.0]], r"signal of shape \[1, 3\]; expected \[samples, 2\]"),
        ([[1.0, np.nan]], "signal with a sample that is not finite; expected numbers"),
        ([[1.0, 2.0]], "signal of 1 samples; expected at least 2"),
    ],
)
def test_other_samples_are_refused(samples: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run(samples, SIGNAL, CLIP)


def test_other_ways_with_short_signals_are_refused() -> None:
    with pytest.raises(ValueError, match="short 'zeros_behind'; expected 'refuse'"):
        run([[1.0, 2.0]], {**CLIP, "short": "zeros_behind"})
