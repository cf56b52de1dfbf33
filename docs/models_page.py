"""Write docs/guides/models.md from the tables that decide what a model file may hold.

`docs/generate.py` calls it; tests/docs/test_generate.py fails if the page is not what it would
write.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator

from litert_quantizer.default_policy import DEFAULT_JSON_POLICY

from edgebake import plugins
from edgebake.compression.quantization.schemes import SCHEMES
from edgebake.models import importers
from edgebake.models.importers import keras_layer_lists
from edgebake.recipe import Platform
from edgebake.runtimes import coreml
from edgebake.runtimes.delegates.table import delegates_for
from edgebake.runtimes.interface import load_runtime, runtimes_of, schemes_of
from edgebake.runtimes.litert import int8_kernels
from edgebake.runtimes.onnxruntime.float_regions import FLOAT_ONLY

RUNTIMES = {"litert": "LiteRT", "onnxruntime": "ONNX Runtime", "coreml": "Core ML"}
FORMATS = {"keras": "Keras", "onnx": "ONNX", "tflite": "LiteRT (TensorFlow Lite)"}
INT8_OF_LITERT = "static_wi8_ai8"  # the configuration of its quantizer
# What can be done with a model before it is converted.
STEPS = {
    "keras": "train, fine-tune, distill, prune, quantize",
    "onnx": "quantize",
    "tflite": "quantize",
}


def lines() -> Iterator[str]:
    """Yield the lines of the page, without its head."""
    yield from _architectures()
    yield from _formats()
    yield from _refused_files()
    yield from _schemes()
    yield from _integer_operators()
    yield from _left_out_layers()
    yield from _delegates()


def _architectures() -> Iterator[str]:
    yield "## Networks to train"
    yield ""
    yield "`model.architecture` names one; a project adds"
    yield "[its own](add_an_architecture_or_pruner.md#an-architecture)."
    yield ""
    yield "| architecture | takes | what it is |"
    yield "|---|---|---|"
    for name in plugins.options("model.architecture"):
        if name == "import":
            continue
        module = plugins.load("model.architecture", name)
        first_line = (module.__doc__ or "").splitlines()[0]
        kinds = getattr(module, "KINDS", ("image",))
        yield _row((f"`{name}`", ", ".join(kinds), first_line.removesuffix(".")))
    yield ""


def _formats() -> Iterator[str]:
    yield "## Files that can be imported"
    yield ""
    yield "The suffix of `model.imported.file` decides. `edgebake inspect FILE` says what a file"
    yield "holds and which runtimes it can go to, and runs nothing of it."
    yield ""
    yield "| format | files | runtimes | before conversion |"
    yield "|---|---|---|---|"
    suffixes = defaultdict(list)
    for suffix, model_format in importers.SUFFIXES.items():
        suffixes[model_format].append(f"`{suffix}`")
    for model_format, names in suffixes.items():
        if model_format == "keras":
            names.append("the folder of a SavedModel")
        runtimes = _listed(RUNTIMES[name] for name in runtimes_of(model_format))
        cells = (FORMATS[model_format], ", ".join(names), runtimes, STEPS[model_format])
        yield _row(cells)


def _refused_files() -> Iterator[str]:
    yield ""
    yield "Other files are refused:"
    yield ""
    yield "| file | reason, and what to import |"
    yield "|---|---|"
    by_reason = defaultdict(list)
    for suffix, reason in importers.REFUSED.items():
        by_reason[reason].append(f"`{suffix}`")
    for reason, suffixes in by_reason.items():
        yield f"| {', '.join(suffixes)} | {reason} |"


def _schemes() -> Iterator[str]:
    yield ""
    yield "## Schemes"
    yield ""
    yield "What a runtime can store; `not from` names formats of imported models that cannot. A"
    yield "device also has to compute in the data type of the last column, which `dtypes` of its"
    yield "recipe lists."
    yield ""
    yield f"| scheme | {' | '.join(RUNTIMES.values())} | computes in |"
    yield "|---|---|---|---|---|"
    for scheme, facts in SCHEMES.items():
        cells = [_scheme_cell(scheme, runtime) for runtime in RUNTIMES]
        yield _row((f"`{scheme}`", *cells, facts.arithmetic))


def _scheme_cell(scheme: str, runtime: str) -> str:
    if scheme not in schemes_of(runtime):
        return "no"
    text = "yes"
    if runtime == "coreml":
        version = coreml.first_versions()[scheme]
        text = f"from iOS {version}"
    for model_format, excluded in load_runtime(runtime).facts.model_formats.items():
        if scheme in excluded:
            text += f", not from {FORMATS[model_format]}"
    return text


def _integer_operators() -> Iterator[str]:
    policy = json.loads(DEFAULT_JSON_POLICY)["ops_per_config"]
    quantized = {*policy[INT8_OF_LITERT], *int8_kernels.KINDS} - {"INPUT", "OUTPUT"}
    core_ml = sorted(coreml.FACTS.int8_operators or ())
    yield ""
    yield "## int8"
    yield ""
    yield "An operator without an integer kernel is refused, unless `quantize.fallback` lets it"
    yield "compute in [float](../explanation/quantization.md#operators-that-stay-in-float)."
    yield "[Normalizations](../explanation/quantization.md#normalizations) compute in float in both"
    yield "runtimes, also without `quantize.fallback`."
    yield ""
    yield f"- **LiteRT** computes in int8: {', '.join(sorted(quantized))}."
    yield f"- **ONNX Runtime** computes in float: {', '.join(sorted(FLOAT_ONLY))}. Division by a"
    yield "  constant is an exception."
    yield f"- **Core ML** has to compute in int8: {', '.join(core_ml)}. Others may be in float."


def _left_out_layers() -> Iterator[str]:
    yield ""
    yield "## Layers without effect"
    yield ""
    yield "These layers are left out of an imported model, because their output at inference is"
    yield "their input in the version of Keras that saved the file. Every other layer is kept. A"
    yield "layer of Keras 2 that Keras 3 computes otherwise is converted, or refused by its name."
    yield ""
    for version in (2, 3):
        names = sorted(keras_layer_lists.classes("inert", version))
        yield f"- **Keras {version}**: {', '.join(names)}."


def _delegates() -> Iterator[str]:
    yield ""
    yield "## Accelerators"
    yield ""
    yield "Predicted by tables; [placement](../explanation/placement.md) says how far they go."
    yield ""
    yield "| runtime | platform | accelerators | a file with an unsupported operator |"
    yield "|---|---|---|---|"
    for runtime in plugins.options("convert.runtime"):
        for platform in Platform:
            for delegate in delegates_for(runtime, platform.value):
                effect = "runs on the CPU, wholly" if delegate.whole_file else "is divided"
                accelerators = ", ".join(delegate.accelerators)
                cells = (RUNTIMES[runtime], platform.value, accelerators, effect)
                yield _row(cells)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
