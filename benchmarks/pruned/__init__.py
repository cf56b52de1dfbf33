"""What benchmarks/prune.py holds against each other: models, their files, the tables and the verdicts."""
