"""Read and rewrite TFLite graphs without starting a runtime."""
