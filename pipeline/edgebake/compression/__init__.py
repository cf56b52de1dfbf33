"""Model compression: structured pruning, sparsity, weight clustering and quantization."""
