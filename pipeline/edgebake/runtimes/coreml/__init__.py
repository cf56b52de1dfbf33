"""Core ML: one .mlpackage folder with an ML Program. Source: https://apple.github.io/coremltools."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from edgebake import plugins
from edgebake.runtimes.interface import Files, Problem, Runtime, RuntimeFacts

if TYPE_CHECKING:
    from edgebake.models.quantized_model import QuantizedModel
    from edgebake.recipe import Recipe
    from edgebake.recipe.stage_params import ConvertParams
    from edgebake.runtimes.delegates.table import Delegate
    from edgebake.runtimes.run_modes import RunMode
    from edgebake.runtimes.session import Inspection, Session
    from edgebake.runtimes.workload import Workload
    from edgebake.tasks.contract import Contract

FILE = "model.mlpackage"
EXECUTOR_TOOLS = (
    "coremltools",
    "onnx",
    "onnxruntime",
)  # it finds ranges for int8, and checks what was written
FACTS = RuntimeFacts(
    file=FILE,
    convert_tools=EXECUTOR_TOOLS,
    run_tools=EXECUTOR_TOOLS,
    model_formats={"keras": frozenset()},
    fallback_dtypes=("float16", "float32"),
    io_dtypes={},  # an image goes in and a label comes out
    timed_at=("host", "mac", "recorded"),
    preferred_schemes=("float16", "none"),  # the Neural Engine computes in float16 alone
    preferred_validate="untimed",  # a machine that builds has no Core ML, unless it is a Mac
    library=None,  # part of the system: nobody distributes it with an app
    # coremltools also quantizes pooling and sums of two values, and nothing else.
    int8_operators=frozenset({"conv", "linear"}),
    own_options=("coreml",),
    sample_code={"ios": ("CoreMLSession.swift",)},
)


def first_versions() -> dict[str, int]:
    """Return the first iOS version that has what a scheme stores its weights and activations in, by scheme."""
    versions: dict[str, int] = {}
    for encoder in plugins.load_all("edgebake.runtimes.coreml.encoders"):
        versions |= encoder.SCHEMES
    return versions


class CoreMl:
    """Core ML, as interface.Runtime describes it."""

    facts = FACTS

    def encodable_schemes(self) -> frozenset[str]:
        """Return the schemes of every encoder."""
        return frozenset(first_versions())

    def check_recipe(self, recipe: Recipe) -> Iterator[Problem]:
        """Yield what the deployment target and its words do not allow."""
        from edgebake.runtimes.coreml import rules

        yield from rules.check(recipe)

    def convert_model(
        self, model: QuantizedModel, contract: Contract, options: ConvertParams
    ) -> Files:
        """Return the files of the package by their path, model.mlpackage/Manifest.json among them."""
        from edgebake.runtimes.coreml.convert import convert

        return convert(model, contract, options.about, options)

    def inspect_files(self, files: Files) -> Inspection:
        """Return input, output, operators and dtypes of what was written."""
        from edgebake.runtimes.coreml.inspect import inspect

        return inspect(files)

    def run_modes(self, files: Files) -> tuple[RunMode, ...]:
        """Return compute units on a Mac, elsewhere the kinds of arithmetic of the executor."""
        from edgebake.runtimes.coreml.run import run_modes

        return run_modes(files)

    def load_session(self, files: Files, threads: int, mode: str = "") -> Session:
        """Return the files, ready to run in one of their modes."""
        from edgebake.runtimes.coreml.run import load

        return load(files, threads, mode)

    def count_workload(self, files: Files) -> Workload:
        """Return what the files compute and move."""
        from edgebake.runtimes.coreml.workload import workload

        return workload(files)

    def unsupported_operators(self, files: Files, delegate: Delegate) -> dict[int, str]:
        """Return, by the operator's index in the workload, why the delegate cannot run it."""
        from edgebake.runtimes.coreml.placement import unsupported_operators

        return unsupported_operators(files, delegate)

    def strip_names(self, files: Files) -> Files:
        """Return the files without names, texts and metadata."""
        from edgebake.runtimes.coreml.strip import strip

        return strip(files)

    def named_parts(self, files: Files) -> dict[str, bytes]:
        """Return the content of the files in parts with names."""
        from edgebake.runtimes.coreml.named_parts import named_parts

        return named_parts(files)


RUNTIME: Runtime = CoreMl()
