"""Core ML: one .mlpackage folder with an ML Program. Source: https://apple.github.io/coremltools."""

# The first iOS version that has what a scheme stores its weights and activations in.
FIRST_VERSION = {
    "dynamic": 16,
    "float16": 15,
    "int4_weights": 18,
    "int8": 17,
    "mixed": 17,
    "none": 15,
    "palettized": 16,
    "sparse": 16,
    "sparse_palettized": 18,
}
SCHEMES = tuple(FIRST_VERSION)
KEEPS = ("float16", "float32")  # what `mixed` can keep layers in
ENDS: dict[str, tuple[str, ...]] = {}  # an image goes in and a label comes out
# What has to compute in int8: coremltools also quantizes pooling and sums of two values, and nothing else.
INT8_OPERATORS: frozenset[str] | None = frozenset({"conv", "linear"})
CONVERT_TOOLS = (
    "coremltools",
    "onnx",
    "onnxruntime",
)  # the executor finds ranges for int8, and checks what was written
RUN_TOOLS = ("coremltools", "onnx", "onnxruntime")
LIBRARY: dict[str, str] | None = None  # Core ML is a part of the system: nobody distributes it with an app
FILE = "model.mlpackage"
