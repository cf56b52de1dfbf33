"""Outputs that are neither probabilities nor logits are refused by what they sum to."""

import numpy as np
import pytest

from edgebake.errors import ModelError
from edgebake.models.importers import output_check
from edgebake.recipe import Output

SHARES = np.array([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8], [0.6, 0.4, 0.0]], np.float32)


@pytest.mark.parametrize("output", list(Output))
def test_percentages_are_neither_probabilities_nor_logits(output: Output) -> None:
    with pytest.raises(ModelError) as refused:
        output_check.check_output(100 * SHARES, output, "net.onnx")
    assert str(refused.value) == (
        "net.onnx: its outputs sum to 100 for every image, as probabilities times 100 would; "
        "expected a sum of 1: save the model without this factor"
    )


def test_probabilities_and_logits_pass() -> None:
    output_check.check_output(SHARES, Output.probabilities, "net.onnx")
    output_check.check_output(np.log(SHARES + 0.1), Output.logits, "net.onnx")
    output_check.check_output(10 * SHARES**2, Output.logits, "net.onnx")
    output_check.check_output(np.zeros((3, 4), np.float32), Output.logits, "net.onnx")
