"""Models, files, tables and verdicts of benchmarks/prune.py."""
