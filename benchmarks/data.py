"""Measure speed and memory of image loading for training and validate, against a plain loop.

    python -m benchmarks.data [--counts 1000 10000 60000] [--photos 2000] [--turns 3]

Creates folders of PNGs of 32 x 32 pixels, and one of JPEGs of 1024 x 768, below a temporary folder.
Every measurement runs in a process of its own, and edgebake and the plain loop ("bare" in the
table) take turns. Rates are medians. Memory is the peak resident set of the process, less that
after its libraries were loaded.

- training: preprocessed batches of 32 from the training dataset, without a model. The plain loop is
  tf.data with TensorFlow's own decoder and antialiased resize, whose pixels are not bit-identical.
  `first` is the first epoch, `next` the second, in which the plain loop decodes again.
- validate: one image after the other, as validate passes them to a runtime. The plain loop opens,
  converts and resizes each file with Pillow.
- data: the work of the stage `data` on each image, once per build.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    import tensorflow

    from edgebake.data.dataset import Examples
    from edgebake.tasks.contract import Contract

CLASSES = 10
BATCH = 32
# Height and width of the images in the folders.
SMALL = (32, 32)
PHOTO = (768, 1024)
MODEL_SIZE = {SMALL: 32, PHOTO: 96}  # side of the preprocessed image in pixels
SIDES = ("edgebake", "bare")
USES = ("training", "validate")
COLUMNS = ("images", "size", "into", "images/s", "bare", "ratio", "MB more", "bare MB")

Figures = dict[str, float]  # images per second of each pass, and memory_mb


def main() -> None:
    """Create the folders, measure and print the table; with --case, measure one case."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--counts", type=int, nargs="+", default=[1000, 10000, 60000])
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--turns", type=int, default=3, help="processes of each side")
    # Used by `_measure_apart`: use, side, folder, side of the preprocessed image.
    parser.add_argument("--case", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        use, name, folder, pixels = arguments.case
        print(json.dumps(CASES[use, name](Path(folder), int(pixels))))
        return
    sizes = [(count, SMALL) for count in arguments.counts]
    sizes.append((arguments.photos, PHOTO))
    table = Table(*COLUMNS)
    with tempfile.TemporaryDirectory() as temporary:
        for count, (height, width) in sizes:
            images = Path(temporary) / f"{count}-{width}"
            _write_images(images, count, (height, width))
            for row in _rows(images, MODEL_SIZE[height, width], arguments.turns):
                table.add_row(f"{count:,}", f"{width} x {height}", *row)
    Console(width=120).print(table)


def _write_images(folder: Path, count: int, size: tuple[int, int]) -> None:
    """Write images that differ and compress as photos do: smooth gradients with some noise."""
    random = np.random.default_rng(0)
    height, width = size
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    suffix = "jpg"
    if size == SMALL:
        suffix = "png"
    for number in range(count):
        class_folder = folder / f"class_{number % CLASSES}"
        class_folder.mkdir(parents=True, exist_ok=True)
        channels = []
        for down, across in random.uniform(-0.3, 0.3, (3, 2)) * 32 / height:
            gradient = down * (rows - height / 2) * 8 + across * (columns - width / 2) * 8
            channels.append(128 + gradient)
        noise = random.normal(0, 6, (height, width, 1)).astype(np.float32)
        pixels = (np.stack(channels, -1) + noise).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(class_folder / f"{number:06}.{suffix}")


def _rows(folder: Path, side: int, turns: int) -> Iterable[tuple[str, ...]]:
    """Yield the cells of each use from its name to the memory of the plain loop."""
    for use in USES:
        measurements: dict[str, list[Figures]] = {name: [] for name in SIDES}
        for _ in range(turns):
            for name in SIDES:
                measurements[name].append(_measure_apart(use, name, folder, side))
        ours = _medians(measurements["edgebake"])
        bare = _medians(measurements["bare"])
        memory = (f"{ours.pop('memory_mb'):.0f}", f"{bare.pop('memory_mb'):.0f}")
        for name, rate in ours.items():
            ratio = f"{rate / bare[name]:.2f}"
            yield f"{use}, {name}", f"{rate:,.0f}", f"{bare[name]:,.0f}", ratio, *memory
    stage = _measure_apart("data", "edgebake", folder, side)
    yield "data", f"{stage['once']:,.0f}", "", "", f"{stage['memory_mb']:.0f}", ""


def _medians(measurements: list[Figures]) -> Figures:
    medians = {}
    for name in measurements[0]:
        medians[name] = median(figures[name] for figures in measurements)
    return medians


def _measure_apart(use: str, name: str, folder: Path, side: int) -> Figures:
    """Run one case in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.data", "--case", use, name, str(folder), str(side)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def _peak_memory() -> float:
    """Return the peak resident set of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def _measure(passes: dict[str, Callable[[], int]]) -> Figures:
    """Return images per second of each pass, and the growth of the process in MB."""
    before = _peak_memory()
    figures = {}
    for name, run in passes.items():
        start = time.perf_counter()
        count = run()
        figures[name] = count / (time.perf_counter() - start)
    figures["memory_mb"] = _peak_memory() - before
    return figures


def _load_examples(folder: Path) -> Examples:
    """Load a folder with edgebake's own data source."""
    from edgebake.data.sources import image_folder
    from edgebake.recipe import Color, Data, OnCorrupt, SplitBy, Splits

    config = Data(
        source="image_folder",
        path=str(folder),
        color=Color.rgb,
        splits=Splits(SplitBy.seed),
        seed=0,
    )
    config.on_corrupt = OnCorrupt.stop
    return image_folder.load(config)


def _contract(side: int, classes: list[str]) -> Contract:
    """Return the contract of a model for square images, scaled to -1 to 1."""
    from edgebake.tasks.contract import image_classifier
    from edgebake.tasks.inputs.image.spec import ImageSpec

    image = ImageSpec(side, side, "rgb", "none", "bilinear", mean=[127.5], scale=[1 / 127.5])
    return image_classifier(image, classes)


def _train(folder: Path, side: int) -> Figures:
    from edgebake.data.preprocessed import PreparedInput
    from edgebake.models import keras_session
    from edgebake.training import batches
    from edgebake.training.batches import TrainingSet

    keras_session.start(2)
    examples = _load_examples(folder)
    images = PreparedInput(examples.inputs, _contract(side, examples.classes).single_input)
    training_set = TrainingSet(images, examples.labels)

    def epoch(number: int) -> Callable[[], int]:
        order = batches.shuffled(len(examples.labels), 0, number)

        def run() -> int:
            dataset = batches.dataset(training_set, order, BATCH)
            return sum(len(batch) for batch, _ in dataset)

        return run

    epoch(0)  # loads what is loaded on first use
    list(batches.dataset(training_set, batches.shuffled(BATCH, 0, 0)[:1], 1))
    return _measure({"first": epoch(1), "next": epoch(2)})


def _bare_train(folder: Path, side: int) -> Figures:
    from edgebake.models import keras_session

    keras_session.start(2)
    import tensorflow as tf

    files = sorted(map(str, folder.rglob("*.*")))
    labels = [int(Path(file).parent.name.rpartition("_")[2]) for file in files]

    def read(
        file: tensorflow.Tensor, label: tensorflow.Tensor
    ) -> tuple[tensorflow.Tensor, tensorflow.Tensor]:
        pixels = tf.io.decode_image(tf.io.read_file(file), 3, expand_animations=False)
        resized = tf.image.resize(pixels, (side, side), antialias=True)
        return (resized - 127.5) / 127.5, label

    def epoch() -> int:
        order = np.random.default_rng(0).permutation(len(files))
        shuffled = [files[i] for i in order], [labels[i] for i in order]
        dataset = tf.data.Dataset.from_tensor_slices(shuffled)
        dataset = dataset.map(read, num_parallel_calls=2).batch(BATCH).prefetch(2)
        return sum(len(images) for images, _ in dataset)

    # Load what TensorFlow loads on first use.
    list(tf.data.Dataset.from_tensor_slices((files[:1], labels[:1])).map(read))
    return _measure({"first": epoch, "next": epoch})


def _validate(folder: Path, side: int) -> Figures:
    from edgebake.data.preprocessed import PreparedInput
    from edgebake.runtimes.session import READ_AT_ONCE

    examples = _load_examples(folder)
    images = PreparedInput(examples.inputs, _contract(side, examples.classes).single_input)

    def once() -> int:
        count = 0
        for start in range(0, len(images), READ_AT_ONCE):
            for _ in images[start : start + READ_AT_ONCE]:
                count += 1
        return count

    return _measure({"once": once})


def _bare_validate(folder: Path, side: int) -> Figures:
    files = sorted(folder.rglob("*.*"))

    def once() -> int:
        count = 0
        for file in files:
            with Image.open(file) as image:
                resized = image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR)
            normalized = (np.asarray(resized, np.float32) - 127.5) / 127.5
            count += normalized.shape[0] // side
        return count

    return _measure({"once": once})


def _data(folder: Path, _: int) -> Figures:
    from edgebake.data.dataset import assign_splits
    from edgebake.recipe import OnCorrupt, SplitBy, Splits
    from edgebake.recipe.data import DataParams
    from edgebake.stages import data as stage

    examples = _load_examples(folder)
    splits = Splits(SplitBy.seed, 0.6, 0.1, 0.1, 0.2)
    params = DataParams(path=str(folder), splits=splits, seed=0, tools={})
    params.on_corrupt = OnCorrupt.stop

    def once() -> int:
        splits = assign_splits(examples, params)
        return len(list(stage.read_examples(examples, splits, params)))

    return _measure({"once": once})


CASES: dict[tuple[str, str], Callable[[Path, int], Figures]] = {
    ("training", "edgebake"): _train,
    ("training", "bare"): _bare_train,
    ("validate", "edgebake"): _validate,
    ("validate", "bare"): _bare_validate,
    ("data", "edgebake"): _data,
}

if __name__ == "__main__":
    main()
