"""The models to quantize: trained by the train stage and cached, or saved .keras files."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

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

TARGET = "pixel_8"  # for its words of data, model and train alone


@dataclass(frozen=True)
class Subject:
    """A trained model with preprocessed calibration and test splits, float32 [n, h, w, c]."""

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


def trained(architecture: str, cache: Path, examples: int, epochs: int | None = None) -> Subject:
    """Return an architecture trained on digits by its recipe, on one thread.

    The cache holds what was trained before; `epochs` replaces those of the recipe.
    """
    overrides = [] if epochs is None else [f"train.epochs={epochs}"]
    composed = _composed(f"model={architecture}", *overrides)
    output = _trained(composed, cache / "-".join(["digits", architecture, *overrides]))
    agreed = contract.from_json((output / "contract.json").read_text())
    archive = (output / "model.keras").read_bytes()
    return _subject((architecture, examples), archive, agreed, composed.recipe.data)


def _trained(composed: Target, folder: Path) -> Path:
    """Return the output of train, after running data and train in a folder where it is not yet."""
    plan = variants.merge(compose.compose_release(), [composed])
    (variant,) = plan["train"]
    plan["train"][variant]["threads"] = 1
    output = artifacts.folder("train", variant)
    if not (folder / output).is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.chdir(folder):
            _run("data", data.run, plan["data"])
            _run("train", train.run, plan["train"])
    return folder / output


def _run(stage: str, run: Callable[[Job[Any]], str], variants: dict[str, Any]) -> None:
    """Run the variants of a stage in this process and in artifacts/ of the current folder."""
    for variant, content in variants.items():
        params = stage_params.parse(stage, variant, content)
        with artifacts.publish(artifacts.folder(stage, variant)) as out:
            run(Job(variant, params, out, Console(stderr=True)))


def given(model: Path, images: Path, examples: int) -> Subject:
    """Return a saved model of one image in, one number per class out, beside a folder of images.

    Its pixels are scaled as recipes/data/image_folder.yaml says, to -1 to 1.
    """
    archive = model.read_bytes()
    _, height, width, channels = keras_session.load(archive).inputs[0].shape
    color = "grayscale" if channels == 1 else "rgb"
    words = _composed("data=image_folder", f"data.path='{images}'", f"data.color={color}").recipe
    classes = sorted(
        path.name for path in images.iterdir() if path.is_dir() and not path.name.startswith(".")
    )
    agreed = replace(
        contract.from_recipe(words.data, words.model, classes), height=height, width=width
    )
    return _subject((model.stem, examples), archive, agreed, words.data)


def _composed(*overrides: str) -> Target:
    return compose.compose_targets([TARGET], ["quantize=none", *overrides])[0]


def _subject(named: tuple[str, int], archive: bytes, agreed: Contract, words: Data) -> Subject:
    everything: Examples = plugins.load("data.source", words.source).load(words)
    held, test = (take_split(everything, words, name) for name in ("calibration", "test"))
    images, model = agreed.preprocess(test.images), keras_session.load(archive)
    answers = np.asarray(model.predict(images, verbose=0))
    name, examples = named
    loading = min(_seconds_to_load(archive) for _ in range(3))
    held_images = agreed.preprocess(held.images)
    return Subject(
        name, archive, model, agreed, held_images, images, test.labels, answers, examples, loading
    )


def _seconds_to_load(archive: bytes) -> float:
    start = time.perf_counter()
    keras_session.load(archive)
    return time.perf_counter() - start
