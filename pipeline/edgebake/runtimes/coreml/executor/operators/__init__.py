"""Translate operators of ML Programs to ONNX, in the categories of coremltools' MIL documentation.

A function has the name of its operator and returns the tensor of its output, or one tensor per
output. Operators that ONNX has by another name are in a table at the top of their module.
Source: https://apple.github.io/coremltools/source/coremltools.converters.mil.mil.ops.defs.html.
"""
