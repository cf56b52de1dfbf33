"""Preprocess the splits that a training reads, lazily, as the model expects them."""

from edgebake.data.dataset import Examples
from edgebake.data.preprocessed import PreprocessedImages
from edgebake.tasks.contract import Contract
from edgebake.training.loop import TrainingSplits


def training_splits(
    train: Examples, validation: Examples, model_contract: Contract
) -> TrainingSplits:
    """Return the images of both splits as the contract says, and their labels."""
    return TrainingSplits(
        PreprocessedImages(train.images, model_contract),
        train.labels,
        PreprocessedImages(validation.images, model_contract),
        validation.labels,
    )
