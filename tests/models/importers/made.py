"""Small models of Keras 3, and the options and contract with which they are imported."""

from pathlib import Path
from typing import Any

from edgebake.recipe import Head, Imported, Output
from edgebake.tasks.contract import Contract
from tests.contracts import image_contract

FILES = Path(__file__).parent / "files"
SIZE = 16


def contract(classes: int, size: int = SIZE, color: str = "rgb") -> Contract:
    """Return a contract whose model sees -1 to 1."""
    labels = [f"class {number}" for number in range(classes)]
    return image_contract(
        "classification", size, size, color, "none", "bilinear", [127.5], [1 / 127.5], labels
    )


def options(
    file: Path, output: Output = Output.probabilities, head: Head = Head.keep, trust: bool = False
) -> Imported:
    """Return the options of a recipe for the file."""
    return Imported(str(file), output, head, trust, None)


def model(keras: Any, classes: int = 4, last: str | None = "softmax") -> Any:
    """Return a network of one convolution."""
    keras.utils.set_random_seed(5)
    image = keras.Input((SIZE, SIZE, 3), name="picture")
    x = keras.layers.Conv2D(4, 3, activation="relu", name="convolution")(image)
    x = keras.layers.GlobalAveragePooling2D(name="average")(x)
    return keras.Model(image, keras.layers.Dense(classes, activation=last, name="answer")(x))
