"""LiteRT (TensorFlow Lite): one .tflite file. Source: https://ai.google.dev/edge/litert."""

SCHEMES = ("dynamic", "float16", "int8", "none")
INT8_OPERATORS: frozenset[str] | None = None  # all
CONVERT_TOOLS = ("ai-edge-litert", "flatbuffers")
RUN_TOOLS = ("ai-edge-litert",)
FILE = "model.tflite"
