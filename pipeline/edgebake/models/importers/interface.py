"""Functions that the importer of every model format defines, and lookup of an importer by format.

An importer is a module: importers/keras.py, onnx.py, tflite.py. Reading a file without loading its
framework, as `edgebake inspect` does, is the job of models/inspection/.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from edgebake import plugins

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray

    from edgebake.recipe import Imported
    from edgebake.tasks.contract import Contract
    from edgebake.tasks.tensors import Ends, Feeds, Outputs


@dataclass(frozen=True)
class Activations:
    """The float tensors of a model that depend on its inputs, and a function that computes them."""

    # Name of each activation, in the order in which `compute` returns them -> names of the
    # activations that it is computed from. The first ones are the float inputs.
    sources: dict[str, tuple[str, ...]]
    # Examples -> one float32 array [n, ...] per activation, channels last.
    compute: Callable[[Feeds], list[NDArray[np.float32]]]


class Importer(Protocol):
    """A module that imports models of one format."""

    def load(self, contract: Contract, options: Imported) -> keras.Model | bytes:
        """Load the model of a file, adapted to the contract: images to probabilities.

        Returns:
            A live model of Keras, which can be trained, or else an archive of the same format. Its
            input is float32 [n, h, w, c], its output float32 [n, classes]; n is 1 in an archive.

        Raises:
            ModelError: the file is damaged or executes code, or does not match the recipe.
        """

    def predictor(self, archive: bytes, ends: Ends) -> Callable[[Feeds], Outputs]:
        """Return a function from examples to the outputs of a model.

        All but models of Keras take one example at a time.
        """

    def activations(self, archive: bytes, inputs: Sequence[str]) -> Activations:
        """Return the activations of a model whose inputs have these names, for calibration."""


def load_importer(model_format: str) -> Importer:
    """Return the importer of a format: keras, onnx or tflite.

    Raises:
        RecipeError: there is none.
    """
    return cast("Importer", plugins.load("model.format", model_format))
