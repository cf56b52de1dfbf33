"""ONNX Runtime: one .onnx file. Source: https://onnxruntime.ai."""

# Without int16x8: on a CPU, ONNX Runtime has no kernel that computes on int16 activations.
SCHEMES = ("dynamic", "float16", "int4_weights", "int8", "mixed", "none")
KEEPS = ("float16", "float32")  # what `mixed` can keep layers in
# Dtypes that a file's input and output can have, by that of its activations.
ENDS = {"float32": ("float32",), "int8": ("float32", "int8", "uint8")}
INT8_OPERATORS: frozenset[str] | None = None  # all
CONVERT_TOOLS = ("flatbuffers", "onnx", "onnxruntime", "tf2onnx")
RUN_TOOLS = ("onnxruntime",)
# What an app links to run a file: the distribution that it was measured with stands for it in the bill of materials.
LIBRARY: dict[str, str] | None = {
    "name": "ONNX Runtime",
    "distribution": "onnxruntime",
    "license": "MIT",
    "source": "https://onnxruntime.ai",
}
FILE = "model.onnx"
