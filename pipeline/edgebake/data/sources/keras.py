"""The image sets that Keras can fetch: mnist, fashion_mnist, cifar10, cifar100.

Reads `data.path`, a .npz; where it is not there, Keras fetches the set in a process of its own, and the file is written
with its SHA-256 beside it. Keras' own test examples are the test split.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from edgebake.data.readers import arrays, labels
from edgebake.errors import DataError, listed, nearest
from edgebake.recipe import Data

if TYPE_CHECKING:
    from edgebake.data.dataset import Examples

TOOLS = ()  # the file and its checksum are there, whichever Keras fetched it
WORDS = ("name",)
TIMEOUT = 1800  # s, to fetch 170 MB
# In the order of their numbers. Source: the docstrings of keras.datasets (https://keras.io/api/datasets/), and for
# CIFAR-100 meta.pkl of https://www.cs.toronto.edu/~kriz/cifar.html, whose fine names are sorted.
CLASSES = {
    "mnist": "0 1 2 3 4 5 6 7 8 9",
    "fashion_mnist": "T-shirt/top Trouser Pullover Dress Coat Sandal Shirt Sneaker Bag Ankle_boot",
    "cifar10": "airplane automobile bird cat deer dog frog horse ship truck",
    "cifar100": (
        "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can "
        "castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin "
        "elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster "
        "man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck "
        "pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk "
        "skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger "
        "tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm"
    ),
}
OTHERS = ("boston_housing", "california_housing", "imdb", "reuters")
FETCH = """
import importlib, json, sys
import numpy
asked = json.load(sys.stdin)
module = importlib.import_module("keras.datasets." + asked["name"])
(x_train, y_train), (x_test, y_test) = module.load_data()
numpy.savez(asked["file"], x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
"""


def count(data: Data) -> dict[str, int]:
    """Return how many images train and test hold; the set is fetched if it is not there.

    Raises:
        DataError: there is no such set, or it is not there and cannot be fetched.
    """
    return {pair.split: pair.images.shape[0] for pair in _pairs(data, _file(data))}


def columns(_: Data) -> list[str]:
    """Return nothing: no more is known of an image than its label."""
    return []


def load(data: Data) -> Examples:
    """Return every image, after the file was compared with its checksum.

    Raises:
        DataError: there is no such set, it cannot be fetched, or the file is not what was fetched.
    """
    file = _file(data)
    _refuse_another(file)
    names = [
        name.replace("_", " ") if data.name == "fashion_mnist" else name for name in _names(data)
    ]
    return arrays.examples(data, _pairs(data, file), names)


def _file(data: Data) -> Path:
    """Return the file of a set, fetched if it is not there."""
    _names(data)
    file = data.location
    if not file.exists():
        _fetch(str(data.name), file)
    return file


def _pairs(data: Data, file: Path) -> list[arrays.Pair]:
    found = arrays.pairs(file)
    labels.refuse_other_splits(data, {pair.split for pair in found}, "train and test")
    return found


def _names(data: Data) -> list[str]:
    name = str(data.name)
    if name in OTHERS:
        raise DataError(f"data.name: {name} holds no images; expected one of: {listed(CLASSES)}")
    if name not in CLASSES:
        hint = nearest(name, CLASSES)
        raise DataError(
            f"data.name: no image set {name!r} in Keras; expected one of: {listed(CLASSES)}{hint}"
        )
    return CLASSES[name].split()


def _fetch(name: str, file: Path) -> None:
    """Let Keras fetch a set, outside of this process: TensorFlow is not for the planner to import."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        fetched = Path(folder) / "fetched.npz"
        why = _run(json.dumps({"name": name, "file": str(fetched)}))
        if not fetched.exists():
            expected = (
                f"expected a network, or the file and {file.name}.sha256 from another machine"
            )
            raise DataError(
                f"{name}: not in {file.parent}/ and cannot be fetched ({why}); {expected}"
            )
        _sum_file(file).write_text(f"{_sha256(fetched)}  {file.name}\n")
        fetched.replace(file)


def _run(asked: str) -> str:
    """Run the program that fetches; return the last line that it complained with."""
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-c", FETCH]
    try:
        done = subprocess.run(
            command,
            input=asked,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            env=quiet,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"not done after {TIMEOUT} s"
    return (done.stderr.strip().splitlines() or ["no reason given"])[-1]


def _refuse_another(file: Path) -> None:
    """Hold the file against the checksum that was written when it was fetched."""
    beside = _sum_file(file)
    if not beside.is_file():
        raise DataError(
            f"{beside}: no such file; expected it beside {file.name}, or neither of them, to fetch it again"
        )
    if beside.read_text().split()[:1] != [_sha256(file)]:
        raise DataError(
            f"{file}: not what {beside.name} says; expected what was fetched: remove both to fetch it again"
        )


def _sum_file(file: Path) -> Path:
    return file.with_name(f"{file.name}.sha256")


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
