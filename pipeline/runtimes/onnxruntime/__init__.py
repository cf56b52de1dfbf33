"""ONNX Runtime: one .onnx file. Source: https://onnxruntime.ai."""

SCHEMES = ("dynamic", "float16", "int8", "none")
INT8_OPERATORS: frozenset[str] | None = None  # all
CONVERT_TOOLS = ("onnx", "onnxruntime", "tf2onnx")
RUN_TOOLS = ("onnxruntime",)
FILE = "model.onnx"
