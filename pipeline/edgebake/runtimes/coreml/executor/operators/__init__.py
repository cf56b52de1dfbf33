"""The operators of ML Programs in ONNX: one small function each, in the groups of coremltools' MIL documentation.

A function is named after its operator and returns the ONNX tensor that holds its output, or one for each output.
Operators that ONNX has under another name stand in a table at the top of their module.
What an operator computes: https://apple.github.io/coremltools/source/coremltools.converters.mil.mil.ops.defs.html.
"""
