"""Datasets of keras.datasets: mnist, fashion_mnist, cifar10 and cifar100.

Reads `data.path`, a .npz. If it is missing, Keras downloads the dataset in a process of its own,
and the file and its SHA-256 are written. The test examples of Keras are the test split.
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

from edgebake import artifacts
from edgebake.data.readers import arrays, labels
from edgebake.errors import DataError, listed, nearest
from edgebake.recipe import Data

if TYPE_CHECKING:
    from edgebake.data.dataset import Examples

TOOLS = ()  # the file and its checksum do not depend on the version of Keras
WORDS = ("name",)
TIMEOUT = 1800  # s, to download 170 MB
# In the order of their labels. Source: the docstrings of keras.datasets
# (https://keras.io/api/datasets/), and for CIFAR-100 meta.pkl of
# https://www.cs.toronto.edu/~kriz/cifar.html, whose fine names are sorted.
CLASSES = {
    "mnist": "0 1 2 3 4 5 6 7 8 9",
    "fashion_mnist": "T-shirt/top Trouser Pullover Dress Coat Sandal Shirt Sneaker Bag Ankle_boot",
    "cifar10": "airplane automobile bird cat deer dog frog horse ship truck",
    "cifar100": (
        "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus "
        "butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach "
        "couch crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster "
        "house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree "
        "motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear "
        "pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray road "
        "rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel "
        "streetcar sunflower sweet_pepper table tank telephone television tiger tractor train "
        "trout tulip turtle wardrobe whale willow_tree wolf woman worm"
    ),
}
WITHOUT_IMAGES = ("boston_housing", "california_housing", "imdb", "reuters")
DOWNLOAD = """
import importlib, json, sys
import numpy
request = json.load(sys.stdin)
module = importlib.import_module("keras.datasets." + request["name"])
(x_train, y_train), (x_test, y_test) = module.load_data()
numpy.savez(request["file"], x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
"""


def count(data: Data) -> dict[str, int]:
    """Return the number of images in train and test; the dataset is downloaded if it is missing.

    Raises:
        DataError: there is no such dataset, or it cannot be downloaded.
    """
    return {pair.split: pair.images.shape[0] for pair in _find_pairs(data, _existing_file(data))}


def columns(_: Data) -> list[str]:
    """Return no columns."""
    return []


def load(data: Data) -> Examples:
    """Return every image, after checking the file's checksum.

    Raises:
        DataError: there is no such dataset, it cannot be downloaded, or the file has changed.
    """
    file = _existing_file(data)
    _check_sha256(file)
    classes = _classes(data)
    if data.name == "fashion_mnist":
        classes = [name.replace("_", " ") for name in classes]
    return arrays.load_examples(data, _find_pairs(data, file), classes)


def _existing_file(data: Data) -> Path:
    """Return the file of a dataset, downloaded if it is missing."""
    _classes(data)  # refuses an unknown name
    file = data.location
    if not file.exists():
        _download(str(data.name), file)
    return file


def _find_pairs(data: Data, file: Path) -> list[arrays.ArrayPair]:
    pairs = arrays.find_pairs(file, data.max_gigabytes)
    labels.check_splits(data, {pair.split for pair in pairs}, "train and test")
    return pairs


def _classes(data: Data) -> list[str]:
    name = str(data.name)
    expected = f"expected one of: {listed(CLASSES)}"
    if name in WITHOUT_IMAGES:
        raise DataError(f"data.name: {name} holds no images; {expected}")
    if name not in CLASSES:
        raise DataError(
            f"data.name: no image set {name!r} in Keras; {expected}{nearest(name, CLASSES)}"
        )
    return CLASSES[name].split()


def _download(name: str, file: Path) -> None:
    """Download a dataset with Keras, in a process of its own: the planner imports no TensorFlow."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        download = Path(folder) / "fetched.npz"
        reason = _run_keras(json.dumps({"name": name, "file": str(download)}))
        if not download.exists():
            raise DataError(
                f"{name}: not in {file.parent}/ and cannot be downloaded ({reason}); "
                f"expected a network, or the file and {file.name}.sha256 from another machine"
            )
        artifacts.write(_sha256_file(file), f"{_sha256(download)}  {file.name}\n".encode())
        download.replace(file)


def _run_keras(request: str) -> str:
    """Run the program DOWNLOAD; return the last line of its error output."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
    try:
        process = subprocess.run(
            [sys.executable, "-c", DOWNLOAD],
            input=request,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"not done after {TIMEOUT} s"
    lines = process.stderr.strip().splitlines()
    return lines[-1] if lines else "no reason given"


def _check_sha256(file: Path) -> None:
    """Check the file against the checksum that was written when it was downloaded."""
    sha256_file = _sha256_file(file)
    if not sha256_file.is_file():
        raise DataError(
            f"{sha256_file}: no such file; expected it next to {file.name}, or neither of them, "
            "to download it again"
        )
    if sha256_file.read_text().split()[:1] != [_sha256(file)]:
        raise DataError(
            f"{file}: its SHA-256 is not that of {sha256_file.name}; expected the downloaded file: "
            "remove both to download it again"
        )


def _sha256_file(file: Path) -> Path:
    return file.with_name(f"{file.name}.sha256")


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
