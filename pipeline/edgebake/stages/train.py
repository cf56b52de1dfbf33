"""Train a model, or import one.

Reads the train and validation splits, and the file of an imported model. Writes model.<format>, the
float reference in float/, contract.json, history.csv, metrics.json. Reads inputs of the test split,
without their labels, only where no float file answers as the model does.
"""

import functools
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgebake import artifacts, plugins
from edgebake.data import dataset
from edgebake.data.preprocessed import PreparedInput, PreparedInputs, prepare
from edgebake.evaluation import float_reference, reference_choice
from edgebake.evaluation.reference_choice import Candidate, Predict, SourceModel
from edgebake.models import importers, keras_session, recurrent_layers
from edgebake.models.importers import heads, limited
from edgebake.models.importers.limited import Importing
from edgebake.recipe import Head, Imported, typed_values
from edgebake.recipe.stage_params import TrainParams
from edgebake.runtimes import imported_session, session_process, source_check
from edgebake.runtimes.session import Examples, single_output
from edgebake.runtimes.session_process import SessionFile
from edgebake.stages.job import Job
from edgebake.tasks import contract
from edgebake.tasks.contract import Contract
from edgebake.tasks.options import ContractOptions
from edgebake.tasks.tensors import Ends, Outputs
from edgebake.training import loop, preprocess
from edgebake.training.checkpoint import Checkpoint
from edgebake.training.loop import History, TrainingOptions, TrainingSplits

if TYPE_CHECKING:
    import keras

# Keras' default of 0.99 needs thousands of steps to settle. A small dataset has some hundreds, and
# batch normalization folding would make the lag permanent.
BATCH_NORM_MOMENTUM = 0.9
CHECKPOINTS = artifacts.ROOT / ".checkpoints"
# By model format: the library that runs the source model, its distributions, and the runtime that
# runs an imported graph as it is.
SOURCE_LIBRARIES = {"keras": "Keras", "onnx": "ONNX Runtime", "tflite": "LiteRT"}
SOURCE_TOOLS = {
    "keras": ("keras", "tensorflow"),
    "onnx": ("onnxruntime",),
    "tflite": ("ai-edge-litert",),
}


@dataclass(frozen=True)
class TrainedModel:
    """A trained or imported model."""

    archive: bytes
    predict: Predict
    predictions: NDArray[np.float32]  # of the validation split, [n, ...]
    candidates: list[Candidate]  # of the float reference, the preferred one first
    history: History
    metrics: dict[str, float]


def run(job: Job[TrainParams]) -> str:
    """Train or import the model, and save it with its float reference."""
    params = job.params
    train = dataset.read_split(params.data, params.examples, "train")
    validation = dataset.read_split(params.data, params.examples, "validation")
    model_contract = contract.from_recipe(
        ContractOptions(params.data, params.model, params.task), train.classes
    )
    splits = preprocess.training_splits(train, validation, model_contract)
    imported = params.model.imported
    if imported is None or params.format == "keras":
        trained = _train(job, splits, model_contract)
    else:
        trained = _import_graph(params, imported, splits, model_contract)
    source = SourceModel(
        library=SOURCE_LIBRARIES[params.format],
        tools=SOURCE_TOOLS[params.format],
        predict=trained.predict,
        validation_inputs=_validation_inputs(splits),
        validation_predictions=trained.predictions,
        test_inputs=lambda: prepare(
            dataset.read_test_inputs(params.data, params.examples), model_contract
        ),
        task=splits.task,
    )
    reference = reference_choice.choose(source, trained.candidates)
    artifacts.write_files(job.out, {f"model.{params.format}": trained.archive, **reference})
    job.write_text("contract.json", model_contract.to_json())
    job.write_text("history.csv", loop.history_csv(trained.history))
    job.write_json("metrics.json", trained.metrics)
    return _line(trained.metrics) + _reference_note(job.out)


def _line(metrics: dict[str, float]) -> str:
    word, value = next(iter(metrics.items()))
    line = f"{word.replace('_', ' ')} {value:.4f}"
    if "parameters" in metrics:
        parameters = metrics["parameters"]
        line += f", {parameters:,} parameters"
    return line


def _reference_note(out: Path) -> str:
    """Return what the float reference is, unless it is the preferred one."""
    reference = float_reference.read(out)
    if not reference.refused:
        return ""
    return f"; float reference: {reference.describe()}"


def _train(job: Job[TrainParams], splits: TrainingSplits, model_contract: Contract) -> TrainedModel:
    params = job.params
    keras_session.start(params.threads, params.seed)
    model = _build_model(params, model_contract)
    history = []
    if params.epochs:
        history = _fit(model, splits, model_contract, job)
    archive = keras_session.save(model)

    def predict(inputs: Examples) -> NDArray[np.float32]:
        return loop.predictions(model, inputs)

    predictions = predict(_validation_inputs(splits))
    name = f"train {job.variant}: model.keras"
    outputs = _outputs(predictions, model_contract)
    _refuse_not_finite(name, ("keras", archive), outputs, splits)
    metrics = _metrics(outputs, splits)
    metrics["parameters"] = model.count_params()
    return TrainedModel(
        archive=archive,
        predict=predict,
        predictions=predictions,
        candidates=_candidates(params, model, model_contract.ends),
        history=history,
        metrics=metrics,
    )


