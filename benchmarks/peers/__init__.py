"""What benchmarks/quantize.py measures with: its models, edgebake's own files, and those of other tools beside them."""
