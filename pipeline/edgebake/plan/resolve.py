"""Resolve a recipe into the parameters of each stage.

Every function takes the variants of the earlier stages, by stage, which the parameters refer to.
Reads the versions of installed tools and the digests of files that a recipe names.
"""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TypeVar

from edgebake import artifacts, plugins
from edgebake.compression.quantization.schemes import SCHEMES
from edgebake.evaluation import float_reference
from edgebake.models import importers, keras_session
from edgebake.models.quantized_model import encoder_family
from edgebake.plan import listening
from edgebake.plan.compose import Target
from edgebake.plan.ingredients import imported_components
from edgebake.recipe import Data, Model, Protect, Protocol, Prune, Recipe, Release
from edgebake.recipe.data import DataParams
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.recipe.stage_params import (
    NO_FILE,
    ConvertParams,
    PackageParams,
    PruneParams,
    QuantizeParams,
    TargetParams,
    TrainParams,
    ValidateParams,
)
from edgebake.runtimes.interface import load_runtime
from edgebake.tasks.inputs.interface import load_input

Variants = dict[str, str]  # by stage
Options = TypeVar("Options", Data, Model, Prune, Protocol)

# The tools that write a bundle, apart from its models.
PACKAGE_TOOLS = (
    "cryptography",
    "cyclonedx-python-lib",
    "license-expression",
    "numpy",
    "packageurl-python",
    "py-serializable",
)
# Calibration runs in TensorFlow; layers and their costs are read with LiteRT.
QUANTIZE_TOOLS = (*keras_session.TOOLS, "ai-edge-litert", "litert-quantizer")


def release_info(release: Release) -> ReleaseInfo:
    """Return the description of a release for the metadata of its model files."""
    values = {field.name: getattr(release, field.name) for field in fields(ReleaseInfo)}
    return ReleaseInfo(**values)


def data_params(recipe: Recipe, _: Variants, __: ReleaseInfo) -> DataParams:
    """Return the parameters of the stage `data`."""
    return DataParams(
        **vars(_base_options(Data, recipe.data)),
        data_file=_data_file(recipe),
        classes=recipe.data.labels or _data_file(recipe),
        tools=plugins.tools(*_data_tools(recipe)),
    )


def train_params(recipe: Recipe, variants: Variants, _: ReleaseInfo) -> TrainParams:
    """Return the parameters of the stage `train`."""
    file = NO_FILE
    if recipe.model.imported is not None:
        file = recipe.model.imported.file
    return TrainParams(
        **vars(recipe.train),
        examples=variants["data"],
        format=_format(recipe),
        file=file,
        weights=_weights_file(file),
        task=recipe.task,
        data=_base_options(Data, recipe.data),
        data_file=_data_file(recipe),
        model=_base_options(Model, recipe.model),
        reference_runtime=list(float_reference.RUNTIMES[_format(recipe)]),
        tools=plugins.tools(*keras_session.TOOLS, *_data_tools(recipe)),
    )


def prune_params(recipe: Recipe, variants: Variants, _: ReleaseInfo) -> PruneParams:
    """Return the parameters of the stage `prune`."""
    tools: tuple[str, ...] = plugins.load("prune.method", recipe.prune.method).TOOLS
    if tools:
        tools = (*tools, *_data_tools(recipe))
    return PruneParams(
        **vars(_base_options(Prune, recipe.prune)),
        train=variants["train"],
        examples=variants["data"],
        format=_format(recipe),
        teacher=_teacher(recipe) or variants["train"],
        task=recipe.task,
        data=_base_options(Data, recipe.data),
        data_file=_data_file(recipe),
        tools=plugins.tools(*tools),
    )


def quantize_params(recipe: Recipe, variants: Variants, _: ReleaseInfo) -> QuantizeParams:
    """Return the parameters of the stage `quantize`."""
    quantize, budget = recipe.quantize, recipe.validate.budget
    scheme = SCHEMES[quantize.scheme]
    tools = _data_tools(recipe)
    if quantize.calibration is not None or quantize.qat is not None:
        tools = (*QUANTIZE_TOOLS, *tools)
    accuracy, accuracy_drop = budget.accuracy, budget.accuracy_drop
    if quantize.fallback_dtype is None:
        # Only `mixed` reads gates. For other schemes, another limit must not quantize again.
        accuracy, accuracy_drop = None, None
    return QuantizeParams(
        **vars(quantize),
        weights=scheme.weights,
        activations=scheme.activations,
        qat_bits=scheme.qat_bits,
        prune=variants["prune"],
        examples=variants["data"],
        format=_format(recipe),
        task=recipe.task,
        data=_base_options(Data, recipe.data),
        data_file=_data_file(recipe),
        accuracy=accuracy,
        accuracy_drop=accuracy_drop,
        reference_runtime=list(float_reference.RUNTIMES[_format(recipe)]),
        tools=plugins.tools(*tools),
    )


