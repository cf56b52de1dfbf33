"""Read and rewrite ONNX graphs; no runtime is started."""
