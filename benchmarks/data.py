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
from typing import Any

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

CLASSES = 10
BATCH = 32
SMALL, PHOTO = (32, 32), (768, 1024)
MODEL = {SMALL: 32, PHOTO: 96}  # pixels a side that the model sees
SIDES = ("edgebake", "bare")
USES = ("training", "validate")


def main() -> None:
    """Make the folders, measure, print the table; or, told a case, measure that alone."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--counts", type=int, nargs="+", default=[1000, 10000, 60000])
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--turns", type=int, default=3, help="processes of each side")
    parser.add_argument(
        "--case", nargs=4, help=argparse.SUPPRESS
    )  # use, side, folder, pixels a side
    asked = parser.parse_args()
    if asked.case:
        print(
            json.dumps(CASES[asked.case[0], asked.case[1]](Path(asked.case[2]), int(asked.case[3])))
        )
        return
    table = Table("images", "size", "into", "images/s", "bare", "ratio", "MB more", "bare MB")
    with tempfile.TemporaryDirectory() as folder:
        for count, size in [*((count, SMALL) for count in asked.counts), (asked.photos, PHOTO)]:
            images = _folder(Path(folder) / f"{count}-{size[1]}", count, size)
            for row in _rows(images, MODEL[size], asked.turns):
                table.add_row(f"{count:,}", f"{size[1]} x {size[0]}", *row)
    Console(width=120).print(table)


def _folder(folder: Path, count: int, size: tuple[int, int]) -> Path:
    """Write images that differ and compress as pictures do: smooth shades with some noise."""
    rng = np.random.default_rng(0)
    down, across = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
    suffix = "png" if size == SMALL else "jpg"
    for number in range(count):
        place = folder / f"class_{number % CLASSES}"
        place.mkdir(parents=True, exist_ok=True)
        slopes = rng.uniform(-0.3, 0.3, (3, 2)) * 32 / size[0]
        shades = [
            128 + a * (down - size[0] / 2) * 8 + b * (across - size[1] / 2) * 8 for a, b in slopes
        ]
        pixels = np.stack(shades, -1) + rng.normal(0, 6, (*size, 1)).astype(np.float32)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(place / f"{number:06}.{suffix}")
    return folder


def _rows(folder: Path, side: int, turns: int) -> Iterable[tuple[str, ...]]:
    for use in USES:
        found: dict[str, list[dict[str, float]]] = {name: [] for name in SIDES}
        for _ in range(turns):
            for name in SIDES:
                found[name].append(_apart(use, name, folder, side))
        memory = [f"{median(one['memory_mb'] for one in found[name]):.0f}" for name in SIDES]
        for word in found["edgebake"][0].keys() - {"memory_mb"}:
            ours, bare = (median(one[word] for one in found[name]) for name in SIDES)
            yield (f"{use}, {word}", f"{ours:,.0f}", f"{bare:,.0f}", f"{ours / bare:.2f}", *memory)
    alone = _apart("data", "edgebake", folder, side)
    yield ("data", f"{alone['once']:,.0f}", "", "", f"{alone['memory_mb']:.0f}", "")


def _apart(use: str, name: str, folder: Path, side: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.data", "--case", use, name, str(folder), str(side)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _memory() -> float:
    """Return the largest resident set of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def _timed(passes: dict[str, Callable[[], int]]) -> dict[str, float]:
    """Return images per second of each pass, and by how much the process grew."""
    before, found = _memory(), {}
    for name, run in passes.items():
        start = time.perf_counter()
        count = run()
        found[name] = count / (time.perf_counter() - start)
    return {**found, "memory_mb": _memory() - before}


def _examples(folder: Path) -> tuple[Any, Any]:
    """Return the examples of a folder, and a function from a side length to a contract."""
    from edgebake.data.sources import image_folder
    from edgebake.recipe import Color, Data, OnCorrupt, SplitBy, Splits
    from edgebake.tasks.contract import Contract

    words = Data(
        source="image_folder",
        path=str(folder),
        color=Color.rgb,
        splits=Splits(SplitBy.seed),
        seed=0,
    )
    words.on_corrupt = OnCorrupt.stop
    examples = image_folder.load(words)

    def contract(side: int) -> Any:
        return Contract(
            "classification",
            side,
            side,
            "rgb",
            "none",
            "bilinear",
            [127.5],
            [1 / 127.5],
            examples.classes,
        )

    return examples, contract