def _build_model(params: TrainParams, model_contract: Contract) -> "keras.Model":
    """Return the untrained architecture, or the imported Keras model."""
    import keras

    options = params.model
    if options.imported is not None:
        archive = limited.load_archive(_importing(params, options.imported, model_contract))
        loaded = keras_session.load(archive)
        recurrent_layers.refuse_loops(loaded)
        return loaded
    architecture = plugins.load("model.architecture", options.architecture)
    model: keras.Model = architecture.build(options, model_contract)
    recurrent_layers.refuse_loops(model)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = BATCH_NORM_MOMENTUM
    return model


def _import_graph(
    params: TrainParams, imported: Imported, splits: TrainingSplits, model_contract: Contract
) -> TrainedModel:
    """Import a model that is no Keras model: it is measured, and cannot be trained."""
    archive = limited.load_archive(_importing(params, imported, model_contract))
    library = importers.LIBRARIES[params.format]
    graph = SessionFile(imported.file, library, imported_session.load, (params.format, archive))

    def predict(inputs: Examples) -> NDArray[np.float32]:
        return single_output(session_process.predictions(graph, inputs))

    predictions = predict(_validation_inputs(splits))
    outputs = _outputs(predictions, model_contract)
    _refuse_not_finite(imported.file, (params.format, archive), outputs, splits)
    (runtime,) = params.reference_runtime
    return TrainedModel(
        archive=archive,
        predict=predict,
        predictions=predictions,
        candidates=[Candidate(runtime, lambda: archive)],
        history=[],
        metrics=_metrics(outputs, splits),
    )


def _validation_inputs(splits: TrainingSplits) -> PreparedInputs:
    """Return the prepared inputs of the validation split by name."""
    inputs = splits.validation_inputs
    if not isinstance(inputs, PreparedInput):
        raise TypeError("an array; expected a prepared input")
    return PreparedInputs(inputs)


def _outputs(predictions: NDArray[np.float32], model_contract: Contract) -> Outputs:
    """Return predictions [n, ...] by the name of the only output."""
    (name,) = model_contract.ends.outputs
    return {name: predictions}


def _refuse_not_finite(
    name: str, model: tuple[str, bytes], outputs: Outputs, splits: TrainingSplits
) -> None:
    inputs = _validation_inputs(splits)
    source_check.refuse_not_finite(name, model, outputs, inputs)


def _candidates(params: TrainParams, model: "keras.Model", ends: Ends) -> list[Candidate]:
    converters = {"litert": _to_tflite, "onnxruntime": _to_onnx}
    candidates = []
    for runtime in params.reference_runtime:
        convert = functools.partial(converters[runtime], model, ends)
        candidates.append(Candidate(runtime, convert))
    return candidates


def _to_tflite(model: "keras.Model", ends: Ends) -> bytes:
    from edgebake.runtimes.litert import calibrated_model

    return calibrated_model.to_float_tflite(model, ends)


def _to_onnx(model: "keras.Model", ends: Ends) -> bytes:
    from edgebake.models.onnx import float_graph

    return float_graph.export_keras_file(model, ends)


def _importing(params: TrainParams, imported: Imported, model_contract: Contract) -> Importing:
    return Importing(model_contract, imported, params.threads, params.seed)


def _metrics(outputs: Outputs, splits: TrainingSplits) -> dict[str, float]:
    """Return the metrics of outputs for the validation split."""
    return splits.task.training_metrics(outputs, splits.validation_labels)


def _fit(
    model: "keras.Model", splits: TrainingSplits, model_contract: Contract, job: Job[TrainParams]
) -> History:
    file = CHECKPOINTS / f"train-{job.variant}.npz"
    checkpoint = Checkpoint(file, _checkpoint_key(job))
    params = _with_new_head(job.params)
    options = TrainingOptions(contract=model_contract, checkpoint=checkpoint)
    history = loop.fit(model, splits, params, options)
    checkpoint.remove()
    return history


def _with_new_head(params: TrainParams) -> TrainParams:
    """Add a new classification head to the layers that are trained."""
    imported = params.model.imported
    if imported is None or imported.head is not Head.new or params.layers == ["*"]:
        return params
    return replace(params, layers=[*params.layers, heads.LAYER])


def _checkpoint_key(job: Job[TrainParams]) -> str:
    """Return a digest of all inputs of the training."""
    params = job.params
    data = artifacts.folder("data", params.examples)
    examples = data / artifacts.SUMS
    files: set[str] = set()
    if params.model.imported:
        files = {params.file, params.weights}
    inputs = [
        typed_values.to_plain(params),
        examples.read_text(),
        [artifacts.sums_of(Path(file)) for file in sorted(files)],
    ]
    text = json.dumps(inputs, sort_keys=True)
    return artifacts.sha256(text.encode())
