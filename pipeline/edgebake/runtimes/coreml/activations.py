"""Quantize the activations of a float16 ML Program to int8, with coremltools' own passes.

coremltools asks Core ML for the values of a program, which needs a Mac, and uses the range of the
last example only. Here the activation ranges are those of the model, which all runtimes share.
There is no int16: the operator `quantize` writes int8 or uint8, and OpLinearQuantizerConfig takes 4
and 8 bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgebake.runtimes.coreml import block
from edgebake.runtimes.coreml.block import Block
from edgebake.runtimes.coreml.probe_values import ProbeValues

if TYPE_CHECKING:
    from coremltools.converters.mil.mil.passes.graph_pass import AbstractGraphPass
    from coremltools.models import MLModel
    from coremltools.optimize.coreml import OptimizationConfig

# The operators that the passes quantize. Source: SUPPORTED_OP_TYPES of
# insert_prefix_quantize_dequantize_pair, coremltools 9.
QUANTIZABLE = frozenset({"conv", "linear", "avg_pool", "max_pool", "add"})


class Statistics(dict[str, dict[str, np.float32]]):
    """Activation ranges in coremltools' form, looked up when a pass asks for them.

    The inputs and the output of a concatenation share one range.
    """

    def __init__(self, program: Block, values: ProbeValues) -> None:
        super().__init__()
        self._program = program
        self._values = values
        self._concatenated = _concatenated_values(program)

    def __missing__(self, value: str) -> dict[str, np.float32]:
        """Look up the range of a value.

        Raises:
            ConversionError: it is not known.
        """
        ranges = []
        members = self._concatenated.get(value, {value})
        for member in sorted(members):
            origin = self._program.origin(member)
            ranges.append(self._values.range_of(origin))
        low = min(entry.low for entry in ranges)
        high = max(entry.high for entry in ranges)
        self[value] = _statistics(low, high)
        return self[value]


def quantize_activations(model: MLModel, values: ProbeValues, fallback_values: set[str]) -> MLModel:
    """Insert quantize and dequantize at every input and output that Core ML runs in int8.

    The passes are those that `linear_quantize_activations` of coremltools runs.

    Args:
        model: a float16 program.
        values: of the float32 program of the same model.
        fallback_values: values of the float32 program whose operators stay in float.
    """
    import coremltools as ct
    import coremltools.optimize.coreml as cto
    from coremltools.converters.mil.frontend.milproto.load import load
    from coremltools.models.utils import _apply_graph_pass

    program = block.read_block(model)
    float_operations = _float_operations(program, fallback_values)
    quantizer = cto.OpLinearQuantizerConfig(mode="linear_symmetric")
    config = cto.OptimizationConfig(
        global_config=quantizer, op_name_configs=dict.fromkeys(float_operations)
    )
    statistics = Statistics(program, values)
    return _apply_graph_pass(
        model,
        _passes(config, statistics),
        spec_version=ct._SPECIFICATION_VERSION_IOS_17,
        pymil_load_func=load,
        skip_model_load=True,
    )


def _float_operations(program: Block, fallback_values: set[str]) -> list[str]:
    """Return the names of the operations that stay in float.

    They include sums with a constant: the passes leave these in float too, but first ask for the
    range of the other operand, which is not known if the sum is the scaling of the image.
    """
    names = []
    for operation in program.computing(fallback_values):
        if operation.type in QUANTIZABLE:
            names.append(block.name_of(operation))
    for operation in program.operations:
        if operation.type == "add" and program.constants_of(operation):
            names.append(block.name_of(operation))
    return names


def _concatenated_values(program: Block) -> dict[str, set[str]]:
    """Return, for every computed value at a concatenation, all values that must share its range."""
    groups: dict[str, set[str]] = {}
    for operation in program.operations:
        if operation.type != "concat":
            continue
        values = set(block.input_names(operation, "values"))
        values.add(operation.outputs[0].name)
        group = values - set(program.constants)
        for value in list(group):
            group |= groups.get(value, set())
        groups |= dict.fromkeys(group, group)
    return groups


def _passes(config: OptimizationConfig, statistics: Statistics) -> list[AbstractGraphPass]:
    from coremltools.converters.mil.mil.passes.graph_pass import PassOption
    from coremltools.converters.mil.mil.passes.pass_registry import PASS_REGISTRY

    config_option = PassOption("config", config)
    statistics_option = PassOption("activation_stats", statistics)
    passes = []
    for position in ("prefix", "suffix"):
        graph_pass = PASS_REGISTRY[f"compression::insert_{position}_quantize_dequantize_pair"]
        graph_pass.set_options([config_option])
        graph_pass.set_options([statistics_option])
        passes.append(graph_pass)
    elimination = PASS_REGISTRY["common::dequantize_quantize_pair_elimination"]
    return [*passes, elimination]


def _statistics(low: float, high: float) -> dict[str, np.float32]:
    # For a value that is always zero, any scale but 0 will do, which coremltools refuses.
    if high <= low:
        high = 1.0
    return {"rmin": np.float32(low), "rmax": np.float32(high)}
