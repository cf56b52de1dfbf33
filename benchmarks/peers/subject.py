"""The models that are quantized: trained by the train stage and kept in a folder, or given as a .keras file."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from edgebake import plugins
from edgebake.data.dataset import Examples, split
from edgebake.models import keras_session
from edgebake.plan import compose
from edgebake.recipe import Data, Recipe
from edgebake.recipe.stage_params import TrainSection
from edgebake.stages import train
from edgebake.stages.job import Job
from edgebake.tasks import contract
from edgebake.tasks.contract import Contract

TARGET = "pixel_8"  # for its words of data, model and train alone


@dataclass(frozen=True)
class Subject:
    """A trained model with the calibration and the test split as it sees them, float32 [n, h, w, c]."""

    name: str
    archive: bytes
    model: Any  # the same, loaded
    agreed: Contract
    held: NDArray[np.float32]
    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    answers: NDArray[np.float32]  # of Keras on the test split
    examples: int  # at most so many are drawn
    loading: float  # seconds to load the archive, the fastest of a few

    def drawn(self, count: int, seed: int) -> NDArray[np.float32]:
        """Return examples of the calibration split, drawn as the quantize stage draws them."""
        order = np.random.default_rng(seed).permutation(len(self.held))
        return self.held[order[: min(count, self.examples)]]

    def calibration(self) -> NDArray[np.float32]:
        """Return the examples of recipes/quantize/int8.yaml, which all tools are calibrated on."""
        words = compose.option("quantize", "int8").calibration
        if words is None:
            raise ValueError("int8 without calibration")
        return self.drawn(words.examples, words.seed)


def trained(architecture: str, cache: Path, examples: int) -> Subject:
    """Return an architecture trained on digits by its recipe, on one thread; the folder is read where it holds it."""
    words = _composed(f"model={architecture}")
    section = TrainSection(**vars(words.train) | {"threads": 1}, data=words.data, model=words.model, tools={})
    folder = cache / f"digits-{architecture}"
    if not (folder / "metrics.json").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        train.run(Job(architecture, section, folder, Console(stderr=True)))
    agreed = contract.from_json((folder / "contract.json").read_text())
    return _subject((architecture, examples), (folder / "model.keras").read_bytes(), agreed, words.data)


def given(model: Path, images: Path, examples: int) -> Subject:
    """Return a saved model of one image in, one number per class out, beside a folder of images.

    Its pixels are scaled as recipes/data/image_folder.yaml says, to -1 to 1.
    """
    archive = model.read_bytes()
    _, height, width, channels = keras_session.load(archive).inputs[0].shape
    colour = "grey" if channels == 1 else "rgb"
    words = _composed("data=image_folder", f"data.path='{images}'", f"data.colour={colour}")
    classes = sorted(path.name for path in images.iterdir() if path.is_dir() and not path.name.startswith("."))
    agreed = replace(contract.make(words.data, words.model, classes), height=height, width=width)
    return _subject((model.stem, examples), archive, agreed, words.data)


def _composed(*overrides: str) -> Recipe:
    return compose.compose_targets([TARGET], ["quantize=none", *overrides])[0].recipe


def _subject(named: tuple[str, int], archive: bytes, agreed: Contract, data: Data) -> Subject:
    everything: Examples = plugins.load("data.source", data.source).load(data)
    held, test = (split(everything, data, word) for word in ("calibration", "test"))
    images, model = agreed.prepare(test.images), keras_session.load(archive)
    answers = np.asarray(model.predict(images, verbose=0))
    name, examples = named
    loading = min(_seconds_to_load(archive) for _ in range(3))
    held_images = agreed.prepare(held.images)
    return Subject(name, archive, model, agreed, held_images, images, test.labels, answers, examples, loading)


def _seconds_to_load(archive: bytes) -> float:
    start = time.perf_counter()
    keras_session.load(archive)
    return time.perf_counter() - start
