"""ONNX Runtime: one .onnx file. Source: https://onnxruntime.ai."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from edgebake import plugins
from edgebake.runtimes.interface import Files, Library, Problem, Runtime, RuntimeFacts

if TYPE_CHECKING:
    from edgebake.models.quantized_model import QuantizedModel
    from edgebake.recipe import Recipe
    from edgebake.recipe.stage_params import ConvertParams
    from edgebake.runtimes.delegates.table import Delegate
    from edgebake.runtimes.run_modes import RunMode
    from edgebake.runtimes.session import Inspection, Session
    from edgebake.runtimes.workload import Workload
    from edgebake.tasks.contract import Contract

FILE = "model.onnx"
FACTS = RuntimeFacts(
    file=FILE,
    convert_tools=("flatbuffers", "onnx", "onnxruntime", "tf2onnx"),
    run_tools=("onnxruntime",),
    model_formats={"keras": frozenset(), "onnx": frozenset({"mixed"})},
    fallback_dtypes=("float16", "float32"),
    io_dtypes={"float32": ("float32",), "int8": ("float32", "int8", "uint8")},
    timed_at=("adb", "host", "recorded", "ssh"),
    preferred_schemes=("int8", "none"),
    library=Library("ONNX Runtime", "onnxruntime", "MIT", "https://onnxruntime.ai"),
    own_options=("ort_format",),
    sample_code={"android": ("OnnxSession.kt",), "ios": ("OnnxSession.swift",)},
)


class OnnxRuntime:
    """ONNX Runtime, as interface.Runtime describes it.

    It writes no int16x8: on a CPU, ONNX Runtime has no kernel that computes on int16 activations.
    """

    facts = FACTS

    def encodable_schemes(self) -> frozenset[str]:
        """Return the schemes of every encoder."""
        encoders = plugins.load_all("edgebake.runtimes.onnxruntime.encoders")
        return frozenset(scheme for encoder in encoders for scheme in encoder.SCHEMES)

    def check_recipe(self, recipe: Recipe) -> Iterator[Problem]:
        """Yield what ORT format cannot hold."""
        if recipe.convert.ort_format and recipe.quantize.scheme == "int4_weights":
            yield (
                "convert.ort_format",
                "true; expected false for int4_weights: ORT format has no 4-bit tensors",
            )

    def convert_model(
        self, model: QuantizedModel, contract: Contract, options: ConvertParams
    ) -> Files:
        """Return model.onnx with labels and input contract in its metadata, and what `ort_format` makes."""
        from edgebake.runtimes.onnxruntime.convert import convert

        return convert(model, contract, options.about, options)

    def inspect_files(self, files: Files) -> Inspection:
        """Return input, output, operators and dtypes of what was written."""
        from edgebake.runtimes.onnxruntime.inspect import inspect

        return inspect(files)

    def run_modes(self, files: Files) -> tuple[RunMode, ...]:
        """Return the one mode in which a host runs the file."""
        from edgebake.runtimes.onnxruntime.run import run_modes

        return run_modes(files)

    def load_session(self, files: Files, threads: int, mode: str = "") -> Session:
        """Return the files, ready to run in one of their modes."""
        from edgebake.runtimes.onnxruntime.run import load

        return load(files, threads, mode)

    def count_workload(self, files: Files) -> Workload:
        """Return what the files compute and move."""
        from edgebake.runtimes.onnxruntime.workload import workload

        return workload(files)

    def unsupported_operators(self, files: Files, delegate: Delegate) -> dict[int, str]:
        """Return, by the operator's index in the workload, why the delegate cannot run it."""
        from edgebake.runtimes.onnxruntime.placement import unsupported_operators

        return unsupported_operators(files, delegate)

    def strip_names(self, files: Files) -> Files:
        """Return the files without names, texts and metadata."""
        from edgebake.runtimes.onnxruntime.strip import strip

        return strip(files)

    def named_parts(self, files: Files) -> dict[str, bytes]:
        """Return the content of the files in parts with names."""
        from edgebake.runtimes.onnxruntime.named_parts import named_parts

        return named_parts(files)


RUNTIME: Runtime = OnnxRuntime()
