"""Let LiteRT add and subtract int16 tensors of any scales.

By default its kernels take scales that are nearly powers of two, such as 1 / 32767, for powers of
two, and abort if an input has a larger one than the output: `pot_scale_int16` turns this off.
Source: tensorflow/lite/kernels/add.cc and sub.cc of TensorFlow.
"""

from __future__ import annotations

from ai_edge_litert import schema_py_generated as schema

from edgebake.models.tflite import tables

INT16 = schema.TensorType.INT16
OPTIONS = {"ADD": schema.AddOptionsT, "SUB": schema.SubOptionsT}


def allow_any_scales(model: bytes) -> bytes:
    """Return the .tflite with every ADD and SUB of int16 for scales that are no powers of two."""
    parsed = tables.parse(model)
    graph = parsed.subgraphs[0]
    for operator in graph.operators:
        kind = tables.builtin_name(parsed.operatorCodes[operator.opcodeIndex])
        if kind not in OPTIONS or graph.tensors[operator.outputs[0]].type != INT16:
            continue
        if operator.builtinOptions is None:
            operator.builtinOptions = OPTIONS[kind]()
            operator.builtinOptionsType = getattr(
                schema.BuiltinOptions, OPTIONS[kind].__name__.removesuffix("T")
            )
        operator.builtinOptions.potScaleInt16 = False
    return tables.serialize(parsed)
