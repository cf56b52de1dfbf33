"""Encode weights and activations in int8, by the ranges that calibration found."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

    from edgebake.models.quantized_model import QuantizedModel
    from edgebake.recipe import Convert

SCHEMES = ("int8", "mixed")


def encode(model: onnx.ModelProto, quantized: QuantizedModel, options: Convert) -> onnx.ModelProto:
    """Return the graph with quantized weights and activations, less the layers that `mixed` keeps in float."""
    from edgebake.models.onnx import program
    from edgebake.models.onnx.decompose import decompose
    from edgebake.recipe import DType, Granularity
    from edgebake.runtimes.onnxruntime import integer_io, quantizer, weights

    float_program = program.Program(decompose(program.prepared(model)), quantized.required_ranges)
    kept = float_program.holding(
        [value for values in quantized.fallback_layers.values() for value in values]
    )
    integers = quantizer.Integers(quantized.granularity or Granularity.per_channel, kept)
    encoded = quantizer.integers(float_program, integers)
    if quantized.fallback_dtype is DType.float16:
        encoded = weights.halved(encoded, kept)
    encoded = integer_io.with_input(encoded, options.input, float_program.ranged[program.IMAGE])
    return integer_io.with_output(encoded, options.output)
