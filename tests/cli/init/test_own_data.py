"""Advice about a model of other classes than the data have can be followed."""

import pytest

from edgebake.cli.init import own_data
from edgebake.models.inspection.model_info import ModelInfo, TensorInfo


def info(model_format: str, container: str, classes: int) -> ModelInfo:
    return ModelInfo(
        format=model_format,
        container=container,
        producer="a test",
        file_size=1,
        inputs=(TensorInfo("image", (None, 8, 8, 3), "float32"),),
        outputs=(TensorInfo("answer", (None, classes), "float32"),),
        final_activation="softmax",
        parameters=1,
        operator_counts={},
    )


@pytest.mark.parametrize(
    ("model_format", "container", "outputs", "advice"),
    [
        (
            "keras",
            "HDF5",
            10,
            ": --labels with a file of 10 lines, or `--head new --train fine_tune` to train it for "
            "yours",
        ),
        ("keras", "HDF5", 2, ": `--head new --train fine_tune` to train it for yours"),
        ("keras", "SavedModel", 10, ": --labels with a file of 10 lines"),
        ("onnx", "ONNX, opset 17", 1, ": data of 2 classes"),
    ],
)
def test_only_what_is_possible_is_advised(
    model_format: str, container: str, outputs: int, advice: str
) -> None:
    model = info(model_format, container, outputs)
    assert own_data._class_advice(model, classes=3) == advice
