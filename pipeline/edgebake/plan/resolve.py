"""A composed recipe in, the section of each of its stages out.

`names` holds the variants of the stages before, by stage. Reads and writes nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from edgebake import artifacts, plugins
from edgebake.compression.quantization.schemes import SCHEMES
from edgebake.models import importers, keras_session
from edgebake.models.quantized_model import encoder_family
from edgebake.plan.compose import Target
from edgebake.recipe import Attribution, Data, Model, Protect, Protocol, Recipe, Release
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.recipe.stage_params import (
    NO_FILE,
    ConvertParams,
    DataParams,
    ImportedComponent,
    PackageParams,
    PruneParams,
    QuantizeParams,
    TargetParams,
    TrainParams,
    ValidateParams,
)
from edgebake.runtimes.interface import load_runtime

Names = dict[str, str]

# What the bytes of a bundle are from, beside its models.
PACKAGE_TOOLS = (
    "cryptography",
    "cyclonedx-python-lib",
    "license-expression",
    "numpy",
    "packageurl-python",
    "py-serializable",
)
# Ranges are found in TensorFlow, layers and their costs in LiteRT.
QUANTIZE_TOOLS = (*keras_session.TOOLS, "ai-edge-litert", "litert-quantizer")


def about(release: Release) -> ReleaseInfo:
    """Return the words of a release that its model files carry."""
    return ReleaseInfo(
        **{field.name: getattr(release, field.name) for field in fields(ReleaseInfo)}
    )


def bundle(release: Release) -> PackageParams:
    """Return what package reads of a release, less the targets."""
    key = release.signature and Path(release.signature.public_key)
    return PackageParams(
        about=about(release),
        card=release.card,
        licenses=release.licenses,
        signature=release.signature,
        # A file that is not there is a complaint of package, which needs it.
        public_key_sha256=artifacts.sha256(key.read_bytes()) if key and key.is_file() else None,
        encryption_key=release.encryption_key,
        tools=plugins.tools(*PACKAGE_TOOLS),
        targets={},
    )


def data(recipe: Recipe, _: Names, __: ReleaseInfo) -> DataParams:
    """Return what the stage `data` reads."""
    return DataParams(
        **vars(_read(Data, recipe.data)),
        data_file=_data_file(recipe),
        classes=recipe.data.labels or _data_file(recipe),
        tools=plugins.tools(*_data_tools(recipe)),
    )


def train(recipe: Recipe, names: Names, _: ReleaseInfo) -> TrainParams:
    """Return what train reads."""
    brought = recipe.model.imported
    file = brought.file if brought else NO_FILE
    return TrainParams(
        **vars(recipe.train),
        examples=names["data"],
        format=_format(recipe),
        reference=_reference(recipe),
        file=file,
        weights=_weights(file),
        data=_read(Data, recipe.data),
        data_file=_data_file(recipe),
        model=_read(Model, recipe.model),
        tools=plugins.tools(*keras_session.TOOLS, *_data_tools(recipe)),
    )


def _weights(file: str) -> str:
    """Return the file that PyTorch keeps an ONNX file's weights in, if there is one."""
    if file == NO_FILE:
        return file
    beside = f"{file}.data"
    return beside if Path(beside).exists() or Path(f"{beside}.dvc").exists() else file


def _format(recipe: Recipe) -> str:
    return importers.format_of(recipe.model.imported.file) if recipe.model.imported else "keras"


def _read(base: type[Any], words: Any) -> Any:
    """Return the words that a stage reads: who made something changes nothing that is built."""
    return base(**{word.name: getattr(words, word.name) for word in fields(base)})


def _reference(recipe: Recipe) -> str:
    """Return the float model in a form that runs without TensorFlow."""
    return "float.onnx" if _format(recipe) == "onnx" else "float.tflite"


def prune(recipe: Recipe, names: Names, _: ReleaseInfo) -> PruneParams:
    """Return what prune reads."""
    tools = plugins.load("prune.method", recipe.prune.method).TOOLS
    words = recipe.prune
    distill = words.fine_tune and words.fine_tune.distill
    return PruneParams(
        **vars(words),
        train=names["train"],
        examples=names["data"],
        format=_format(recipe),
        teacher=(distill and distill.teacher) or names["train"],
        data=_read(Data, recipe.data),
        data_file=_data_file(recipe),
        tools=plugins.tools(*tools, *(_data_tools(recipe) if tools else ())),
    )