def convert_params(recipe: Recipe, variants: Variants, info: ReleaseInfo) -> ConvertParams:
    """Return the parameters of the stage `convert`."""
    scheme = SCHEMES[recipe.quantize.scheme]
    runtime = load_runtime(recipe.convert.runtime)
    may_overflow = recipe.device.cpu in runtime.facts.overflowing_cpus
    tools = (*keras_session.TOOLS, *runtime.facts.convert_tools, *runtime.facts.run_tools)
    return ConvertParams(
        **vars(recipe.convert),
        encoder=encoder_family(scheme.weights, scheme.activations),
        quantize=variants["quantize"],
        examples=variants["data"],
        task=recipe.task,
        data=_base_options(Data, recipe.data),
        data_file=_data_file(recipe),
        format=_format(recipe),
        strip=recipe.package.protect is not Protect.none,
        reduce_range=may_overflow and scheme.has_integer_activations,
        about=info,
        tools=plugins.tools(*tools, *_data_tools(recipe)),
    )


def validate_params(recipe: Recipe, variants: Variants, _: ReleaseInfo) -> ValidateParams:
    """Return the parameters of the stage `validate`; `float_parent` adds the speedup."""
    runtime = load_runtime(recipe.convert.runtime)
    # The float reference is a file of either.
    reference_tools = ("ai-edge-litert", "onnxruntime")
    tools = ("scipy", *reference_tools, *runtime.facts.run_tools, *_data_tools(recipe))
    return ValidateParams(
        **vars(_base_options(Protocol, recipe.validate)),
        convert=variants["convert"],
        inputs=_measurement_inputs(recipe.validate),
        speedup="float_parent" in variants,
        float_parent=variants.get("float_parent", variants["convert"]),
        train=variants["train"],
        examples=variants["data"],
        runtime=recipe.convert.runtime,
        platform=recipe.device.platform.value,
        task=recipe.task,
        data=_base_options(Data, recipe.data),
        data_file=_data_file(recipe),
        listening=listening.of(recipe),
        reference_runtime=list(float_reference.RUNTIMES[_format(recipe)]),
        tools=plugins.tools(*tools),
    )


def package_params(release: Release) -> PackageParams:
    """Return the parameters of the stage `package` that all platforms share, without targets."""
    return PackageParams(
        about=release_info(release),
        card=release.card,
        licenses=release.licenses,
        signature=release.signature,
        public_key_sha256=_public_key_digest(release),
        encryption_key=release.encryption_key,
        tools=plugins.tools(*PACKAGE_TOOLS),
        targets={},
    )


def target_params(recipe: Recipe, variants: Variants) -> TargetParams:
    """Return the parameters of the stage `package` for one target, without the recipe's digest."""
    return TargetParams(
        validate=variants["validate"],
        runtime=recipe.convert.runtime,
        task=recipe.task,
        input=recipe.data.input,
        device=recipe.device,
        budget=recipe.validate.budget,
        waivers=recipe.validate.waivers,
        package=recipe.package,
        ingredients=list(imported_components(recipe)),
        recipe_sha256="",  # computed from the whole plan
    )


RESOLVERS: dict[str, Callable[[Recipe, Variants, ReleaseInfo], object]] = {
    "data": data_params,
    "train": train_params,
    "prune": prune_params,
    "quantize": quantize_params,
    "convert": convert_params,
    "validate": validate_params,
}


def option_name(stage: str, target: Target) -> str:
    """Return the option that a stage appends to the name of a variant."""
    if stage == "train":
        return target.choices["model"]
    if stage == "validate":
        return target.recipe.device.platform.value
    return target.choices[stage]


def _base_options(base: type[Options], options: Options) -> Options:
    """Return the options of a base class, without attributions and gates of its subclass.

    They have no influence on what a stage computes, so a change must not run it again.
    """
    values = {field.name: getattr(options, field.name) for field in fields(base)}
    return base(**values)


def _format(recipe: Recipe) -> str:
    """Return the format of the trained model."""
    if recipe.model.imported is None:
        return "keras"
    return importers.format_of(recipe.model.imported.file)


def _weights_file(model_file: str) -> str:
    """Return the weights file of an ONNX model exported by PyTorch; otherwise the model file."""
    if model_file == NO_FILE:
        return model_file
    weights = f"{model_file}.data"
    if Path(weights).exists() or Path(f"{weights}.dvc").exists():
        return weights
    return model_file


def _teacher(recipe: Recipe) -> str | None:
    fine_tune = recipe.prune.fine_tune
    if fine_tune is None or fine_tune.distill is None:
        return None
    return fine_tune.distill.teacher


def _measurement_inputs(protocol: Protocol) -> dict[str, str]:
    """Return the digests of a recorded measurement and of a benchmark binary, by path.

    The digest of a missing file is empty.
    """
    files: list[str | None] = []
    if protocol.recorded is not None:
        files.append(protocol.recorded.file)
    if protocol.adb is not None:
        files.append(protocol.adb.benchmark_model)
    paths = [Path(file) for file in files if file]
    return {str(path): _digest_or_empty(path) for path in paths}


def _digest_or_empty(file: Path) -> str:
    if not file.is_file():
        return ""
    return artifacts.sha256(file.read_bytes())


def _public_key_digest(release: Release) -> str | None:
    """Return the digest of the public key; None if the file is missing, which `package` reports."""
    if release.signature is None:
        return None
    return _digest_or_empty(Path(release.signature.public_key)) or None


def _data_file(recipe: Recipe) -> str:
    return recipe.data.path or NO_FILE


def _data_tools(recipe: Recipe) -> tuple[str, ...]:
    tools: tuple[str, ...] = plugins.load("data.source", recipe.data.source).TOOLS
    return (*load_input(recipe.data.input.kind).tools, *tools)
