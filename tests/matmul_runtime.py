"""A runtime that a project could bring: a model's one matrix in a .npz, multiplied by NumPy.

Tests put this file into a project as plugins/runtimes/matmul/__init__.py.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from edgebake.errors import Problem
from edgebake.runtimes.interface import Files, FileValues, Library, Runtime, RuntimeFacts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgebake.models.quantized_model import QuantizedModel
    from edgebake.recipe import Recipe
    from edgebake.recipe.stage_params import ConvertParams
    from edgebake.runtimes.delegates.table import Delegate
    from edgebake.runtimes.run_modes import RunMode
    from edgebake.runtimes.session import Inspection, Session, ValueTrace
    from edgebake.runtimes.workload import Workload
    from edgebake.tasks.contract import Contract
    from edgebake.tasks.tensors import Feeds

FILE = "model.npz"


class Product:
    """A loaded file, as session.Session describes it."""

    def __init__(self, content: bytes) -> None:
        self._arrays = read(content)

    def feed(self, example: Feeds) -> None:
        """Take one example, an image float32 [1, h, w, c]."""
        self._fed = example["image"].reshape(1, -1)

    def invoke(self) -> None:
        """Multiply, and make probabilities of it."""
        import numpy as np

        powers = np.exp(self._fed @ self._arrays["kernel"] + self._arrays["bias"])
        self._answer = powers / powers.sum()

    def read(self) -> dict[str, NDArray[np.float32]]:
        """Return the probabilities [1, classes]."""
        return {"probabilities": self._answer}


class Matmul:
    """NumPy, as interface.Runtime describes a runtime."""

    facts = RuntimeFacts(
        file=FILE,
        convert_tools=("keras", "numpy"),
        run_tools=("numpy",),
        model_formats={"keras": frozenset()},
        fallback_dtypes=(),
        io_dtypes={"float32": ("float32",)},
        timed_at=("host",),
        preferred_schemes=("none",),
        library=Library("NumPy", "numpy", "BSD-3-Clause", "https://numpy.org"),
        first_bytes={".npz": b"PK\x03\x04"},
    )

    def encodable_schemes(self) -> frozenset[str]:
        """Return float alone."""
        return frozenset({"none"})

    def check_recipe(self, _: Recipe) -> Iterator[Problem]:
        """Yield nothing: the facts say all."""
        yield from ()

    def other_options(self, _: Recipe) -> Iterator[dict[str, object]]:
        """Yield nothing: it has no options."""
        yield from ()

    def convert_model(self, model: QuantizedModel, _: Contract, __: ConvertParams) -> Files:
        """Return the matrix of the last layer and what is added to it."""
        import numpy as np

        from edgebake.models import keras_session

        kernel, bias = keras_session.load(model.archive).layers[-1].get_weights()
        written = io.BytesIO()
        np.savez(written, kernel=kernel, bias=bias)
        return {FILE: written.getvalue()}

    def inspect_files(self, files: Files) -> Inspection:
        """Return one operator between a square grey image and its probabilities."""
        from edgebake.runtimes.session import Inspection, Operator, Tensor

        pixels, classes = read(files[FILE])["kernel"].shape
        side = round(pixels**0.5)
        image = Tensor("image", [1, side, side, 1], "float32", "NHWC")
        answer = Tensor("probabilities", [1, classes], "float32", "NC")
        return Inspection([image], [answer], [Operator("matmul", ("float32",))], {"float32": 2})

    def calibrated_file(self, _: QuantizedModel) -> FileValues | None:
        """Return nothing: there are no integers."""
        return None

    def run_modes(self, _: Files) -> tuple[RunMode, ...]:
        """Return one mode."""
        from edgebake.runtimes.run_modes import SINGLE_MODE

        return SINGLE_MODE

    def load_session(self, files: Files, _: int, __: str = "") -> Session:
        """Return the file, ready to run."""
        return Product(files[FILE])

    def count_workload(self, _: Files) -> Workload:
        """Say that nothing is counted."""
        from edgebake.runtimes.workload import Uncounted

        raise Uncounted("matmul: its multiplications are not counted")

    def unsupported_operators(self, _: Files, __: Delegate) -> dict[int, str]:
        """Return nothing: no delegate is known."""
        return {}

    def trace_values(self, _: Files, __: Feeds) -> ValueTrace:
        """Yield nothing: its one operator is the answer."""
        yield from ()

    def strip_names(self, files: Files) -> Files:
        """Return the files: they name nothing."""
        return files

    def named_parts(self, files: Files) -> dict[str, bytes]:
        """Return each array."""
        return {name: array.tobytes() for name, array in read(files[FILE]).items()}


def read(content: bytes) -> dict[str, Any]:
    """Return the arrays of a file."""
    import numpy as np

    return dict(np.load(io.BytesIO(content), allow_pickle=False))


RUNTIME: Runtime = Matmul()
