"""Core ML: one .mlpackage folder with an ML Program. Source: https://apple.github.io/coremltools."""

SCHEMES = ("dynamic", "float16", "int4_weights", "int8", "none", "palettized", "sparse", "sparse_palettized")
# What has to compute in int8: coremltools also quantizes pooling and sums of two values, and nothing else.
INT8_OPERATORS: frozenset[str] | None = frozenset({"conv", "linear"})
CONVERT_TOOLS = (
    "coremltools",
    "onnx",
    "onnxruntime",
)  # the executor finds ranges for int8, and checks what was written
RUN_TOOLS = ("coremltools", "onnx", "onnxruntime")
FILE = "model.mlpackage"
