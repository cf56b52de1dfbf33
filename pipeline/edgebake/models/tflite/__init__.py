"""Read and rewrite TFLite graphs; no runtime is started."""
