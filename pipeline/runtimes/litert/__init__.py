"""LiteRT (TensorFlow Lite): one .tflite file. Source: https://ai.google.dev/edge/litert."""

SCHEMES = ("dynamic", "float16", "int8", "none")
CONVERT_TOOLS = ("ai-edge-litert", "flatbuffers")
RUN_TOOLS = ("ai-edge-litert",)
FILE = "model.tflite"
