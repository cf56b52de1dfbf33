"""Make edgebake's files as the stages quantize and convert do, without their folders."""

import dataclasses
import functools
import importlib
from collections.abc import Iterator

from benchmarks.peers.maker import EDGEBAKE, Built, Maker
from benchmarks.peers.subject import Subject
from edgebake.compression.quantization import calibration
from edgebake.compression.quantization.schemes import SCHEMES
from edgebake.models.quantized_model import QuantizedModel
from edgebake.plan import compose
from edgebake.recipe import Convert, CoreML, Precision, files
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.recipe.stage_params import QuantizeParams
from edgebake.runtimes.interface import schemes_of

ABOUT = ReleaseInfo("benchmark", "1.0.0", "nobody", "Apache-2.0", "a benchmark")
CORE_ML = "iOS18"  # the first that has every scheme


def options() -> list[str]:
    """Return the options of recipes/quantize/ without training, search or fallback layers."""
    found = {name: compose.option("quantize", name) for name in files.groups()["quantize"]}
    return [
        name
        for name, words in found.items()
        if not (words.qat or words.fallback_dtype or words.candidates)
    ]


def schemes(chosen: list[str]) -> set[str]:
    """Return the schemes of some options."""
    return {compose.option("quantize", option).scheme for option in chosen}


def makers(chosen: list[str], runtimes: list[str]) -> Iterator[Maker]:
    """Yield one for each option and each runtime that can carry it."""
    for runtime in runtimes:
        for option in chosen:
            scheme = compose.option("quantize", option).scheme
            if scheme in schemes_of(runtime):
                yield Maker(
                    EDGEBAKE, option, runtime, scheme, functools.partial(_built, option, runtime)
                )


def _built(option: str, runtime: str, subject: Subject) -> Built:
    options = compose.option("quantize", option)
    scheme = SCHEMES[options.scheme]
    words = QuantizeParams(
        **vars(options), format="keras", weights=scheme.weights, activations=scheme.activations
    )
    quantized = QuantizedModel.from_options(subject.archive, words)
    if words.calibration:
        examples = subject.drawn(words.calibration.samples, words.calibration.seed)
        ranges = calibration.calibrate(subject.archive, examples, words.calibration)
        quantized = dataclasses.replace(quantized, ranges=ranges)
    module = importlib.import_module(f"edgebake.runtimes.{runtime}.convert")
    files = module.convert(quantized, subject.agreed, ABOUT, _section(runtime, words.scheme))
    # Other tools are given a live model: loading the archive once does not count.
    return Built(files, uncounted=subject.loading)


def _section(runtime: str, scheme: str) -> Convert:
    if runtime != "coreml":
        return Convert(runtime, None)
    precision = Precision.float32 if scheme == "none" else Precision.float16
    return Convert(runtime, CoreML(CORE_ML, precision, [], None))
