"""Make edgebake's files as the stages quantize and convert do, without their folders."""

import dataclasses
import functools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.maker import EDGEBAKE, Built, Maker
from benchmarks.peers.subject import Subject
from edgebake.compression.quantization import calibration
from edgebake.compression.quantization.schemes import SCHEMES
from edgebake.models import float_fallback
from edgebake.models.activation_ranges import ActivationRanges
from edgebake.models.quantized_model import QuantizedModel
from edgebake.plan import compose
from edgebake.recipe import CoreML, Precision, Quantize, files
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.recipe.stage_params import ConvertParams, QuantizeParams
from edgebake.runtimes.interface import load_runtime, schemes_of
from edgebake.runtimes.litert.calibrated_model import CalibratedModel, load_source

ABOUT = ReleaseInfo("benchmark", "1.0.0", "nobody", "Apache-2.0", "a benchmark")
CORE_ML = "iOS18"  # the first deployment target that has every scheme


def options() -> list[str]:
    """Return the options of recipes/quantize/ without training, search or fallback layers."""
    names = []
    for name in files.groups()["quantize"]:
        config = _quantize_config(name)
        if not (config.qat or config.fallback_dtype or config.candidates):
            names.append(name)
    return names


def schemes(option_names: list[str]) -> set[str]:
    """Return the schemes of some options."""
    return {_quantize_config(name).scheme for name in option_names}


def makers(option_names: list[str], runtimes: list[str]) -> Iterator[Maker]:
    """Yield a maker for each option and each runtime that supports its scheme."""
    for runtime in runtimes:
        for name in option_names:
            scheme = _quantize_config(name).scheme
            if scheme in schemes_of(runtime):
                build = functools.partial(_build, name, runtime)
                yield Maker(EDGEBAKE, name, runtime, scheme, build)


def _quantize_config(name: str) -> Quantize:
    config: Quantize = compose.option("quantize", name)
    return config


def _build(option_name: str, runtime: str, subject: Subject) -> Built:
    config = _quantize_config(option_name)
    scheme = SCHEMES[config.scheme]
    if scheme.has_integer_activations:
        # As all other tools do: an operator without an integer kernel computes in float.
        config = dataclasses.replace(config, fallback=float_fallback.AUTO)
    params = QuantizeParams(
        **vars(config), format="keras", weights=scheme.weights, activations=scheme.activations
    )
    quantized = QuantizedModel.from_options(subject.archive, params)
    if params.calibration:
        samples = subject.draw_samples(params.calibration.samples, params.calibration.seed)
        ranges = calibration.calibrate(subject.archive, {"image": samples}, params.calibration)
        quantized = _with_ranges_of_files(quantized, ranges, runtime, samples)
    options = _convert_options(runtime, params.scheme)
    converted = load_runtime(runtime).convert_model(quantized, subject.contract, options)
    # Other tools get a loaded model, so loading the archive once does not count.
    return Built(converted, uncounted=subject.loading_seconds)


def _with_ranges_of_files(
    quantized: QuantizedModel, ranges: ActivationRanges, runtime: str, samples: NDArray[np.float32]
) -> QuantizedModel:
    """Add the ranges of values that only LiteRT's float file or the runtime's own one computes."""
    options = compose.option("quantize", "int8").calibration
    tflite = CalibratedModel.from_source(load_source(quantized), ranges)
    ranges = calibration.with_ranges_of_file(ranges, tflite, {"image": samples}, options)
    quantized = dataclasses.replace(quantized, ranges=ranges)
    file = load_runtime(runtime).calibrated_file(quantized)
    if file is not None:
        ranges = calibration.with_ranges_of_file(ranges, file, {"image": samples}, options)
    return dataclasses.replace(quantized, ranges=ranges)


def _convert_options(runtime: str, scheme: str) -> ConvertParams:
    if runtime != "coreml":
        return ConvertParams(runtime, None, about=ABOUT)
    precision = Precision.float16
    if scheme == "none":
        precision = Precision.float32
    return ConvertParams(runtime, CoreML(CORE_ML, precision, [], None), about=ABOUT)
