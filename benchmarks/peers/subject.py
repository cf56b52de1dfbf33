"""The models to quantize: trained by the train stage and cached, or saved .keras files."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from edgebake import artifacts, plugins
from edgebake.data.dataset import Examples, take_split
from edgebake.models import keras_session
from edgebake.plan import compose, variants
from edgebake.plan.compose import Target
from edgebake.recipe import Data, stage_params
from edgebake.stages import data, train
from edgebake.stages.job import Job
from edgebake.tasks import contract
from edgebake.tasks.contract import Contract
from edgebake.tasks.options import ContractOptions

if TYPE_CHECKING:
    import keras

TARGET = "pixel_8"  # supplies the options of data, model and train
# Shares of the images of a saved model. Nothing is trained here, so that most are for the test.
SPLITS = {"train": 0.05, "calibration": 0.2, "validation": 0.05, "test": 0.7}

Params = TypeVar("Params")


@dataclass(frozen=True)
class Subject:
    """A trained model with preprocessed calibration and test splits, float32 [n, h, w, c]."""

    name: str
    archive: bytes
    model: keras.Model  # loaded from the archive
    contract: Contract
    calibration_images: NDArray[np.float32]
    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    predictions: NDArray[np.float32]  # of Keras on the test split, [n, classes]
    max_samples: int  # for calibration
    loading_seconds: float  # of the archive, the fastest of a few

    def draw_samples(self, count: int, seed: int) -> NDArray[np.float32]:
        """Return calibration samples [n, h, w, c], drawn as the quantize stage draws them."""
        order = np.random.default_rng(seed).permutation(len(self.calibration_images))
        drawn = order[: min(count, self.max_samples)]
        return self.calibration_images[drawn]

    def calibration_samples(self) -> NDArray[np.float32]:
        """Return the samples [n, h, w, c] of recipes/quantize/int8.yaml, which all tools use."""
        options = compose.option("quantize", "int8").calibration
        if options is None:
            raise ValueError("int8 without calibration")
        return self.draw_samples(options.samples, options.seed)


def train_on_digits(
    architecture: str, cache: Path, max_samples: int, epochs: int | None = None
) -> Subject:
    """Train an architecture on digits by its recipe, on one thread.

    Models in the cache are not trained again; `epochs` overrides the recipe.
    """
    overrides = []
    if epochs is not None:
        overrides.append(f"train.epochs={epochs}")
    target = _compose(f"model={architecture}", *overrides)
    output = _train(target, cache / "-".join(["digits", architecture, *overrides]))
    model_contract = contract.from_json((output / "contract.json").read_text())
    archive = (output / "model.keras").read_bytes()
    subject = _load_subject(archive, model_contract, target.recipe.data)
    return replace(subject, name=architecture, max_samples=max_samples)


def load_saved(model: Path, images: Path, max_samples: int) -> Subject:
    """Load a saved classifier of images, and a folder of images as its dataset.

    Its pixels are scaled to -1 to 1, the default of recipes/data/image_folder.yaml.
    """
    archive = model.read_bytes()
    _, height, width, channels = keras_session.load(archive).inputs[0].shape
    color = "rgb"
    if channels == 1:
        color = "grayscale"
    origin = [f"data.origin.{key}=unknown" for key in ("name", "author", "license", "source")]
    shares = [f"data.splits.{name}={share}" for name, share in SPLITS.items()]
    folder = f"data.path='{images}'"
    target = _compose("data=image_folder", folder, f"data.color={color}", *origin, *shares)
    recipe = target.recipe
    folders = [path for path in images.iterdir() if path.is_dir()]
    classes = sorted(path.name for path in folders if not path.name.startswith("."))
    model_contract = contract.from_recipe(
        ContractOptions(recipe.data, recipe.model, recipe.task), classes
    )
    image = replace(model_contract.image, height=height, width=width)
    model_contract = contract.image_classifier(image, model_contract.labels)
    subject = _load_subject(archive, model_contract, recipe.data)
    return replace(subject, name=model.stem, max_samples=max_samples)


def _train(target: Target, folder: Path) -> Path:
    """Run data and train in a folder unless it has their output; return that of train."""
    plan = variants.merge(compose.compose_release(), [target])
    (variant,) = plan["train"]
    plan["train"][variant]["threads"] = 1
    output = artifacts.folder("train", variant)
    if not (folder / output).is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.chdir(folder):
            _run("data", data.run, plan["data"])
            _run("train", train.run, plan["train"])
    return folder / output


def _run(
    stage: str, run: Callable[[Job[Params]], str], variant_params: dict[str, dict[str, object]]
) -> None:
    """Run the variants of a stage in this process; write artifacts/ of the current folder."""
    for variant, mapping in variant_params.items():
        params: Params = stage_params.parse(stage, variant, mapping)
        with artifacts.publish(artifacts.folder(stage, variant)) as out:
            run(Job(variant, params, out))


def _compose(*overrides: str) -> Target:
    return compose.compose_targets([TARGET], ["quantize=none", *overrides])[0]


def _load_subject(archive: bytes, model_contract: Contract, config: Data) -> Subject:
    """Load a model and its dataset; the caller sets the name and the number of samples."""
    examples: Examples = plugins.load("data.source", config.source).load(config)
    calibration = take_split(examples, config, "calibration")
    test = take_split(examples, config, "test")
    images = model_contract.image.preprocess(test.inputs)
    model = keras_session.load(archive)
    predictions = np.asarray(model.predict(images, verbose=0))
    loading_seconds = min(_seconds_to_load(archive) for _ in range(3))
    return Subject(
        name="",
        archive=archive,
        model=model,
        contract=model_contract,
        calibration_images=model_contract.image.preprocess(calibration.inputs),
        images=images,
        labels=test.labels,
        predictions=predictions,
        max_samples=0,
        loading_seconds=loading_seconds,
    )


def _seconds_to_load(archive: bytes) -> float:
    start = time.perf_counter()
    keras_session.load(archive)
    return time.perf_counter() - start
