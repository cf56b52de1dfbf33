"""Core ML: one .mlpackage folder with an ML Program. Source: https://apple.github.io/coremltools."""

SCHEMES = ("dynamic", "float16", "none")  # ranges for int8 activations can be found on a Mac alone
CONVERT_TOOLS = ("coremltools",)
RUN_TOOLS: tuple[str, ...] = ()
FILE = "model.mlpackage"
