"""Prepare the splits that a training reads, lazily, as the model expects them."""

from edgebake.data.dataset import Examples
from edgebake.data.preprocessed import PreparedInput
from edgebake.tasks.contract import Contract
from edgebake.tasks.task import load_task
from edgebake.training.loop import TrainingSplits


def training_splits(
    train: Examples, validation: Examples, model_contract: Contract
) -> TrainingSplits:
    """Return the inputs of both splits as the contract says, and their labels."""
    spec = model_contract.single_input
    return TrainingSplits(
        PreparedInput(train.inputs, spec),
        train.labels,
        PreparedInput(validation.inputs, spec),
        validation.labels,
        load_task(model_contract.task),
    )
