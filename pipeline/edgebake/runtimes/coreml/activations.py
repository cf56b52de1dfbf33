"""An ML Program in float16 in, the same with its activations in int8 out, by coremltools' own passes.

coremltools asks Core ML for the values of a program, which needs a Mac, and keeps the range of the last example alone.
Here ranges are those of the model, shared by all runtimes. There is no int16: the operator `quantize` gives int8 or
uint8, and OpLinearQuantizerConfig takes 4 and 8 bits.
"""

from typing import Any

import numpy as np

from edgebake.runtimes.coreml import block
from edgebake.runtimes.coreml.block import Block
from edgebake.runtimes.coreml.probe_values import ProbeValues

# What the passes treat. Source: SUPPORTED_OP_TYPES of insert_prefix_quantize_dequantize_pair, coremltools 9.
TREATED = frozenset({"conv", "linear", "avg_pool", "max_pool", "add"})


class Statistics(dict[str, dict[str, np.float32]]):
    """Ranges in coremltools' words, each looked up when a pass asks for it; what concatenations join shares one."""

    def __init__(self, program: Block, values: ProbeValues) -> None:
        super().__init__()
        self._program, self._values = program, values
        self._joined = _joined(program)

    def __missing__(self, value: str) -> dict[str, np.float32]:
        """Find the range of a value.

        Raises:
            ConversionError: it is not known.
        """
        origins = [self._program.origin(one) for one in sorted(self._joined.get(value, {value}))]
        ranges = [self._values.range_of(one) for one in origins]
        self[value] = _as_statistics(
            min(one.low for one in ranges), max(one.high for one in ranges)
        )
        return self[value]


def quantize_activations(model: Any, values: ProbeValues, kept: set[str]) -> Any:
    """Return the program with a pair of quantize and dequantize at every input and output that Core ML runs in int8.

    Operators that compute `kept`, values of the float32 program, are left out. The passes are coremltools' own, as
    `linear_quantize_activations` runs them.
    """
    import coremltools as ct
    import coremltools.optimize.coreml as cto
    from coremltools.converters.mil.frontend.milproto.load import load
    from coremltools.models.utils import _apply_graph_pass

    program = block.read_block(model)
    config = cto.OptimizationConfig(
        global_config=cto.OpLinearQuantizerConfig(mode="linear_symmetric"),
        op_name_configs=dict.fromkeys(_left(program, kept)),
    )
    return _apply_graph_pass(
        model,
        _passes(config, Statistics(program, values)),
        spec_version=ct._SPECIFICATION_VERSION_IOS_17,
        pymil_load_func=load,
        skip_model_load=True,
    )


def _left(program: Block, kept: set[str]) -> list[str]:
    """Return the operators that stay as they are.

    A sum with a constant is among them: the passes leave it in float too, but ask for the range of its other operand
    first, which nobody knows where the sum is the scaling of the image.
    """
    mine = [block.name_of(item) for item in program.computing(kept) if item.type in TREATED]
    sums = [
        item for item in program.operations if item.type == "add" and program.constants_of(item)
    ]
    return [*mine, *map(block.name_of, sums)]


def _joined(program: Block) -> dict[str, set[str]]:
    """Return, for every value that goes into concatenations or comes out, all computed values that it must be like."""
    found: dict[str, set[str]] = {}
    for item in program.operations:
        if item.type == "concat":
            values = {*block.read_by(item, "values"), item.outputs[0].name} - set(program.constants)
            group = values.union(*(found.get(value, set()) for value in values))
            found |= dict.fromkeys(group, group)
    return found


def _passes(config: Any, statistics: Statistics) -> list[Any]:
    from coremltools.converters.mil.mil.passes.graph_pass import PassOption
    from coremltools.converters.mil.mil.passes.pass_registry import PASS_REGISTRY

    passes = [
        PASS_REGISTRY[f"compression::insert_{where}_quantize_dequantize_pair"]
        for where in ("prefix", "suffix")
    ]
    for one in passes:
        one.set_options([PassOption("config", config)])
        one.set_options([PassOption("activation_stats", statistics)])
    return [*passes, PASS_REGISTRY["common::dequantize_quantize_pair_elimination"]]


def _as_statistics(low: float, high: float) -> dict[str, np.float32]:
    # Any scale holds nothing but zero, except the scale 0, which coremltools refuses.
    return {"rmin": np.float32(low), "rmax": np.float32(high if high > low else 1.0)}
