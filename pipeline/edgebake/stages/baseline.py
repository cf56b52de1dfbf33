"""Train a model that a pruned one is compared with.

Reads train's output, and prune's for the pruned architecture; the train and validation splits.
Writes baseline.json and training.csv, which only the report reads.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgebake import artifacts
from edgebake.compression.pruning import baselines, layer_costs
from edgebake.compression.pruning.original_model import OriginalModel
from edgebake.data import dataset
from edgebake.models import keras_graph, keras_session
from edgebake.recipe import BaselineKind, stage_params
from edgebake.recipe.baseline import BaselineParams
from edgebake.stages.job import Job
from edgebake.tasks import contract
from edgebake.training import loop, preprocess

if TYPE_CHECKING:
    import keras

    from edgebake.compression.pruning.baselines import Baseline

NOT_SMALLER = "not trained: the pruned model computes as much as the original one"


def run(job: Job[BaselineParams]) -> str:
    """Train the baseline, and report its accuracy on the validation split."""
    params = job.params
    original_folder = artifacts.verify(artifacts.folder("train", params.train))
    source = artifacts.verify(Path(params.source))
    keras_session.start(params.fine_tune.threads, params.fine_tune.seed)
    original = _original_model(params, original_folder)
    baseline = _train(params, original, source)
    if baseline is None:
        job.write_json("baseline.json", {"kind": params.kind.value, "accuracy": None})
        job.write_text("training.csv", loop.history_csv([]))
        return NOT_SMALLER
    accuracy = loop.score(baseline.model, original.splits)
    job.write_json("baseline.json", {"kind": params.kind.value, "accuracy": accuracy})
    job.write_text("training.csv", loop.history_csv(baseline.history))
    return f"validation accuracy {accuracy:.4f}"


def _original_model(params: BaselineParams, folder: Path) -> OriginalModel:
    train = dataset.read_split(params.data, params.examples, "train")
    validation = dataset.read_split(params.data, params.examples, "validation")
    model_contract = contract.from_json((folder / "contract.json").read_text())
    return OriginalModel(
        archive=(folder / "model.keras").read_bytes(),
        # Read from train's own parameters: in an experiment too, the training of the model counts.
        train=stage_params.read("train", params.train),
        splits=preprocess.training_splits(train, validation, model_contract),
        contract=model_contract,
    )


def _train(params: BaselineParams, original: OriginalModel, source: Path) -> Baseline | None:
    """Return the trained baseline; None if training the pruned architecture saves no operation."""
    if params.kind is BaselineKind.parent_trained_on:
        return baselines.fine_tuned_original(original, params.fine_tune, params.steps or 1)
    archive = (source / "model.keras").read_bytes()
    pruned = keras_graph.functional(keras_session.load(archive))
    if _macs(pruned) >= _macs(original.load()):
        return None
    return baselines.from_scratch(pruned, original, params.fine_tune)


def _macs(model: keras.Model) -> int:
    return layer_costs.total(layer_costs.count(model), "macs")
