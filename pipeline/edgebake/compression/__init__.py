"""Make a model smaller: pruning and quantization."""