def quantize(recipe: Recipe, names: Names, _: ReleaseInfo) -> QuantizeParams:
    """Return what quantize reads; the gates stand in it only where they decide what comes out."""
    words, budget = recipe.quantize, recipe.validate.budget
    tools = () if words.calibration is None and words.qat is None else QUANTIZE_TOOLS
    scheme = SCHEMES[words.scheme]
    return QuantizeParams(
        **vars(words),
        weights=scheme.weights,
        activations=scheme.activations,
        qat_bits=scheme.qat_bits,
        prune=names["prune"],
        examples=names["data"],
        format=_format(recipe),
        data=_read(Data, recipe.data),
        data_file=_data_file(recipe),
        accuracy=budget.accuracy if words.fallback_dtype else None,
        accuracy_drop=budget.accuracy_drop if words.fallback_dtype else None,
        tools=plugins.tools(*tools, *_data_tools(recipe)),
    )


def convert(recipe: Recipe, names: Names, about: ReleaseInfo) -> ConvertParams:
    """Return what convert reads."""
    tools = load_runtime(recipe.convert.runtime).facts.convert_tools
    versions = plugins.tools(*keras_session.TOOLS, *tools)
    strip = recipe.package.protect is not Protect.none
    scheme = SCHEMES[recipe.quantize.scheme]
    return ConvertParams(
        **vars(recipe.convert),
        encoder=encoder_family(scheme.weights, scheme.activations),
        quantize=names["quantize"],
        format=_format(recipe),
        strip=strip,
        about=about,
        tools=versions,
    )


def validate(recipe: Recipe, names: Names, _: ReleaseInfo) -> ValidateParams:
    """Return what validate reads."""
    tools = load_runtime(recipe.convert.runtime).facts.run_tools
    return ValidateParams(
        **vars(_read(Protocol, recipe.validate)),
        convert=names["convert"],
        inputs=_measured_with(recipe.validate),
        speedup="baseline" in names,
        baseline=names.get("baseline", names["convert"]),
        train=names["train"],
        examples=names["data"],
        reference=_reference(recipe),
        reference_runtime="onnxruntime" if _format(recipe) == "onnx" else "litert",
        runtime=recipe.convert.runtime,
        platform=recipe.device.platform.value,
        data=_read(Data, recipe.data),
        data_file=_data_file(recipe),
        tools=plugins.tools("ai-edge-litert", "scipy", *tools, *_data_tools(recipe)),
    )


def _measured_with(words: Protocol) -> dict[str, str]:
    """Return the sha256 of a recording and of a binary for a phone, by their path; empty for one that is not there."""
    files = [words.recorded and words.recorded.file, words.adb and words.adb.benchmark_model]
    paths = [Path(file) for file in files if file]
    return {
        str(path): artifacts.sha256(path.read_bytes()) if path.is_file() else "" for path in paths
    }


SECTION_OF: dict[str, Callable[[Recipe, Names, ReleaseInfo], Any]] = {
    "data": data,
    "train": train,
    "prune": prune,
    "quantize": quantize,
    "convert": convert,
    "validate": validate,
}


def word_of(stage: str, target: Target) -> str:
    """Return what a stage adds to the name of a variant: the option that the target picked."""
    if stage == "data":
        return target.choices["data"]
    if stage == "train":
        return target.choices["model"]
    return target.recipe.device.platform.value if stage == "validate" else target.choices[stage]


def packaged(recipe: Recipe, names: Names) -> TargetParams:
    """Return what package reads of one target."""
    return TargetParams(
        validate=names["validate"],
        runtime=recipe.convert.runtime,
        device=recipe.device,
        budget=recipe.validate.budget,
        waivers=recipe.validate.waivers,
        package=recipe.package,
        ingredients=list(_brought(recipe)),
        recipe_sha256="",  # of the whole, so the planner fills it in
    )


def _brought(recipe: Recipe) -> Iterator[ImportedComponent]:
    found: dict[str, Attribution | None] = {
        "data": recipe.data.origin,
        "weights": recipe.model.pretrained,
    }
    for kind, ingredient in found.items():
        if ingredient:
            yield ImportedComponent(**vars(ingredient), kind=kind)


def _data_file(recipe: Recipe) -> str:
    return recipe.data.path or NO_FILE


def _data_tools(recipe: Recipe) -> tuple[str, ...]:
    source: tuple[str, ...] = plugins.load("data.source", recipe.data.source).TOOLS
    return ("numpy", "pillow", *source)
