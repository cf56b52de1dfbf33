"""Ranges of activations, found on any machine, and the ML Program with its activations in int8.

coremltools asks Core ML for the values of a program, which needs a Mac, and keeps the range of the last example alone.
Here the executor computes them, and a range holds all examples.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.runtimes.coreml import package
from pipeline.runtimes.coreml.executor import program as programs
from pipeline.runtimes.coreml.executor.executor import Executor
from pipeline.runtimes.coreml.executor.translation import Arithmetic, floats


@dataclass(frozen=True)
class Range:
    """Smallest and largest value that was seen."""

    low: float
    high: float


def ranges(files: dict[str, bytes], images: NDArray[np.uint8]) -> dict[str, Range]:
    """Return the range of every float value of a program over images uint8 [n, h, w, c]."""
    read = package.read(files)
    executor = Executor(read, Arithmetic.float32, read=floats(programs.read(read)))
    found: dict[str, Range] = {}
    for image in images:
        fed = {"image": image[np.newaxis]}
        for name, value in {**fed, **executor.predict(fed)}.items():
            seen = found.get(name, Range(np.inf, -np.inf))
            found[name] = Range(min(seen.low, float(value.min())), max(seen.high, float(value.max())))
    return found


def quantized(model: Any, found: dict[str, Range]) -> Any:
    """Return the program with a pair of quantize and dequantize at every input and output that Core ML runs in int8.

    The passes are coremltools' own, as `linear_quantize_activations` runs them.
    """
    import coremltools as ct  # noqa: PLC0415
    import coremltools.optimize.coreml as cto  # noqa: PLC0415
    from coremltools.converters.mil.frontend.milproto.load import load  # noqa: PLC0415
    from coremltools.models.utils import _apply_graph_pass  # noqa: PLC0415

    config = cto.OptimizationConfig(global_config=cto.OpLinearQuantizerConfig(mode="linear_symmetric"))
    return _apply_graph_pass(
        model,
        _passes(config, _as_statistics(model, found)),
        spec_version=ct._SPECIFICATION_VERSION_IOS_17,
        pymil_load_func=load,
        skip_model_load=True,
    )


def _passes(config: Any, statistics: dict[str, Any]) -> list[Any]:
    from coremltools.converters.mil.mil.passes.graph_pass import PassOption  # noqa: PLC0415
    from coremltools.converters.mil.mil.passes.pass_registry import PASS_REGISTRY  # noqa: PLC0415

    passes = [PASS_REGISTRY[f"compression::insert_{where}_quantize_dequantize_pair"] for where in ("prefix", "suffix")]
    for one in passes:
        one.set_options([PassOption("config", config)])
        one.set_options([PassOption("activation_stats", statistics)])
    return [*passes, PASS_REGISTRY["common::dequantize_quantize_pair_elimination"]]


def _as_statistics(model: Any, found: dict[str, Range]) -> dict[str, Any]:
    """Return ranges in coremltools' words; what one concatenation joins shares one range."""
    from coremltools.optimize.coreml.experimental import _post_training_quantization as activation  # noqa: PLC0415
    from coremltools.optimize.coreml.experimental._model_debugger import ModelDebugger  # noqa: PLC0415

    statistics = {name: {"rmin": np.float32(one.low), "rmax": np.float32(one.high)} for name, one in found.items()}
    joined = ModelDebugger(model)._get_concat_op_info()
    activation._adjust_concat_surrounding_activation_stats(joined, statistics)
    return statistics