def _train(folder: Path, side: int) -> dict[str, float]:
    from edgebake.data.preprocessed import PreprocessedImages
    from edgebake.models import keras_session
    from edgebake.training import batches
    from edgebake.training.batches import TrainingSet

    keras_session.start(2)
    examples, contract = _examples(folder)
    lot = TrainingSet(PreprocessedImages(examples.images, contract(side)), examples.labels)

    def epoch(number: int) -> Callable[[], int]:
        order = batches.shuffled(len(examples.labels), 0, number)
        return lambda: sum(len(images) for images, _ in batches.dataset(lot, order, BATCH))

    epoch(0)  # what is loaded late
    list(batches.dataset(lot, batches.shuffled(BATCH, 0, 0)[:1], 1))
    return _timed({"first": epoch(1), "next": epoch(2)})


def _bare_train(folder: Path, side: int) -> dict[str, float]:
    from edgebake.models import keras_session

    keras_session.start(2)
    import tensorflow as tf

    files = sorted(map(str, folder.rglob("*.*")))
    labels = [int(Path(file).parent.name.rpartition("_")[2]) for file in files]

    def read(file: Any, label: Any) -> Any:
        pixels = tf.io.decode_image(tf.io.read_file(file), 3, expand_animations=False)
        small = tf.image.resize(pixels, (side, side), antialias=True)
        return (small - 127.5) / 127.5, label

    def epoch() -> int:
        order = np.random.default_rng(0).permutation(len(files))
        dataset = tf.data.Dataset.from_tensor_slices(
            ([files[i] for i in order], [labels[i] for i in order])
        )
        dataset = dataset.map(read, num_parallel_calls=2).batch(BATCH).prefetch(2)
        return sum(len(images) for images, _ in dataset)

    list(tf.data.Dataset.from_tensor_slices((files[:1], labels[:1])).map(read))
    return _timed({"first": epoch, "next": epoch})


def _validate(folder: Path, side: int) -> dict[str, float]:
    from edgebake.data.preprocessed import PreprocessedImages
    from edgebake.runtimes.session import READ_AT_ONCE

    examples, contract = _examples(folder)
    images = PreprocessedImages(examples.images, contract(side))

    def once() -> int:
        starts = range(0, len(images), READ_AT_ONCE)
        return sum(1 for start in starts for _ in images[start : start + READ_AT_ONCE])

    return _timed({"once": once})


def _bare_validate(folder: Path, side: int) -> dict[str, float]:
    files = sorted(folder.rglob("*.*"))

    def once() -> int:
        seen = 0
        for file in files:
            with Image.open(file) as image:
                small = image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR)
            seen += ((np.asarray(small, np.float32) - 127.5) / 127.5).shape[0] // side
        return seen

    return _timed({"once": once})


def _data(folder: Path, _: int) -> dict[str, float]:
    from edgebake.recipe import OnCorrupt, SplitBy, Splits
    from edgebake.recipe.stage_params import DataParams
    from edgebake.stages import data as stage

    examples, _ = _examples(folder)
    section = DataParams(
        path=str(folder), splits=Splits(SplitBy.seed, 0.6, 0.1, 0.1, 0.2), seed=0, tools={}
    )
    section.on_corrupt = OnCorrupt.stop
    return _timed({"once": lambda: len(list(stage.decode_examples(examples, section)))})


CASES: dict[tuple[str, str], Callable[[Path, int], dict[str, float]]] = {
    ("training", "edgebake"): _train,
    ("training", "bare"): _bare_train,
    ("validate", "edgebake"): _validate,
    ("validate", "bare"): _bare_validate,
    ("data", "edgebake"): _data,
}

if __name__ == "__main__":
    main()
