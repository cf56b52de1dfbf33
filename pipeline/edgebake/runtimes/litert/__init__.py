"""LiteRT (TensorFlow Lite): one .tflite file. Source: https://ai.google.dev/edge/litert."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgebake import plugins
from edgebake.runtimes.interface import Files, Library, Runtime, RuntimeFacts

if TYPE_CHECKING:
    from edgebake.models.quantized_model import QuantizedModel
    from edgebake.recipe.stage_params import ConvertParams
    from edgebake.runtimes.delegates.table import Delegate
    from edgebake.runtimes.session import Inspection, Session, ValueTrace
    from edgebake.runtimes.workload import Workload
    from edgebake.tasks.contract import Contract
    from edgebake.tasks.tensors import Feeds

FILE = "model.tflite"


def _operator_kinds() -> frozenset[str]:
    """Return the names of LiteRT's operators."""
    from edgebake.models.tflite import tables

    return tables.builtin_names()


FACTS = RuntimeFacts(
    file=FILE,
    convert_tools=("ai-edge-litert", "flatbuffers", "litert-quantizer"),
    run_tools=("ai-edge-litert",),
    model_formats={"keras": frozenset(), "tflite": frozenset()},
    fallback_dtypes=("float16", "float32", "int16"),
    io_dtypes={
        "float32": ("float32",),
        "int8": ("float32", "int8", "uint8"),
        "int16": ("float32", "int16"),
    },
    timed_at=("adb", "host", "recorded", "ssh"),
    preferred_schemes=("int8", "float16", "none"),
    library=Library("LiteRT", "ai-edge-litert", "Apache-2.0", "https://ai.google.dev/edge/litert"),
    block_sizes=(32, 64, 128, 256),
    operator_kinds=_operator_kinds,
    sample_code={"android": ("LiteRtSession.kt",)},
)


class LiteRt(Runtime):
    """LiteRT on Android, boards and hosts."""

    facts = FACTS

    def encodable_schemes(self) -> frozenset[str]:
        """Return the schemes of all encoders."""
        schemes: set[str] = set()
        for encoder in plugins.load_all("edgebake.runtimes.litert.encoders"):
            schemes.update(encoder.SCHEMES)
        return frozenset(schemes)

    def convert_model(
        self, model: QuantizedModel, contract: Contract, options: ConvertParams
    ) -> Files:
        """Convert to model.tflite, with labels and input contract in its metadata."""
        from edgebake.runtimes.litert.convert import convert

        return convert(model, contract, options.about, options)

    def inspect_files(self, files: Files) -> Inspection:
        """Return input, output, operators and dtypes of the file."""
        from edgebake.runtimes.litert.inspect import inspect

        return inspect(files)

    def load_session(self, files: Files, threads: int, mode: str = "") -> Session:
        """Load the file to run on a number of threads."""
        from edgebake.runtimes.litert.run import load

        return load(files, threads, mode)

    def count_workload(self, files: Files) -> Workload:
        """Count what the file computes and moves for one image."""
        from edgebake.runtimes.litert.workload import workload

        return workload(files)

    def unsupported_operators(self, files: Files, delegate: Delegate) -> dict[int, str]:
        """Return, by index in the workload, why the delegate cannot run an operator."""
        from edgebake.runtimes.litert.placement import unsupported_operators

        return unsupported_operators(files, delegate)

    def trace_values(self, files: Files, example: Feeds) -> ValueTrace:
        """Run an example [1, h, w, c]; yield every operator with its values."""
        from edgebake.runtimes.litert.trace import trace

        return trace(files, example)

    def strip_names(self, files: Files) -> Files:
        """Return the file without names, texts and metadata."""
        from edgebake.runtimes.litert.strip import strip

        return strip(files)

    def named_parts(self, files: Files) -> dict[str, bytes]:
        """Split the file into named parts."""
        from edgebake.runtimes.litert.named_parts import named_parts

        return named_parts(files)


RUNTIME: Runtime = LiteRt()
