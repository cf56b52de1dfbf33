"""Ranges are those of all examples, found by the executor."""

import numpy as np

from pipeline.runtimes.coreml.activations import Range, ranges
from tests.runtimes.coreml.programs import Image, files, op, real


def test_a_range_holds_every_example_and_not_the_last_alone() -> None:
    steps = [
        op("sub", {"x": "image", "y": 100.0}, centred=real(1, 1, 1, 2)),
        op("relu", {"x": "centred"}, rectified=real(1, 1, 1, 2)),
    ]
    package = files({"image": Image("GRAYSCALE", 1, 2)}, steps, ["rectified"])
    images = np.array([[[[10], [250]]], [[[90], [110]]]], np.uint8)
    assert ranges(package, images) == {
        "image": Range(10, 250),
        "centred": Range(-90, 150),
        "rectified": Range(0, 150),
    }
