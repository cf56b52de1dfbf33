"""LiteRT (TensorFlow Lite): one .tflite file. Source: https://ai.google.dev/edge/litert."""

SCHEMES = ("dynamic", "float16", "int16x8", "int4_weights", "int8", "mixed", "none")
KEEPS = ("float16", "float32", "int16")  # what `mixed` can keep layers in
# Dtypes that a file's input and output can have, by that of its activations.
ENDS = {"float32": ("float32",), "int8": ("float32", "int8", "uint8"), "int16": ("float32", "int16")}
BLOCK_SIZES = (32, 64, 128, 256)  # of int4 weights
INT8_OPERATORS: frozenset[str] | None = None  # all
CONVERT_TOOLS = ("ai-edge-litert", "flatbuffers", "litert-quantizer")
RUN_TOOLS = ("ai-edge-litert",)
# What an app links to run a file: the distribution that it was measured with stands for it in the bill of materials.
LIBRARY: dict[str, str] | None = {
    "name": "LiteRT",
    "distribution": "ai-edge-litert",
    "license": "Apache-2.0",
    "source": "https://ai.google.dev/edge/litert",
}
FILE = "model.tflite"
