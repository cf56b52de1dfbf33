"""Models, edgebake's own files and those of other tools, for benchmarks/quantize.py."""
