"""Quantize a .tflite except for the operators that the recipe leaves in float."""

from __future__ import annotations

from dataclasses import replace

from edgebake.models.float_fallback import FileOperator, FloatFallback, float_operators
from edgebake.runtimes.litert import FILE, quantizer
from edgebake.runtimes.litert.calibrated_model import CalibratedModel
from edgebake.runtimes.litert.inspect import CASTS, live_dtypes
from edgebake.runtimes.litert.normalizations import normalization_operators
from edgebake.runtimes.litert.quantizer import IntegerOptions
from edgebake.runtimes.litert.workload import TfliteFile
from edgebake.runtimes.workload import Uncounted


def quantize_with_fallback(
    model: CalibratedModel, options: IntegerOptions, fallback: FloatFallback
) -> bytes:
    """Return the .tflite with integers, except for the operators that the recipe names.

    Raises:
        ConversionError: an operator has no integer kernel and the recipe does not name it, a name
            of the recipe is not in the file, or too much would stay in float.
    """
    options = replace(options, float_operators=normalization_outputs(model))
    quantized = quantizer.quantize_integers(model, options)
    operators = list_operators(model, quantized, options)
    in_float = float_operators(operators, fallback, options.activations)
    unsupported = {operator.name for operator in operators if not operator.has_integer_kernel}
    if in_float == unsupported:
        return quantized
    return quantizer.quantize_integers(model, replace(options, float_operators=sorted(in_float)))


def normalization_outputs(model: CalibratedModel) -> list[str]:
    """Return the operators of normalizations by the names of their outputs, joined by `;`."""
    file = TfliteFile({FILE: model.model})
    names = []
    for number in sorted(normalization_operators(file)):
        names.append(_output_names(file, number))
    return names


def list_operators(
    model: CalibratedModel, quantized: bytes, options: IntegerOptions
) -> list[FileOperator]:
    """Return the operators of the float file by the names of their outputs.

    Args:
        model: the float file.
        quantized: the file that the quantizer wrote of it.
        options: of the quantizer; the operators that they exclude count as supported.
    """
    file = TfliteFile({FILE: model.model})
    is_float = _float_flags(quantized)
    layers = {layer.tensor: layer.name for layer in model.layers}
    normalizations = normalization_operators(file)
    operators = []
    running = [number for number in file.running() if file.kind(number) not in CASTS]
    for number, float_in_quantized in zip(running, is_float, strict=True):
        outputs = file.graph.operators[number].outputs
        names = [file.graph.tensors[index].name.decode() for index in outputs]
        layer = next((layers[name] for name in names if name in layers), "")
        is_excluded = any(name in options.fallback_tensors for name in names)
        operators.append(
            FileOperator(
                name=_output_names(file, number),
                kind=file.kind(number),
                layer=layer,
                macs=_macs(file, number),
                has_integer_kernel=is_excluded or not float_in_quantized,
                is_normalization=not is_excluded and number in normalizations,
            )
        )
    return operators


def _output_names(file: TfliteFile, number: int) -> str:
    outputs = file.graph.operators[number].outputs
    return ";".join(file.graph.tensors[index].name.decode() for index in outputs)


def _float_flags(quantized: bytes) -> list[bool]:
    """Return whether each operator reads or writes floats, in order of execution, without casts."""
    file = TfliteFile({FILE: quantized})
    flags = []
    for number in file.running():
        if file.kind(number) in CASTS:
            continue
        dtypes = live_dtypes(file.model, file.graph, file.graph.operators[number])
        flags.append(any(dtype.startswith("float") for dtype in dtypes))
    return flags


def _macs(file: TfliteFile, number: int) -> int | None:
    try:
        return file.operation(number).macs
    except Uncounted:
        return None
