"""ONNX Runtime: one .onnx file. Source: https://onnxruntime.ai."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from edgebake import plugins
from edgebake.errors import Problem
from edgebake.recipe import Cpu
from edgebake.runtimes.interface import Files, FileValues, Library, Runtime, RuntimeFacts

if TYPE_CHECKING:
    from edgebake.models.quantized_model import QuantizedModel
    from edgebake.recipe import Recipe
    from edgebake.recipe.stage_params import ConvertParams
    from edgebake.runtimes.delegates.table import Delegate
    from edgebake.runtimes.session import Inspection, Session, ValueTrace
    from edgebake.runtimes.workload import Workload
    from edgebake.tasks.contract import Contract
    from edgebake.tasks.tensors import Feeds

FILE = "model.onnx"
# Session option, and the property that asks for it, of a file with int8 weights of 8 bits. On x86
# processors, sums are then exact, and slower, which only those without VNNI need; Arm ignores it.
EXACT_SUMS = "session.x64quantprecision"
# Operators that tf2onnx does not write for any of TensorFlow: it writes several others.
UNWRITTEN_BY_TF2ONNX = frozenset({
    "Celu", "Gelu", "GroupNormalization", "Hardmax", "LayerNormalization",
    "MeanVarianceNormalization", "Mish", "PRelu", "RMSNormalization", "ReduceL1", "ReduceL2",
    "Shrink", "Swish",
})  # fmt: skip


def _operator_kinds() -> frozenset[str]:
    """Return the names of ONNX's operators."""
    from edgebake.models.onnx.graph import standard_operators

    return standard_operators()


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
    operator_kinds=_operator_kinds,
    unwritten_kinds={"keras": UNWRITTEN_BY_TF2ONNX},
    overflowing_cpus=frozenset({Cpu.any, Cpu.x86}),
    own_options=("ort_format",),
    sample_code={"android": ("OnnxSession.kt",), "ios": ("OnnxSession.swift",)},
)


class OnnxRuntime(Runtime):
    """ONNX Runtime on Android, iOS, boards and hosts.

    There is no encoder for int16x8: on a CPU, ONNX Runtime has no kernels for int16 activations.
    """

    facts = FACTS

    def encodable_schemes(self) -> frozenset[str]:
        """Return the schemes of all encoders."""
        schemes: set[str] = set()
        for encoder in plugins.load_all("edgebake.runtimes.onnxruntime.encoders"):
            schemes.update(encoder.SCHEMES)
        return frozenset(schemes)

    def check_recipe(self, recipe: Recipe) -> Iterator[Problem]:
        """Yield a scheme that the ORT format cannot store."""
        if recipe.convert.ort_format and recipe.quantize.scheme == "int4_weights":
            yield (
                "convert.ort_format",
                "true; expected false for int4_weights: ORT format has no 4-bit tensors",
            )

    def convert_model(
        self, model: QuantizedModel, contract: Contract, options: ConvertParams
    ) -> Files:
        """Convert to model.onnx with metadata; with `ort_format`, also to model.ort."""
        from edgebake.runtimes.onnxruntime.convert import convert

        return convert(model, contract, options)

    def calibrated_file(self, model: QuantizedModel) -> FileValues:
        """Return the float graph, whose decomposed operators have values of their own."""
        from edgebake.runtimes.onnxruntime.convert import float_graph_of
        from edgebake.runtimes.onnxruntime.encoders import integer

        return integer.calibrated_graph(float_graph_of(model), model)

    def inspect_files(self, files: Files) -> Inspection:
        """Return input, output, operators and dtypes of the file."""
        from edgebake.runtimes.onnxruntime.inspect import inspect

        return inspect(files)

    def load_session(self, files: Files, threads: int, mode: str = "") -> Session:
        """Load the file to run on a number of threads."""
        from edgebake.runtimes.onnxruntime.run import load

        return load(files, threads, mode)

    def count_workload(self, files: Files) -> Workload:
        """Count what the file computes and moves for one image."""
        from edgebake.runtimes.onnxruntime.workload import workload

        return workload(files)

    def unsupported_operators(self, files: Files, delegate: Delegate) -> dict[int, str]:
        """Return, by index in the workload, why the delegate cannot run an operator."""
        from edgebake.runtimes.onnxruntime.placement import unsupported_operators

        return unsupported_operators(files, delegate)

    def trace_values(self, files: Files, example: Feeds) -> ValueTrace:
        """Run an example [1, h, w, c]; yield every operator with its values."""
        from edgebake.runtimes.onnxruntime.trace import trace

        return trace(files, example)

    def strip_names(self, files: Files) -> Files:
        """Return the file without names, texts and metadata."""
        from edgebake.runtimes.onnxruntime.strip import strip

        return strip(files)

    def named_parts(self, files: Files) -> dict[str, bytes]:
        """Split the file into named parts."""
        from edgebake.runtimes.onnxruntime.named_parts import named_parts

        return named_parts(files)


RUNTIME: Runtime = OnnxRuntime()
