"""Core ML: one .mlpackage folder with an ML Program.

Source: https://apple.github.io/coremltools.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from edgebake import plugins
from edgebake.errors import Problem
from edgebake.runtimes.interface import Files, Runtime, RuntimeFacts

if TYPE_CHECKING:
    from edgebake.models.quantized_model import QuantizedModel
    from edgebake.recipe import Recipe
    from edgebake.recipe.stage_params import ConvertParams
    from edgebake.runtimes.delegates.table import Delegate
    from edgebake.runtimes.run_modes import RunMode
    from edgebake.runtimes.session import Inspection, Session, ValueTrace
    from edgebake.runtimes.workload import Workload
    from edgebake.tasks.contract import Contract
    from edgebake.tasks.tensors import Feeds

FILE = "model.mlpackage"
# Of the ML Program executor, which finds activation ranges for int8 and checks the written file.
EXECUTOR_TOOLS = ("coremltools", "onnx", "onnxruntime")
FACTS = RuntimeFacts(
    file=FILE,
    convert_tools=EXECUTOR_TOOLS,
    run_tools=EXECUTOR_TOOLS,
    model_formats={"keras": frozenset()},
    fallback_dtypes=("float16", "float32"),
    io_dtypes={},  # the input is an image, the output a label
    timed_at=("host", "mac", "recorded"),
    preferred_schemes=("float16", "none"),  # the Neural Engine computes in float16 only
    preferred_validate="untimed",  # only a Mac can time Core ML
    library=None,  # part of iOS; apps do not ship it
    # coremltools quantizes these, pooling and sums of two values, and no other operators.
    int8_operators=frozenset({"conv", "linear"}),
    own_options=("coreml",),
    sample_code={"ios": ("CoreMLSession.swift",)},
)


def first_versions() -> dict[str, int]:
    """Return, by scheme, the first iOS version that supports the storage of its weights."""
    versions: dict[str, int] = {}
    for encoder in plugins.load_all("edgebake.runtimes.coreml.encoders"):
        versions |= encoder.SCHEMES
    return versions


class CoreMl(Runtime):
    """Core ML on iOS and macOS."""

    facts = FACTS

    def encodable_schemes(self) -> frozenset[str]:
        """Return the schemes of all encoders."""
        return frozenset(first_versions())

    def check_recipe(self, recipe: Recipe) -> Iterator[Problem]:
        """Yield options that do not fit the deployment target."""
        from edgebake.runtimes.coreml import recipe_checks

        yield from recipe_checks.check(recipe)

    def other_options(self, recipe: Recipe) -> Iterator[dict[str, object]]:
        """Yield deployment targets that the device has, the oldest first."""
        from edgebake.runtimes.coreml import recipe_checks

        yield from recipe_checks.other_options(recipe)

    def convert_model(
        self, model: QuantizedModel, contract: Contract, options: ConvertParams
    ) -> Files:
        """Convert to model.mlpackage, with all files of the folder by path."""
        from edgebake.runtimes.coreml.convert import convert

        return convert(model, contract, options.about, options)

    def inspect_files(self, files: Files) -> Inspection:
        """Return input, output, operators and dtypes of the package."""
        from edgebake.runtimes.coreml.inspect import inspect

        return inspect(files)

    def run_modes(self, files: Files) -> tuple[RunMode, ...]:
        """Return the compute units on a Mac, elsewhere the kinds of arithmetic of the executor."""
        from edgebake.runtimes.coreml.run import run_modes

        return run_modes(files)

    def load_session(self, files: Files, threads: int, mode: str = "") -> Session:
        """Load the package to run on a number of threads, or on the compute units of a mode."""
        from edgebake.runtimes.coreml.run import load

        return load(files, threads, mode)

    def count_workload(self, files: Files) -> Workload:
        """Count what the program computes and moves for one image."""
        from edgebake.runtimes.coreml.workload import workload

        return workload(files)

    def unsupported_operators(self, files: Files, delegate: Delegate) -> dict[int, str]:
        """Return, by index in the workload, why the delegate cannot run an operator."""
        from edgebake.runtimes.coreml.placement import unsupported_operators

        return unsupported_operators(files, delegate)

    def trace_values(self, files: Files, example: Feeds) -> ValueTrace:
        """Run an example [1, h, w, c]; yield every operator with its values."""
        from edgebake.runtimes.coreml.trace import trace

        return trace(files, example)

    def strip_names(self, files: Files) -> Files:
        """Return the package without names, texts and metadata."""
        from edgebake.runtimes.coreml.strip import strip

        return strip(files)

    def named_parts(self, files: Files) -> dict[str, bytes]:
        """Split the package into named parts."""
        from edgebake.runtimes.coreml.named_parts import named_parts

        return named_parts(files)


RUNTIME: Runtime = CoreMl()
